"""Words of the command line as typed settings, and the mistakes in them, each in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mtnlg.cli.main import main
from mtnlg.config import DecodingConfig
from mtnlg.errors import ConfigError
from mtnlg.experiment.compose import decoding_settings
from mtnlg.experiment.naming import slug, without_paths


def test_words_become_typed_settings_of_decoding() -> None:
    """Oracle: the types of the fields; what is not asked for is not given."""
    settings = decoding_settings(["top_p=1", "max_new_tokens=7", "strategy=sampling"])

    assert settings == {"top_p": 1.0, "max_new_tokens": 7, "strategy": "sampling"}
    assert isinstance(settings["top_p"], float)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("max_new_tokns=3", "Key 'max_new_tokns' .*; did you mean 'max_new_tokens'\\?$"),
        ("zzz=3", f"Key 'zzz' .*; known: {', '.join(DecodingConfig.__dataclass_fields__)}$"),
        ("top_p=high", "^Value 'high' .* Float; full_key: top_p$"),
        ("strategy=gready", "^--set strategy has 'gready'; known: .*did you mean 'greedy'\\?$"),
        ("top_p", "^--set top_p: expected NAME=VALUE, as in --set max_new_tokens=32$"),
        ("bad_words=[a", r"^--set bad_words=\[a: not YAML \(.*\)$"),
    ],
)
def test_mistake_in_a_word_is_one_line_with_its_key(word: str, message: str) -> None:
    """Oracle: the word, and the remedy written out."""
    with pytest.raises(ConfigError, match=message) as caught:
        decoding_settings([word])

    assert "\n" not in str(caught.value)


def test_overrides_of_folders_and_tags_distinguish_no_runs() -> None:
    """Oracle: the settings that have no effect on results, written out."""
    kept = ["seed=1", "~callbacks.stop", "+trainer.max_steps=3", "model=tiny"]
    dropped = ["data_root=/d", "runs_root=r", "artifacts_root=a", "reports_root=x", "tags=[a]"]

    assert without_paths([*kept, *dropped, "+logger=csv", "logger.csv.target=x"]) == kept


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a-b_1.5", "a-b_1.5"), ("a/b", "a_b-c14cdd"), ("", "x-e3b0c4"), ("..", "x-5ec1f7")],
)
def test_name_that_is_no_safe_file_name_is_changed_and_has_a_hash(name: str, expected: str) -> None:
    """Oracle: the start of the sha256 of the name, by the command line tool sha256sum."""
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("swept", "others"),
    [
        (("model", "mt_nlg_nano", "pointer_nano"), ["model.num_heads=2", "model.dropout=0.1"]),
        (
            ("decoding", "greedy", "beam5"),
            ["decoding.max_new_tokens=7", "decoding.bad_words=[a,b]"],
        ),
        (
            ("optimizer", "muon", "adamw"),
            ["optimizer.learning_rate=1e-3", "optimizer.beta1=0.8"],
        ),
    ],
)
def test_settings_below_a_swept_choice_are_those_of_each_job(
    swept: tuple[str, str, str],
    others: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the run ids of the same commands one by one."""
    group, *choices = swept
    roots = [f"{name}_root={tmp_path / name}" for name in ("artifacts", "runs", "reports")]
    model = [] if group == "model" else ["model=mt_nlg_nano"]
    task = ("task=translation/builtin_en_zh", "name=swept", "trainer.num_threads=1")
    words = ["run", *task, *model, *others, "--dry-run", *roots]

    def run_ids(*more: str) -> list[str]:
        assert main([*words, *more]) == 0
        return re.findall(r"^\d+ +(\S+-seed1-\w+)", capsys.readouterr().out, re.MULTILINE)

    together = run_ids("-m", f"{group}={','.join(choices)}")

    assert len(together) == 2
    assert together == [run_id for choice in choices for run_id in run_ids(f"{group}={choice}")]
