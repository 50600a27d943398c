"""metrics.csv: the curve of a training, exact over kills and resumes."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from mtnlg.progress import Task
from mtnlg.records.files import write_text
from mtnlg.training.callbacks import Budget
from mtnlg.training.data import Batch


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
        """Write the steps since the last line, where a validation ended the training."""
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
