"""Ends a training that a search finds hopeless: a pruner of Optuna compares its validations with
those of the other trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from lightning.pytorch.callbacks import Callback
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from mtnlg.errors import ConfigError, PrunedTrainingError

PRUNER = "pruner"
"""Attribute of a study: the settings of its pruner."""


class Pruning(Callback):
    """Reports each validation to the trial FILE#NUMBER of a study; raises PrunedTrainingError where
    its pruner says so. Nothing is pruned once the search is over, and its file is gone.
    """

    def __init__(self, trial: str) -> None:
        file, _, number = trial.rpartition("#")
        self.file, self.number = Path(file), int(number)
        self.trial: optuna.Trial | None = None
        self.validations: dict[int, float] = {}
        """Step -> what a search maximizes: the metric, or the negated loss."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.is_global_zero and self.file.is_file():
            self.trial = optuna.Trial(open_study(self.file), self.number)
            for step, value in self.validations.items():
                self.trial.report(value, step)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        results = pl_module.validation_results
        value = results.get("validation_metric", -results["validation_loss"])
        self.validations[trainer.global_step] = round(value, 4)
        is_hopeless = False
        if self.trial is not None:
            self.trial.report(round(value, 4), trainer.global_step)
            is_hopeless = self.trial.should_prune()
        if trainer.strategy.broadcast(is_hopeless):
            raise PrunedTrainingError(
                f"pruned at step {trainer.global_step:,}: {value:.4g} at its validation is too far "
                "behind the other trials",
                self.validations,
            )

    def state_dict(self) -> dict[str, Any]:
        return {"validations": self.validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.validations = dict(state_dict["validations"])


def new_study(file: Path, sampler: Any, pruner: Mapping[str, Any]) -> optuna.Study:
    """A study that the trainings of a search can read; `pruner` has a `_target_` and settings."""
    study = optuna.create_study(
        storage=_storage(file),
        study_name=file.name,
        direction="maximize",
        sampler=sampler,
        pruner=build_part(pruner, optuna.pruners),
    )
    study.set_user_attr(PRUNER, dict(pruner))
    return study


def open_study(file: Path) -> optuna.Study:
    """The study of `new_study`, with its pruner."""
    study = optuna.load_study(study_name=file.name, storage=_storage(file))
    study.pruner = build_part(study.user_attrs[PRUNER], optuna.pruners)
    return study


def _storage(file: Path) -> JournalStorage:
    lock = JournalFileOpenLock(str(file))
    return JournalStorage(JournalFileBackend(str(file), lock_obj=lock))


def build_part(settings: Mapping[str, Any], module: Any) -> Any:
    """The sampler or pruner that `_target_` names, with the settings beside it; raises ConfigError
    for what is not in Optuna's module.
    """
    prefix = f"{module.__name__}."
    target = str(settings.get("_target_", ""))
    name = target.removeprefix(prefix)
    if name == target or name not in module.__all__:
        known = ", ".join(sorted(name for name in module.__all__ if name[0].isupper()))
        raise ConfigError(f"hydra.sweeper: _target_ {target!r}: must be {prefix}NAME, of {known}")
    arguments = {
        key: build_part(value, module) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if key != "_target_"
    }
    try:
        return getattr(module, name)(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"hydra.sweeper: {target}: {error}") from None
