"""Data sets that are only tested on: a model of the same marker answers for them, and is not
trained again for it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtnlg.cli.main import main
from mtnlg.config import Config, ModelConfig, TaskConfig, TaskKind
from mtnlg.errors import ConfigError
from mtnlg.experiment.preflight import preflight

TRAINED, HELD_OUT = "translation/tatoeba_en_zh", "translation/ntrex128_en_zh"
SMALL = (
    *("model=mt_nlg_nano", "debug=fast", "name=small", "evaluation.num_resamples=100"),
    *("model.num_layers=1", "model.hidden_size=16", "model.num_heads=2"),
    *("model.context_length=64", "trainer.num_threads=1", "tokenizer.vocabulary_size=360"),
)
SENTENCES = [f"The {one} sees {number} houses." for number in range(9) for one in ("fox", "dog")]


def write(folder: Path, split: str, sentences: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    records = ({"translation": {"en": one, "zh": f"猫{one}"}} for one in sentences)
    lines = "".join(f"{json.dumps(record)}\n" for record in records)
    (folder / f"{split}.jsonl").write_text(lines)


def test_a_set_that_is_only_tested_on_has_a_board_and_changes_no_model(tmp_path: Path) -> None:
    """Oracle: the board, and the model's key of a run without the set."""
    write(tmp_path / "data" / TRAINED, "train", SENTENCES[:12])
    write(tmp_path / "data" / TRAINED, "validation", SENTENCES[12:14])
    write(tmp_path / "data" / TRAINED, "test", SENTENCES[14:16])
    write(tmp_path / "data" / HELD_OUT, "test", [SENTENCES[3], *SENTENCES[16:]])
    roots = [f"{name}_root={tmp_path / name}" for name in ("data", "artifacts", "runs", "reports")]

    alone = main(["run", f"task={TRAINED}", *SMALL, *roots])
    models = {path.name for path in (tmp_path / "artifacts/model").iterdir() if path.is_dir()}
    both = main(["run", f"task=[{TRAINED},{HELD_OUT}]", *SMALL, *roots])

    assert (alone, both) == (0, 0)
    assert len(models) == 1
    assert {
        path.name for path in (tmp_path / "artifacts/model").iterdir() if path.is_dir()
    } == models
    leaderboard = json.loads((tmp_path / "reports/small/leaderboard.json").read_text())
    boards = {board["task"]: board for board in leaderboard["boards"] if board["subset"] == "all"}
    assert set(boards) == {TRAINED, HELD_OUT}
    (trained,) = [row for row in boards[HELD_OUT]["rows"] if row["kind"] == "trained"]
    assert trained["metrics"]["bleu"]["n"] == 3
    assert trained["contamination"]["flagged"] == 1


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        (("en", "zh"), None),
        (("en", "de"), r"tasks\.other: nothing is trained for its marker <translation_en_de>"),
    ],
)
def test_a_marker_that_nothing_is_trained_for_is_refused(
    tmp_path: Path, languages: tuple[str, str], message: str | None
) -> None:
    """Oracle: the setting and the markers in the message."""

    def task(source: str, target: str, **settings: object) -> TaskConfig:
        return TaskConfig(
            kind=TaskKind.translation,
            reader="parallel_text",
            source_language=source,
            target_language=target,
            columns={"source": "a", "target": "b"},
            **settings,  # type: ignore[arg-type]
        )

    held_out = task(*languages, train_split=None, validation_split=None)
    model = ModelConfig(name="m", num_layers=1, hidden_size=8, num_heads=2, context_length=256)
    config = Config(
        tasks={"other": held_out, "mine": task("en", "zh")},
        model=model,
        artifacts_root=str(tmp_path),
    )

    if message is None:
        preflight(config)
        assert config.model_task("other") == config.model_task("mine") == "mine"
    else:
        with pytest.raises(ConfigError, match=message):
            preflight(config)
