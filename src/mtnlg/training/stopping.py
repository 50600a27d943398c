"""Why a training ends."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.callbacks import Callback

from mtnlg.config import TrainerConfig
from mtnlg.training.callbacks import Snapshots


class Patience(Callback):
    """Ends the training after so many validations in a row that were not the best so far; the count
    is that of the snapshots, and is resumed with them.
    """

    def __init__(self, limit: int, snapshots: Snapshots) -> None:
        self.limit, self.snapshots = limit, snapshots

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._stop(trainer)  # killed between its last validation and its end

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._stop(trainer)

    def _stop(self, trainer: Any) -> None:
        if trainer.strategy.broadcast(self.snapshots.num_worse >= self.limit):
            trainer.should_stop = True


def reason_of_end(config: TrainerConfig, *, steps: int, num_worse: int) -> str:
    """The setting that ended a training of so many steps: max_steps, patience or max_minutes."""
    if steps >= config.max_steps:
        return "max_steps"
    is_patience = config.patience is not None and num_worse >= config.patience
    return "patience" if is_patience else "max_minutes"
