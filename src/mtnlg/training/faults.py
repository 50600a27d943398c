"""What ends a training early: a signal, memory that is used up, a process that dies."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback

from mtnlg.errors import (
    InterruptedTrainingError,
    MtnlgError,
    NotFiniteError,
    OutOfMemoryError,
    TrainingError,
    is_out_of_memory,
)
from mtnlg.process.signals import Request, handled_by
from mtnlg.records.files import read_json, write_json
from mtnlg.records.places import NOT_FINITE_FILE
from mtnlg.training.checkpoints import find_checkpoints, save_and_prune
from mtnlg.training.data import Batch


class StopOnSignal(Callback):
    """Ends the training after the step in which a signal arrives, with a checkpoint. A validation
    that is due, or that it arrives in, comes first and writes its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.request, self.handlers = folder, Request(), ExitStack()
        self.batch = "no batch"
        """What the training is at, in words."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Replace Lightning's handler of SIGTERM, which leaves no checkpoint and exits with 0."""
        self.handlers.enter_context(handled_by(self.request))

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Batch, batch_idx: int
    ) -> None:
        rows, length = batch.ids.shape
        self.batch = f"a batch of {rows} sequences of up to {length} tokens"

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

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.handlers.close()

    def _asked(self, trainer: Any) -> int:
        """The signal that one of the processes got; 0 for none."""
        number = torch.tensor(self.request.number or 0, device=trainer.strategy.root_device)
        if trainer.world_size > 1:
            torch.distributed.all_reduce(number, op=torch.distributed.ReduceOp.MAX)
        return int(number)

    def _stop(self, trainer: Any, number: int) -> None:
        name = signal.Signals(number).name
        raise InterruptedTrainingError(
            f"killed by {name} at step {trainer.global_step:,}", exit_code=128 + number
        )


LESS_MEMORY = (
    "lower trainer.batch_tokens (and raise trainer.accumulation), lower model.context_length or "
    "set trainer.activation_checkpointing=true"
)
STEADIER = (
    "lower optimizer.learning_rate, lengthen optimizer.warmup_steps or lower optimizer.clip_norm"
)


def explained(error: Exception, folder: Path, *, step: int, batch: str) -> Exception:
    """The error of a training in the words of its user, with a remedy; the same one if it is a
    bug of ours.
    """
    text = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    if isinstance(error, NotFiniteError):
        return TrainingError(f"{error}, {batch}; {_way_back(error, folder)}; {STEADIER}")
    if is_out_of_memory(error):
        return OutOfMemoryError(
            f"out of memory at step {step + 1:,}, {batch} ({text}); {LESS_MEMORY}"
        )
    if _is_dead_loader(error):
        return TrainingError(
            f"a process that loads batches ended at step {step + 1:,}, most often for want of "
            "memory; the same command goes on from the last checkpoint, and trainer.num_workers=0 "
            "loads without another process"
        )
    if isinstance(error, MtnlgError) and "DataLoader worker process" in str(error):
        return type(error)(text.partition("Error: ")[2])
    return error


def _is_dead_loader(error: Exception) -> bool:
    """Whether PyTorch noticed that a worker is gone, or a pipe or socket to it did before."""
    if isinstance(error, FileNotFoundError):
        return error.filename is None
    is_said = isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker")
    return is_said or isinstance(error, ConnectionError | EOFError)


def _way_back(error: NotFiniteError, folder: Path) -> str:
    """Where the same command goes on; whether that is any use, if it ended at this step before."""
    path = folder / NOT_FINITE_FILE
    earlier = read_json(path).get("step") if path.exists() else None
    write_json(path, {"step": error.step})
    steps = [step for step, _ in find_checkpoints(folder)]
    start = f"the checkpoint of step {steps[0]:,}" if steps else "the start"
    if earlier == error.step:
        return f"it was so the last time, and will be again from {start}"
    return f"the same command goes on from {start}"
