"""A training that gets no better ends, and says why."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from made_training import curve, record_of, scripted, small_config, train
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TrainerConfig
from mtnlg.training import fit
from mtnlg.training.callbacks import Budget, Ending, Snapshots


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
        patched.setattr(fit, "load_weights", lambda *_: 1 / 0)
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
def test_reason_of_the_end_is_what_ended_it_first(
    tmp_path: Path, steps: int, num_worse: int, expected: str
) -> None:
    """Oracle: by hand; a step, and a validation of which so many in a row were worse."""
    minutes = 1e-9 if expected == "max_minutes" else None
    settings = TrainerConfig(max_steps=9, patience=2, max_minutes=minutes)
    ending = Ending()
    snapshots = Snapshots(tmp_path, ending, patience=settings.patience)
    snapshots.best_loss, snapshots.num_worse = 1.0, num_worse - 1
    trainer = stand_in(steps)

    Budget(settings, ending).on_train_batch_end(trainer, None, None, None, 0)
    validated = SimpleNamespace(validation_results={"validation_loss": 2.0})
    snapshots.on_validation_end(trainer, validated)  # type: ignore[arg-type]

    assert trainer.should_stop
    assert ending.reason == expected


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.seconds)


def stand_in(step: int = 3) -> Any:
    strategy = SimpleNamespace(broadcast=lambda value: value)
    return SimpleNamespace(
        strategy=strategy,
        global_step=step,
        should_stop=False,
        is_global_zero=False,
        save_checkpoint=lambda path: None,
    )


def budget_of(max_minutes: float | None, max_steps: int) -> Budget:
    return Budget(TrainerConfig(max_minutes=max_minutes, max_steps=max_steps), Ending())


def is_over(budget: Budget, *, step: int = 3) -> bool:
    """Whether the training ends after a step."""
    trainer = stand_in(step)
    budget.on_train_batch_end(trainer, None, None, None, 0)
    return bool(trainer.should_stop)


def test_time_budget_is_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: a clock by hand: two minutes are 120 seconds from the start of the training."""
    clock = Clock(monkeypatch)
    budget = budget_of(2.0, max_steps=100)
    clock.seconds += 500  # what is prepared before the training does not count
    budget.on_train_start(stand_in(), None)  # type: ignore[arg-type]

    ends = []
    for seconds in (0, 12, 119.5, 120, 121):
        clock.seconds = 1500 + seconds
        ends.append((budget.seconds, is_over(budget)))

    assert ends == [
        (0, False),
        (12, False),
        (pytest.approx(119.5), False),
        (120, True),
        (121, True),
    ]


def test_time_budget_goes_on_where_an_interrupted_training_left_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: a clock by hand: 70, 30 and 20 seconds in three attempts are two minutes."""
    clock, state = Clock(monkeypatch), None
    for attempt, expected in ((70, 70), (30, 100), (20, 120)):
        budget = budget_of(2.0, max_steps=100)
        if state is not None:
            budget.load_state_dict(state)
        clock.seconds += 900  # between the attempts
        budget.on_train_start(stand_in(), None)  # type: ignore[arg-type]
        clock.seconds += attempt
        state = budget.state_dict()

        assert budget.seconds == expected
        assert is_over(budget) == (expected == 120)


def test_training_without_a_time_budget_ends_at_its_last_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: the number of steps; a year passes."""
    clock = Clock(monkeypatch)
    budget = budget_of(None, max_steps=9)
    clock.seconds += 365 * 24 * 3600

    assert [is_over(budget, step=step) for step in (1, 8, 9, 10)] == [False, False, True, True]
