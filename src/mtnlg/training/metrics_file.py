"""metrics.csv: the curve of a training, exact over kills and resumes."""

from __future__ import annotations

import csv
import logging
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback

from mtnlg.process.progress import CUT, Task
from mtnlg.records.files import write_text
from mtnlg.training.callbacks import Budget, Snapshots
from mtnlg.training.data import Batch
from mtnlg.training.module import TransformerModule
from mtnlg.training.trainer import Loggers

logger = logging.getLogger(__name__)


@dataclass
class Window:
    """Sums over the micro-batches since the last training row."""

    nats: float = 0.0
    labels: int = 0
    tokens: int = 0
    padded_tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    """Time of the runs before a resume."""
    grad_norm: float = math.nan
    """Of the last optimizer step."""


class MetricsFile(Callback):
    """metrics.csv: a row every few steps and one for each validation. A resumed training drops the
    rows after its checkpoint.
    """

    TRAINING = (
        *("step", "seconds", "target_tokens", "train_loss", "learning_rate"),
        *("tokens_per_second", "padding_share", "achieved_tflops", "grad_norm"),
    )
    VALIDATION = ("validation_loss", "validation_metric")

    def __init__(
        self,
        path: Path,
        budget: Budget,
        snapshots: Snapshots,
        task: Task,
        module: TransformerModule,
        trackers: Loggers,
    ) -> None:
        titles = module.metric.titles
        several = [f"validation_metric/{title}" for title in titles] if len(titles) > 1 else []
        self.fields = [*self.TRAINING, *self.VALIDATION, *several]
        self.path, self.budget, self.task = path, budget, task
        self.every = module.settings.log_every_steps
        self.snapshots, self.trackers, self.validated = snapshots, trackers, ""
        self.target_tokens = self.tokens = 0
        self.flops = 0.0
        self.trainer: Any = None
        self._open(Window())

    def _open(self, window: Window) -> None:
        self.window = window
        self.window_start = self.paused_at = time.monotonic() - window.seconds

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        lines = [",".join(self.fields)]
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as stream:
                lines += [
                    ",".join(row[name] for name in self.fields)
                    for row in csv.DictReader(stream)
                    if self._is_kept(row, trainer.global_step)
                ]
        if trainer.is_global_zero:
            write_text(self.path, "\n".join(lines) + "\n")
        else:
            self.window = Window()  # the checkpoint's is that of all processes
        self.trainer = trainer
        seconds_left = self.budget.max_seconds - self.budget.seconds
        self.task.begin(trainer.global_step, seconds_left=seconds_left)
        self._open(self.window)

    def _is_kept(self, row: dict[str, str], step: int) -> bool:
        """Whether a row is from before the checkpoint of `step`. One of a window that was open then
        will be written again.
        """
        is_open = self.window.labels > 0 and bool(row["train_loss"])
        return int(row["step"]) < step + (not is_open)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        window = self.window
        window.nats += float(outputs["nats"])
        window.labels += len(batch.labels)
        window.tokens += sum(batch.lengths)
        window.padded_tokens += batch.ids.numel()
        window.flops += pl_module.objective.flops(pl_module.model, batch)
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        window.grad_norm = float(pl_module.grad_norm)
        if trainer.global_step % self.every == 0 or trainer.should_stop:
            self._write(trainer, pl_module)
        self.task.advance(1)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the steps since the last row, in case a validation ended the training."""
        if self.window.labels:
            self._write(trainer, pl_module)

    def _write(self, trainer: Any, pl_module: Any) -> None:
        window = self._total()
        seconds = max(time.monotonic() - self.window_start, 1e-9)
        self.target_tokens += window.labels
        self.tokens += window.tokens
        self.flops += window.flops
        loss, rate = window.nats / window.labels, window.tokens / seconds
        learning_rate = pl_module.optimizers().param_groups[0]["lr"]
        self._append(
            {
                "step": trainer.global_step,
                "seconds": round(self.budget.seconds, 1),
                "target_tokens": self.target_tokens,
                "train_loss": round(loss, 5),
                "learning_rate": f"{learning_rate:.6g}",
                "tokens_per_second": round(rate),
                "padding_share": round(1 - window.tokens / window.padded_tokens, 4),
                "achieved_tflops": round(window.flops / seconds / 1e12, 4),
                "grad_norm": f"{window.grad_norm:.6g}",
            }
        )
        speed = f"{rate:,.0f} tokens/s, {window.flops / seconds / 1e9:,.0f} GFLOP/s"
        parts = (f"loss {loss:.3f}", self.validated, f"learning rate {learning_rate:.3g}", speed)
        self.task.note = ", ".join(filter(None, parts))
        self._open(Window())

    def _total(self) -> Window:
        """The window of all processes."""
        window = self.window
        if self.trainer is None or self.trainer.world_size == 1:
            return window
        names = ("nats", "labels", "tokens", "padded_tokens", "flops")
        device = self.trainer.strategy.root_device
        parts = [float(getattr(window, name)) for name in names]
        sums = torch.tensor(parts, dtype=torch.float64, device=device)
        torch.distributed.all_reduce(sums)
        nats, labels, tokens, padded_tokens, flops = sums.tolist()
        counts = {"labels": int(labels), "tokens": int(tokens), "padded_tokens": int(padded_tokens)}
        return replace(window, nats=nats, flops=flops, **counts)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self.paused_at = time.monotonic()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        results = {name: round(value, 4) for name, value in pl_module.validation_results.items()}
        self._append(
            {"step": trainer.global_step, "seconds": round(self.budget.seconds, 1), **results}
        )
        self.validated = self._choice(pl_module.validation_results, pl_module.metric.name)
        loss = f"validation loss {results['validation_loss']:.3f}"
        self.task.note = f"{loss}, {self.validated}" if pl_module.metric.titles else self.validated
        self.task.show()
        samples = pl_module.metric.samples
        if samples and trainer.is_global_zero:
            text = "\n".join([f"step {trainer.global_step:,}", *map(str, samples)])
            logger.info(text, extra=CUT)
            self.trackers.log_samples(samples, trainer.global_step)
        self.window_start += time.monotonic() - self.paused_at

    def _choice(self, results: dict[str, float], metric: str) -> str:
        """The value that chooses checkpoints, and the best so far."""
        best, name = self.snapshots, "validation_metric"
        if name not in results:
            metric, name = "validation loss", "validation_loss"
        earlier = best.best_loss if name == "validation_loss" else best.best_metric
        is_best = best.is_better(results)
        where = "the best so far" if is_best else f"best {earlier:.4g} at step {best.best_step:,}"
        return f"{metric} {results[name]:.4g} ({where})"

    def _append(self, row: dict[str, Any]) -> None:
        if self.trainer is not None and not self.trainer.is_global_zero:
            return
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, self.fields, lineterminator="\n").writerow(row)
        self.trackers.log_row(row)

    def state_dict(self) -> dict[str, Any]:
        self.window.seconds = time.monotonic() - self.window_start
        return {
            "target_tokens": self.target_tokens,
            "tokens": self.tokens,
            "flops": self.flops,
            "window": asdict(self._total()),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)
        self.window = Window(**state_dict["window"])
