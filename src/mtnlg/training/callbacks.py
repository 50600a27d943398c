"""What happens around the steps of a training, one idea a class. None of them changes the loss or
the order of examples.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import save_file
from torch import Tensor

from mtnlg.config import TrainerConfig
from mtnlg.errors import TrainingError
from mtnlg.model import Transformer
from mtnlg.model.folder import weights_of
from mtnlg.progress import Task
from mtnlg.records.files import write_text
from mtnlg.training.checkpoints import KEPT, AtomicCheckpointIO, checkpoint_path, find_checkpoints
from mtnlg.training.data import Batch
from mtnlg.training.module import TransformerModule

BEST_FILE = "best.safetensors"


class StepSeeds(Callback):
    """Draws of dropout depend on (seed, step, micro-batch, rank) alone, so that a resumed training
    repeats them.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        mixed = (self.seed * 1_000_003 + batch_idx) * 4_099 + trainer.global_rank
        torch.manual_seed(mixed % (1 << 63))


class FiniteLoss(Callback):
    """Stops at the first loss that is no number; the last checkpoint stays good."""

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not math.isfinite(float(outputs["nats"])):
            raise TrainingError(
                f"the loss is {float(outputs['nats'])} at step {trainer.global_step}, "
                f"a batch of {len(batch.lengths)} "
                "sequences; lower optimizer.learning_rate or lengthen optimizer.warmup_steps"
            )


class Budget(Callback):
    """Ends the training at a step boundary after `max_minutes`, counted over resumes, or at
    `max_steps`.
    """

    def __init__(self, max_minutes: float | None, max_steps: int) -> None:
        self.max_seconds = math.inf if max_minutes is None else 60 * max_minutes
        self.max_steps = max_steps
        self.earlier_seconds = 0.0
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall-clock of the training so far, resumes included."""
        return self.earlier_seconds + time.monotonic() - self.started

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.started = time.monotonic()

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        is_over = trainer.strategy.broadcast(self.seconds >= self.max_seconds)
        if is_over or trainer.global_step >= self.max_steps:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.earlier_seconds = float(state_dict["seconds"])


class MetricsFile(Callback):
    """metrics.csv: one line every few steps and one for each validation; cut back to the resumed
    step, never lost.
    """

    TRAINING = (
        *("step", "seconds", "target_tokens", "train_loss", "learning_rate"),
        *("tokens_per_second", "padding_share", "achieved_tflops"),
    )
    VALIDATION = ("validation_loss", "validation_metric")

    def __init__(
        self,
        path: Path,
        budget: Budget,
        task: Task,
        *,
        every: int,
        titles: list[str],
        on_row: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        several = [f"validation_metric/{title}" for title in titles] if len(titles) > 1 else []
        self.fields = [*self.TRAINING, *self.VALIDATION, *several]
        self.path, self.budget, self.task, self.every = path, budget, task, every
        self.on_row = on_row
        self.target_tokens = self.tokens = 0
        self.flops = 0.0
        self.window: list[Any] | None = None
        self._reset()

    def _reset(self) -> None:
        """Begin a window, or after a resume go on with the one that was interrupted."""
        window = self.window or [0.0, 0, 0, 0, 0.0, 0.0]
        self.nats, self.labels, self.read, self.padded, self.window_flops, seconds = window
        self.window_start = self.paused_at = time.monotonic() - seconds
        self.window = None

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        rows = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as stream:
                rows = [
                    row for row in csv.DictReader(stream) if self._is_kept(row, trainer.global_step)
                ]
        lines = [
            ",".join(self.fields),
            *(",".join(row[name] for name in self.fields) for row in rows),
        ]
        write_text(self.path, "\n".join(lines) + "\n")
        self.task.advance(trainer.global_step)
        self._reset()

    def _is_kept(self, row: dict[str, str], step: int) -> bool:
        """Whether a line was there at the checkpoint of a step; one of a window that was open then
        is written again.
        """
        is_open = self.window is not None and self.window[1] > 0 and bool(row["train_loss"])
        return int(row["step"]) < step + (not is_open)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.nats += float(outputs["nats"])
        self.labels += len(batch.labels)
        self.read += sum(batch.lengths)
        self.padded += batch.ids.numel()
        self.window_flops += pl_module.objective.flops(pl_module.model, batch)
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        is_due = trainer.global_step % self.every == 0 or trainer.should_stop
        if is_due:
            self._write(trainer, pl_module)
        self.task.advance(1)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Steps that no line tells of yet: those before a validation that ended the training."""
        if self.labels:
            self._write(trainer, pl_module)

    def _write(self, trainer: Any, pl_module: Any) -> None:
        seconds = max(time.monotonic() - self.window_start, 1e-9)
        self.target_tokens += self.labels
        self.tokens += self.read
        self.flops += self.window_flops
        loss, rate = self.nats / self.labels, self.read / seconds
        self._append(
            {
                "step": trainer.global_step,
                "seconds": round(self.budget.seconds, 1),
                "target_tokens": self.target_tokens * trainer.world_size,
                "train_loss": round(loss, 5),
                "learning_rate": f"{pl_module.optimizers().param_groups[0]['lr']:.6g}",
                "tokens_per_second": round(rate * trainer.world_size),
                "padding_share": round(1 - self.read / self.padded, 4),
                "achieved_tflops": round(
                    self.window_flops / seconds * trainer.world_size / 1e12, 4
                ),
            }
        )
        speed = f"{rate:,.0f} tokens/s, {self.window_flops / seconds / 1e9:,.0f} GFLOP/s"
        self.task.note = f"loss {loss:.3f}, {speed}"
        self._reset()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self.paused_at = time.monotonic()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        results = {name: round(value, 4) for name, value in pl_module.validation_results.items()}
        self._append(
            {"step": trainer.global_step, "seconds": round(self.budget.seconds, 1), **results}
        )
        metric = results.get("validation_metric")
        shown = "" if metric is None else f", metric {metric:.2f}"
        self.task.note = f"validation loss {results['validation_loss']:.3f}{shown}"
        self.task.show()
        self.window_start += time.monotonic() - self.paused_at

    def _append(self, row: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, self.fields, lineterminator="\n").writerow(row)
        if self.on_row is not None:
            self.on_row(row)

    def state_dict(self) -> dict[str, Any]:
        seconds = time.monotonic() - self.window_start
        return {
            "target_tokens": self.target_tokens,
            "tokens": self.tokens,
            "flops": self.flops,
            "window": [self.nats, self.labels, self.read, self.padded, self.window_flops, seconds],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.target_tokens, self.tokens = (
            int(state_dict["target_tokens"]),
            int(state_dict["tokens"]),
        )
        self.flops = float(state_dict["flops"])
        self.window = state_dict.get("window")


class Snapshots(Callback):
    """After each validation: the weights where they are the best so far (by the metric, then by the
    loss; by the loss alone where no task has a metric), and a checkpoint to resume from.
    """

    def __init__(
        self, folder: Path, weights: Callable[[Transformer], dict[str, Tensor]] = weights_of
    ) -> None:
        self.folder, self.weights = folder, weights
        self.best_metric, self.best_loss, self.best_step = -math.inf, math.inf, 0
        self.num_worse = 0
        """Validations in a row since the best one."""

    def accept(self, results: dict[str, float], *, step: int) -> bool:
        """Whether a candidate's metric is the highest so far, or as high with a lower loss, or its
        loss the lowest where no task has a metric; it is then the one to beat.
        """
        metric, loss = results.get("validation_metric", -math.inf), results["validation_loss"]
        is_better = (metric, -loss) > (self.best_metric, -self.best_loss)
        if is_better:
            self.best_metric, self.best_loss, self.best_step = metric, loss, step
        return is_better

    def on_validation_end(self, trainer: Any, pl_module: TransformerModule) -> None:  # type: ignore[override]
        is_better = self.accept(pl_module.validation_results, step=trainer.global_step)
        self.num_worse = 0 if is_better else self.num_worse + 1
        if is_better and trainer.is_global_zero:
            save_file(self.weights(pl_module.model), self.folder / BEST_FILE)
        path = checkpoint_path(self.folder, trainer.global_step)
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            for _, old in find_checkpoints(self.folder)[KEPT:]:
                AtomicCheckpointIO().remove_checkpoint(old)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best_metric": self.best_metric,
            "best_loss": self.best_loss,
            "best_step": self.best_step,
            "num_worse": self.num_worse,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_metric, self.best_loss = (
            float(state_dict["best_metric"]),
            float(state_dict["best_loss"]),
        )
        self.best_step = int(state_dict["best_step"])
        self.num_worse = int(state_dict.get("num_worse", 0))


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
