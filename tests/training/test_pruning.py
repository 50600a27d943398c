"""Trainings that a search ends early."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from mtnlg.errors import PrunedTrainingError
from mtnlg.training.pruning import Pruning, new_study, open_study

MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2}


def trainer(step: int = 0, *, is_first_rank: bool = True) -> Any:
    strategy = SimpleNamespace(broadcast=lambda value: value)
    return SimpleNamespace(is_global_zero=is_first_rank, global_step=step, strategy=strategy)


def module(metric: float) -> Any:
    return SimpleNamespace(validation_results={"validation_metric": metric, "validation_loss": 9.0})


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """A study in which two trials had 20 and 30 at step 100, and a third one is asked for."""
    file = tmp_path / "study's file.log"
    study = new_study(file, optuna.samplers.RandomSampler(seed=1), MEDIAN)
    for value in (20.0, 30.0):
        trial = study.ask()
        trial.report(value, 100)
        study.tell(trial, value)
    study.ask()
    return file


def test_training_below_the_median_of_the_others_is_pruned(study_file: Path) -> None:
    """Oracle: the median of 20 and 30 is 25, which 24.9 is below."""
    pruning = Pruning(f"{study_file}#2")
    pruning.on_train_start(trainer(), None)
    with pytest.raises(PrunedTrainingError, match="step 100") as pruned:
        pruning.on_validation_end(trainer(100), module(24.9))
    assert pruned.value.validations == {100: 24.9}
    assert pruned.value.exit_code == 0


def test_training_above_the_median_goes_on(study_file: Path) -> None:
    """Oracle: 25.1 is above 25; the study then has it."""
    pruning = Pruning(f"{study_file}#2")
    pruning.on_train_start(trainer(), None)
    pruning.on_validation_end(trainer(100), module(25.1))
    assert open_study(study_file).trials[2].intermediate_values == {100: 25.1}


def test_resumed_training_reports_what_it_had(study_file: Path) -> None:
    """Oracle: the study of another process, which never saw the validation before the resume."""
    before = Pruning("gone.log#0")
    before.on_train_start(trainer(), None)
    before.on_validation_end(trainer(50), module(1.0))
    pruning = Pruning(f"{study_file}#2")
    pruning.load_state_dict(before.state_dict())
    pruning.on_train_start(trainer(50), None)
    assert open_study(study_file).trials[2].intermediate_values == {50: 1.0}


def test_only_the_first_process_talks_to_the_study(study_file: Path) -> None:
    """Oracle: the study, which has no value of another rank."""
    pruning = Pruning(f"{study_file}#2")
    pruning.on_train_start(trainer(is_first_rank=False), None)
    pruning.on_validation_end(trainer(100, is_first_rank=False), module(1.0))
    assert open_study(study_file).trials[2].intermediate_values == {}
