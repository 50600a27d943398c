"""A training that gets no better ends, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from made_training import curve, record_of, scripted, small_config, train
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TrainerConfig
from mtnlg.training import fit
from mtnlg.training.callbacks import reason_of_end


def test_patience_ends_the_training_and_survives_its_last_kill(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: metrics by script, two validations after the best one; the second training is killed
    between its last validation and its folder, and needs no further one.
    """
    config = small_config(
        max_steps=40, validate_every_steps=2, log_every_steps=3, patience=2, max_minutes=60.0
    )
    scripted(monkeypatch, [1.0, 3.0, 2.0, 1.0])
    whole = train(prepared, config, tmp_path / "whole")
    seen = scripted(monkeypatch, [1.0, 3.0, 2.0, 1.0])

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_write_folder", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(prepared, config, tmp_path / "resumed")
    resumed = train(prepared, config, tmp_path / "resumed")

    assert len(seen) == 4
    record = record_of(resumed)
    assert (record["steps"], record["best_step"], record["ended_by"]) == (8, 4, "patience")
    assert record == record_of(whole)
    logged = [[row["step"] for row in curve(one) if row["train_loss"]] for one in (resumed, whole)]
    assert logged == [["3", "6", "8"]] * 2
    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")


def test_steps_before_a_validation_that_ends_the_training_are_logged(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, [2.0, 1.0])
    config = small_config(validate_every_steps=3, log_every_steps=4, patience=1)

    folder = train(prepared, config, tmp_path / "model")

    rows = curve(folder)
    assert [row["step"] for row in rows if row["train_loss"]] == ["4", "6"]
    assert record_of(folder)["training_target_tokens"] == int(rows[-1]["target_tokens"])


@pytest.mark.parametrize(
    ("steps", "num_worse", "expected"),
    [(9, 2, "max_steps"), (8, 3, "patience"), (8, 2, "patience"), (8, 1, "max_minutes")],
)
def test_reason_of_the_end_follows_from_the_last_state(
    steps: int, num_worse: int, expected: str
) -> None:
    config = TrainerConfig(max_steps=9, patience=2)

    assert reason_of_end(config, steps=steps, num_worse=num_worse) == expected
