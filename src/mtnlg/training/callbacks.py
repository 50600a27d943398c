"""What happens around the steps of a training. No class here changes the loss or the order of
examples.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.profiler import profile

from mtnlg.artifacts.store import PARTIAL_SUFFIX
from mtnlg.config import TrainerConfig
from mtnlg.errors import NotFiniteError
from mtnlg.model import Transformer
from mtnlg.model.folder import weights_of
from mtnlg.records.files import write_text
from mtnlg.training.checkpoints import require_finite, save_and_prune, save_best
from mtnlg.training.module import TransformerModule

logger = logging.getLogger(__name__)

SKIPPED_BATCHES = 2
"""The first batches allocate memory and choose kernels."""
PROFILED_BATCHES = 10
SHOWN_OPERATIONS = 40


class StepSeeds(Callback):
    """Makes dropout depend on (seed, step, micro-batch) alone, so that a resumed training repeats
    it, with any number of processes.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.processes: list[int] = []
        """Numbers of processes, one after the other."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        earlier = self.processes[-1:]
        if earlier != [trainer.world_size]:
            self.processes = [*self.processes, trainer.world_size]
        if earlier and earlier != [trainer.world_size] and trainer.is_global_zero:
            logger.warning(
                f"processes of the training: {earlier[0]} so far, {trainer.world_size} from here: "
                "the examples of a step stay the same, the last digits of sums do not"
            )

    def state_dict(self) -> dict[str, Any]:
        return {"processes": self.processes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.processes = state_dict["processes"]

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        number = batch_idx * trainer.world_size + trainer.global_rank
        torch.manual_seed((self.seed * 1_000_003 + number) * 4_099 % (1 << 63))

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Count micro-batches as this number of processes does; another may have counted them."""
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        num_ready = checkpoint["global_step"] * trainer.accumulate_grad_batches
        for counts in (progress["total"], progress["current"]):
            shift = num_ready - counts["ready"]
            counts.update({name: count + shift for name, count in counts.items()})


class FiniteLoss(Callback):
    """Raises NotFiniteError at the first NaN or infinite loss, weight or result of a validation,
    which no checkpoint has seen. Gradients are checked before they change a weight.
    """

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        nats = float(outputs["nats"])
        if not math.isfinite(nats):
            raise NotFiniteError(f"the loss is {nats}", step=trainer.global_step)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        require_finite(dict(pl_module.model.named_parameters()), step=trainer.global_step)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        for name, value in pl_module.validation_results.items():
            if not math.isfinite(value):
                raise NotFiniteError(f"the {name} is {value}", step=trainer.global_step)


class Ending(Callback):
    """What ended the training. The reason is part of a checkpoint: a training killed after its last
    validation ends at once when resumed.
    """

    def __init__(self) -> None:
        self.reason: str | None = None

    def end(self, trainer: Any, reason: str) -> None:
        """End the training at the next step boundary; the first reason stays."""
        self.reason = self.reason or reason
        trainer.should_stop = True

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if self.reason is not None:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"reason": self.reason}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.reason = state_dict["reason"]


class EndedBy(Callback):
    """Records the reason when the callback before it in the list ends the training."""

    def __init__(self, ending: Ending, reason: str) -> None:
        self.ending, self.reason = ending, reason

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.should_stop:
            self.ending.end(trainer, self.reason)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.should_stop:
            self.ending.end(trainer, self.reason)


class Budget(Callback):
    """Ends the training at a step boundary, after `max_minutes` (resumes included) or at the
    horizon, which the setting `horizon_name` gave.
    """

    def __init__(
        self, settings: TrainerConfig, ending: Ending, *, horizon_name: str = "max_steps"
    ) -> None:
        minutes = settings.max_minutes
        self.max_seconds = math.inf if minutes is None else 60 * minutes
        self.max_steps, self.horizon_name, self.ending = settings.horizon, horizon_name, ending
        self.earlier_seconds = 0.0
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall-clock time of the training so far, resumes included."""
        return self.earlier_seconds + time.monotonic() - self.started

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.started = time.monotonic()

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        is_over = trainer.strategy.broadcast(self.seconds >= self.max_seconds)
        if trainer.global_step >= self.max_steps:
            self.ending.end(trainer, self.horizon_name)
        elif is_over:
            self.ending.end(trainer, "max_minutes")

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.earlier_seconds = float(state_dict["seconds"])


class Snapshots(Callback):
    """Saves the weights after each validation that is the best so far, and a checkpoint after each.
    Ends the training after `patience` validations in a row that are not the best so far.
    """

    def __init__(
        self,
        folder: Path,
        ending: Ending,
        *,
        patience: int | None = None,
        weights: Callable[[Transformer], dict[str, Tensor]] = weights_of,
    ) -> None:
        self.folder, self.ending, self.weights = folder, ending, weights
        self.patience = math.inf if patience is None else patience
        self.best_metric, self.best_loss, self.best_step = -math.inf, math.inf, 0
        self.num_worse = 0
        """Validations since the best one."""

    def is_better(self, results: dict[str, float]) -> bool:
        """Whether a candidate is the best so far, by the metric and then by the loss, or by the
        loss alone if no task has a metric.
        """
        metric, loss = results.get("validation_metric", -math.inf), results["validation_loss"]
        return (metric, -loss) > (self.best_metric, -self.best_loss)

    def accept(self, results: dict[str, float], *, step: int) -> bool:
        """Whether a candidate is the best so far; it then becomes the best."""
        is_better = self.is_better(results)
        if is_better:
            self.best_metric = results.get("validation_metric", -math.inf)
            self.best_loss, self.best_step = results["validation_loss"], step
        return is_better

    def on_validation_end(self, trainer: Any, pl_module: TransformerModule) -> None:  # type: ignore[override]
        is_better = self.accept(pl_module.validation_results, step=trainer.global_step)
        self.num_worse = 0 if is_better else self.num_worse + 1
        if is_better and trainer.is_global_zero:
            save_best(self.folder, self.weights(pl_module.model), step=trainer.global_step)
        if trainer.strategy.broadcast(self.num_worse >= self.patience):
            self.ending.end(trainer, "patience")  # before the checkpoint, which holds the ending
        save_and_prune(trainer, self.folder)

    def state_dict(self) -> dict[str, Any]:
        names = ("best_metric", "best_loss", "best_step", "num_worse")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)


class Profile(Callback):
    """Writes a table of where a few micro-batches spend their time; validation does not count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_batches = 0
        self.profiler: profile | None = None

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.num_batches += 1
        is_last = self.num_batches == SKIPPED_BATCHES + PROFILED_BATCHES or trainer.should_stop
        if self.profiler is not None and is_last:
            self._write(self.profiler)
        elif self.num_batches == SKIPPED_BATCHES and not is_last:
            self.profiler = profile()
            self.profiler.start()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        if self.profiler is not None:
            self._write(self.profiler)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if not self.path.exists():
            logger.warning(
                f"no profile: fewer than {SKIPPED_BATCHES + 1} micro-batches were trained"
            )

    def _write(self, profiler: profile) -> None:
        profiler.stop()
        self.profiler = None
        device = "cuda" if torch.cuda.is_available() else "cpu"
        table = profiler.key_averages().table(
            sort_by=f"self_{device}_time_total", row_limit=SHOWN_OPERATIONS
        )
        num_profiled = self.num_batches - SKIPPED_BATCHES
        write_text(self.path, f"{num_profiled} micro-batches after {SKIPPED_BATCHES}\n{table}\n")
        folder = self.path.parent.with_name(self.path.parent.name.removesuffix(PARTIAL_SUFFIX))
        logger.info(f"profile of {num_profiled} micro-batches: {folder / self.path.name}")
