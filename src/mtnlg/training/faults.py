"""What ends a training early: a signal, memory that is used up, a process that dies."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from mtnlg.errors import InterruptedTrainingError
from mtnlg.signals import Request, handled_by
from mtnlg.training.checkpoints import save_and_prune


class StopOnSignal(Callback):
    """Ends the training after the step in which a signal arrives, with a checkpoint. A validation
    that is due, or that it arrives in, comes first and writes its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.request, self.handlers = folder, Request(), ExitStack()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Replace Lightning's handler of SIGTERM, which leaves no checkpoint and exits with 0."""
        self.handlers.enter_context(handled_by(self.request))

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        is_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        has_validation = trainer.should_stop or (batch_idx + 1) % trainer.val_check_batch == 0
        if is_step and not has_validation and (number := self._asked(trainer)):
            save_and_prune(trainer, self.folder)
            self._stop(trainer, number)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if number := self._asked(trainer):
            self._stop(trainer, number)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self.handlers.close()

    def _asked(self, trainer: Any) -> int:
        """The signal that one of the processes got; 0 for none."""
        return self.request.number or 0

    def _stop(self, trainer: Any, number: int) -> None:
        name = signal.Signals(number).name
        raise InterruptedTrainingError(
            f"killed by {name} at step {trainer.global_step:,}", exit_code=128 + number
        )
