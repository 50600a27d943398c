"""Averages of the weights, over all steps or over the last validations.

Lightning's EMAWeightAveraging does not fit: it removes the averaged weights before the module
decodes its validation rows, has no warm-up of the decay, and copies the whole module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mtnlg.errors import DamagedError, TrainingError
from mtnlg.model import Transformer
from mtnlg.model.folder import weights_of
from mtnlg.records.stages import LastAverage
from mtnlg.training.callbacks import Snapshots
from mtnlg.training.checkpoints import (
    KEPT,
    AtomicCheckpointIO,
    check_saved,
    checkpoint_path,
    find_checkpoints,
    save_best,
)
from mtnlg.training.data import TokenDataModule
from mtnlg.training.module import TransformerModule


class MovingAverage(Callback):
    """Exponential moving average of the weights, updated at each step.

    Validations and snapshots use the averaged weights; a checkpoint holds the weights in training
    and, as the state of this callback, the average.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: dict[str, Tensor] = {}

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        weights = dict(pl_module.model.named_parameters())
        start = self.average or weights
        self.average = {
            name: start[name].detach().to(weight.device, copy=True)
            for name, weight in weights.items()
        }

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        decay = warmed_up(self.decay, trainer.global_step)
        for name, weight in pl_module.model.named_parameters():
            self.average[name].lerp_(weight, 1 - decay)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._swap(pl_module.model)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._swap(pl_module.model)

    @torch.no_grad()
    def _swap(self, model: Transformer) -> None:
        for name, weight in model.named_parameters():
            kept = weight.clone()
            weight.copy_(self.average[name])
            self.average[name].copy_(kept)

    def weights(self, model: Transformer) -> dict[str, Tensor]:
        """The average under the names of a model folder, on the CPU."""
        return {name: self.average[name].cpu() for name in weights_of(model)}

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.average = dict(state_dict["average"])


def warmed_up(decay: float, step: int) -> float:
    """The decay of an update after `step` steps, as in TensorFlow's ExponentialMovingAverage."""
    return min(decay, (1 + step) / (10 + step))


class LastWeights(Callback):
    """Saves the weights of the last validations and computes their mean."""

    def __init__(self, folder: Path, count: int, *, start_step: int) -> None:
        self.folder, self.count = folder, count
        for step, path in self._files():
            if step > start_step:
                AtomicCheckpointIO().remove_checkpoint(path)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Runs before the checkpoint of the same step, so that a resumed training has the file."""
        if trainer.is_global_zero:
            path = checkpoint_path(self.folder, trainer.global_step, kind="weights")
            AtomicCheckpointIO().save_checkpoint(weights_of(pl_module.model), path)
            # Files from before the last checkpoint stay too: an older one may be resumed.
            for _, old in self._files()[self.count + KEPT - 1 :]:
                AtomicCheckpointIO().remove_checkpoint(old)

    def mean(self) -> tuple[list[int], dict[str, Tensor]]:
        """The averaged steps, and their mean; raises TrainingError if a file is corrupt."""
        files = self._files()[: self.count]
        sums: dict[str, Tensor] = {}
        for _, path in files:
            try:
                check_saved(path)
            except DamagedError:
                raise TrainingError(
                    f"{path}: is corrupt; the same command goes on from before it, or take out "
                    "trainer.average_last"
                ) from None
            for name, weight in AtomicCheckpointIO().load_checkpoint(path).items():
                sums[name] = sums.get(name, torch.zeros_like(weight, dtype=torch.float64)) + weight
        mean = {name: (total / len(files)).float() for name, total in sums.items()}
        return sorted(step for step, _ in files), mean

    def _files(self) -> list[tuple[int, Path]]:
        return find_checkpoints(self.folder, kind="weights")


def offer_mean(
    last: LastWeights,
    trainer: lightning.Trainer,
    module: TransformerModule,
    data: TokenDataModule,
    *,
    snapshots: Snapshots,
) -> LastAverage:
    """Validate the mean of the last weights as one more candidate for the model folder.

    `trainer` must have no callbacks: the curve and the checkpoints stay as they are.
    """
    steps, mean = last.mean()
    model = module.model
    model.load_state_dict(mean, strict=not model.config.is_embedding_tied)
    trainer.validate(module, data, verbose=False)
    results = module.validation_results
    is_chosen = snapshots.accept(results, step=steps[-1])
    if is_chosen and trainer.is_global_zero:
        save_best(snapshots.folder, mean, step=steps[-1])
    trainer.strategy.barrier()
    return LastAverage(
        tuple(steps), results["validation_loss"], results.get("validation_metric"), is_chosen
    )
