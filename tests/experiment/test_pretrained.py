"""A run that starts from a model of others: what it is made of, and what its keys depend on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from composed import composed
from made_checkpoints import NUM_TOKENS, make_checkpoint
from mtnlg.config import Config
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.compose import freeze, thaw
from mtnlg.experiment.initial_model import check_initial_model
from mtnlg.experiment.naming import run_id
from mtnlg.experiment.pretrained import make_pretrained
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.model import load_model
from small_run import SmallRun

TASK = "task=translation/builtin_en_zh"


def pretrained(root: Path, *words: str, source: str = "theirs") -> Config:
    roots = [f"artifacts_root={root / 'artifacts'}", f"initial_model={root / source}"]
    return composed(TASK, "model=pretrained", *roots, *words)


def test_model_has_the_shape_of_the_initial_one(tmp_path: Path) -> None:
    """Oracle: the fields of transformers' configuration."""
    make_checkpoint(tmp_path / "theirs", "llama")

    config = pretrained(tmp_path, "model.dropout=0.25", "model.context_length=30")

    model = config.model
    assert (model.num_layers, model.hidden_size, model.num_heads) == (3, 24, 6)
    assert (model.num_key_value_heads, model.inner_size, model.rotary_base) == (2, 20, 500.0)
    assert (model.dropout, model.context_length, model.has_bias) == (0.25, 30, False)
    assert Path(str(config.initial_model)).parent == tmp_path / "artifacts" / "pretrained"
    check_initial_model(config)


def test_conversion_happens_once_and_a_changed_file_is_converted_again(tmp_path: Path) -> None:
    """Oracle: the time of the files, and another weight."""
    make_checkpoint(tmp_path / "theirs", "gpt2")
    first, _ = make_pretrained(str(tmp_path / "theirs"), tmp_path / "artifacts")
    before = (first / "model.safetensors").stat().st_mtime_ns
    shutil.copytree(tmp_path / "theirs", tmp_path / "copy")

    again, _ = make_pretrained(str(tmp_path / "copy"), tmp_path / "artifacts")

    assert (again, (again / "model.safetensors").stat().st_mtime_ns) == (first, before)
    make_checkpoint(tmp_path / "copy", "gpt2", layer_norm_epsilon=1e-3)
    assert make_pretrained(str(tmp_path / "copy"), tmp_path / "artifacts")[0] != first


def test_frozen_configuration_needs_no_source(tmp_path: Path) -> None:
    """Oracle: the configuration before it was frozen."""
    make_checkpoint(tmp_path / "theirs", "qwen3")
    config = pretrained(tmp_path)
    shutil.rmtree(tmp_path / "theirs")
    (tmp_path / "config.yaml").write_text(freeze(config))

    assert thaw(tmp_path / "config.yaml") == config
    assert yaml.safe_load(freeze(config))["model"]["attention_head_size"] == 10


def test_run_id_depends_on_the_files_and_not_on_their_folder(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "a" / "theirs", "llama")
    make_checkpoint(tmp_path / "b" / "theirs", "llama")
    make_checkpoint(tmp_path / "c" / "theirs", "llama", rms_norm_eps=1e-3)

    ids = [run_id(pretrained(tmp_path / name, "model.norm_epsilon=1e-3")) for name in "abc"]

    assert ids[0] == ids[1] != ids[2]


def test_a_folder_of_ours_is_its_own_initial_model(tmp_path: Path) -> None:
    """Oracle: the folder."""
    make_checkpoint(tmp_path / "theirs", "llama")
    ours, _ = make_pretrained(str(tmp_path / "theirs"), tmp_path / "artifacts")

    config = pretrained(tmp_path, source=f"artifacts/pretrained/{ours.name}")

    assert config.initial_model == str(ours)
    assert config.model.num_layers == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("initial_model=null",), "model=pretrained has the shape of its initial model; give a"),
        (("model.num_layers=2",), "model.num_layers=2: initial_model="),
        (("model.rotary_base=9",), "model.rotary_base=9.0: initial_model="),
        (("model.context_length=32",), "model.context_length=32: initial_model="),
        (("model=mt_nlg_tiny",), "for a model of others use model=pretrained"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    make_checkpoint(tmp_path / "theirs", "llama")

    with pytest.raises((ConfigError, ArtifactError)) as raised:
        check_initial_model(pretrained(tmp_path, *words))

    assert message in str(raised.value)


def test_model_of_the_hub_is_downloaded_at_its_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is faked. Oracle: the conversion of its local folder."""
    make_checkpoint(tmp_path / "cache", "llama")
    asked: list[tuple[str, str]] = []

    def snapshot_download(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        assert "*.bin" not in allow_patterns
        asked.append((name, revision))
        return str(tmp_path / "cache")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)

    folder, _ = make_pretrained("owner/name@0123abc", tmp_path / "artifacts")

    assert asked == [("owner/name", "0123abc")]
    assert (folder, _) == make_pretrained(str(tmp_path / "cache"), tmp_path / "artifacts")


def test_training_from_a_model_of_others(tmp_path: Path) -> None:
    """As a user starts it. Oracle: frozen weights are those of the initial model."""
    make_checkpoint(tmp_path / "theirs", "llama", max_position_embeddings=64)
    run = SmallRun(tmp_path)

    ended = run.run(
        *("evaluate", "model=pretrained", f"initial_model={tmp_path / 'theirs'}"),
        *("model.num_layers=3", "model.hidden_size=24", "trainer.max_steps=4"),
        "trainer.frozen=[blocks.0]",
    )

    assert ended.returncode == 0, ended.stderr
    ours = load_model(run.one("artifacts/pretrained/[!.]*"))
    trained = MegatronTuringForConditionalGeneration.from_pretrained(
        run.one("artifacts/model/[!.]*")
    )
    state = trained.model.state_dict()
    for name, weight in ours.state_dict().items():
        is_frozen = name.startswith("blocks.0.")
        assert torch.equal(state[name][: len(weight)], weight) is is_frozen, name
    assert trained.tokenizer.vocabulary_size == NUM_TOKENS + 3
    assert run.record()["status"] == "finished"
