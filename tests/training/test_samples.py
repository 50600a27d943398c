"""Outputs that are shown after each validation: the right ones, and without any effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from composed import composed
from made_training import curve, small_config, train
from mtnlg import MegatronTuringForConditionalGeneration
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, ThirdParty
from mtnlg.experiment.naming import run_id
from mtnlg.process.progress import logged_to, show_messages
from mtnlg.records.rows import read_rows

TASK = "translation/forward"


@pytest.fixture(autouse=True)
def shown_messages() -> None:
    show_messages()


def with_samples(count: int, **trainer: object) -> Config:
    return small_config(validation_samples=count, **trainer)


def test_samples_change_no_bit_of_the_model(prepared: Any, tmp_path: Path) -> None:
    """Oracle: the weights and the curve of a training without them."""
    plain, shown = (train(prepared, with_samples(count), tmp_path / str(count)) for count in (0, 2))

    assert file_sha256(plain / "model.safetensors") == file_sha256(shown / "model.safetensors")
    values = [[row["validation_metric"] for row in curve(folder)] for folder in (plain, shown)]
    assert values[0] == values[1]


def test_samples_are_the_outputs_of_the_validated_model(
    prepared: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: the model folder, with the weights of the only validation, answers the sources."""
    monkeypatch.setenv("COLUMNS", "300")
    folder = train(prepared, with_samples(2, max_steps=3), tmp_path / "model")

    lines = capsys.readouterr().err.splitlines()
    model = MegatronTuringForConditionalGeneration.from_pretrained(folder)
    rows = list(read_rows(prepared.data[0].rows / "validation.jsonl"))
    outputs = model.generate([row.source for row in rows], task=TASK, max_new_tokens=96)
    blocks = {
        f"  source     {row.source}": [f"  reference  {row.references[0]}", f"  output     {text}"]
        for row, text in zip(rows, outputs, strict=True)
    }
    starts = [index for index, line in enumerate(lines) if line == TASK]
    assert "step 3" in lines
    assert len(starts) == 2
    for start in starts:
        expected = [line.rstrip() for line in blocks[lines[start + 1]]]
        assert [line.rstrip() for line in lines[start + 2 : start + 4]] == expected


def test_samples_are_cut_for_the_terminal_and_whole_in_the_log(
    prepared: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: the rows; the terminal has 24 columns."""
    monkeypatch.setenv("COLUMNS", "24")

    with logged_to(tmp_path / "log.txt"):
        train(prepared, with_samples(3, max_steps=3), tmp_path / "model")

    sources = [row.source for row in read_rows(prepared.data[0].rows / "validation.jsonl")]
    shown = [line for line in capsys.readouterr().err.splitlines() if "  source " in line]
    logged = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert any(len(source) > 11 for source in sources)
    assert all(len(line) <= 23 for line in shown)
    assert any(line.endswith("…") for line in shown)
    assert sum(f"  source     {source}\n" in logged for source in sources) == 3


def test_samples_are_kept_by_tensorboard(prepared: Any, tmp_path: Path) -> None:
    """Oracle: TensorBoard's own reader of its files."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = with_samples(1)
    target = "lightning.pytorch.loggers.TensorBoardLogger"
    arguments = {"save_dir": str(tmp_path / "board"), "name": "", "version": ""}
    config.logger = {"tensorboard": ThirdParty(target=target, arguments=arguments)}
    train(prepared, config, tmp_path / "model")

    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    texts = events.Tensors("val/samples/text_summary")
    assert [event.step for event in texts] == [3, 6, 8]
    assert TASK in texts[0].tensor_proto.string_val[0].decode()


def test_samples_give_no_other_run() -> None:
    """Oracle: the run's id without them."""
    words = ("task=translation/builtin_en_zh", "model=mt_nlg_nano")

    assert run_id(composed(*words, "trainer.validation_samples=3")) == run_id(composed(*words))
