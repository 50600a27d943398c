"""Averages of the weights, over the steps or over the last validations.

Lightning has an EMAWeightAveraging; it does not fit here: it takes the averaged weights out before
the module decodes its validation rows, knows no warm-up of the decay and copies the whole module.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import save_file
from torch import Tensor

from mtnlg.errors import TrainingError
from mtnlg.model import Transformer
from mtnlg.model.folder import weights_of
from mtnlg.records.stages import LastAverage
from mtnlg.training.callbacks import BEST_FILE, Snapshots
from mtnlg.training.checkpoints import KEPT, AtomicCheckpointIO, is_sound
from mtnlg.training.data import TokenDataModule
from mtnlg.training.module import TransformerModule


class MovingAverage(Callback):
    """Exponential moving average of the weights, from the initial ones on, one update a step.

    A validation sees the averaged weights, and its snapshot is of them; a checkpoint holds the
    weights in training and, as this callback's state, the average.
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
    """The decay of the update after so many steps, as TensorFlow's ExponentialMovingAverage has
    it.
    """
    return min(decay, (1 + step) / (10 + step))


class LastWeights(Callback):
    """Keeps the weights at the last validations, and takes their mean."""

    def __init__(self, folder: Path, count: int, *, start_step: int) -> None:
        self.folder, self.count = folder, count
        self._remove([path for step, path in self._files() if step > start_step])

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Before the checkpoint of the same step, so that a resumed training finds them."""
        if trainer.is_global_zero:
            path = self.folder / f"weights-{trainer.global_step:08d}.ckpt"
            AtomicCheckpointIO().save_checkpoint(weights_of(pl_module.model), path)
            older = self._files()[self.count + KEPT - 1 :]  # an older checkpoint may be resumed
            self._remove([path for _, path in older])

    def mean(self) -> tuple[list[int], dict[str, Tensor]]:
        """The steps whose weights are averaged, and their mean.

        Raises TrainingError where a file is corrupt.
        """
        files = self._files()[: self.count]
        sums: dict[str, Tensor] = {}
        for _, path in files:
            if not is_sound(path):
                raise TrainingError(f"{path}: is corrupt; take out trainer.average_last")
            for name, weight in AtomicCheckpointIO().load_checkpoint(path).items():
                sums[name] = sums.get(name, torch.zeros_like(weight, dtype=torch.float64)) + weight
        mean = {name: (total / len(files)).float() for name, total in sums.items()}
        return sorted(step for step, _ in files), mean

    def _files(self) -> list[tuple[int, Path]]:
        """Steps and files, newest first."""
        paths = self.folder.glob("weights-*.ckpt")
        matches = [(re.fullmatch(r"weights-(\d+)\.ckpt", path.name), path) for path in paths]
        return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)

    def _remove(self, paths: list[Path]) -> None:
        for path in paths:
            AtomicCheckpointIO().remove_checkpoint(path)


def offer_mean(
    last: LastWeights,
    trainer: lightning.Trainer,
    module: TransformerModule,
    data: TokenDataModule,
    *,
    snapshots: Snapshots,
) -> LastAverage:
    """Validate the mean of the last weights and offer it as one more candidate for the model
    folder; what became of it.

    `trainer` has no callbacks, so that the curve and the checkpoints stay those of the training.
    """
    steps, mean = last.mean()
    model = module.model
    model.load_state_dict(mean, strict=not model.config.is_embedding_tied)
    trainer.validate(module, data, verbose=False)
    results = module.validation_results
    is_chosen = snapshots.accept(results, step=steps[-1])
    if is_chosen and trainer.is_global_zero:
        save_file(mean, snapshots.folder / BEST_FILE)
    trainer.strategy.barrier()
    return LastAverage(
        tuple(steps), results["validation_loss"], results.get("validation_metric"), is_chosen
    )
