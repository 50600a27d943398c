"""The LightningModule: loss, validation and optimizer of a Transformer. Knows no files.

What it logs, any callback of Lightning's can monitor; `Config.logged_values` has the names.
metrics.csv and its trackers are fed by MetricsFile.
"""

from __future__ import annotations

import math
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer

from mtnlg.config import OptimizerConfig, Precision, Schedule, TrainerConfig
from mtnlg.model import Transformer
from mtnlg.training.data import Batch
from mtnlg.training.loss import cross_entropy
from mtnlg.training.objective import Objective
from mtnlg.training.validation_metric import ValidationMetric


class TransformerModule(lightning.LightningModule):
    """Trains on the targets alone, unless `source_loss_weight` has the sources predicted too."""

    def __init__(
        self,
        model: Transformer,
        optimizer: OptimizerConfig,
        settings: TrainerConfig,
        metric: ValidationMetric,
    ) -> None:
        super().__init__()
        self.model, self.optimizer_config, self.settings = model, optimizer, settings
        self.objective = Objective(
            settings.label_smoothing, settings.source_loss_weight, settings.r_drop
        )
        self.metric = metric
        self.step_nats: list[Tensor] = []
        self.step_labels = 0
        self.validation_sums: dict[int, Tensor] = {}
        self.validation_results: dict[str, float] = {}

    def nats(self, batch: Batch, *, label_smoothing: float) -> Tensor:
        """Cross-entropy summed over the batch's labels."""
        states = self.model.states(
            batch.ids, prefix_lengths=batch.prefix_lengths, label_index=batch.label_index
        )
        return cross_entropy(self.model, states, batch.labels, label_smoothing=label_smoothing)

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """Scaled so that Lightning's mean over accumulation and ranks is the mean over the labels
        of the whole step: of the targets, whatever else the objective holds.
        """
        total, nats = self.objective(self.model, batch)
        num_parts = self.trainer.accumulate_grad_batches * self.trainer.world_size
        scale = num_parts / batch.num_step_labels
        return {"loss": total * scale, "nats": nats.detach()}

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        """Log the mean loss of each optimizer step, and the learning rate."""
        self.step_nats.append(outputs["nats"])
        self.step_labels += len(batch.labels)
        if (batch_index + 1) % self.trainer.accumulate_grad_batches == 0:
            loss = torch.stack(self.step_nats).sum() / self.step_labels
            self.log("train/loss", loss, prog_bar=True, logger=False)
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            self.log("train/learning_rate", rate, logger=False)
            self.step_nats, self.step_labels = [], 0

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as Lightning does, by the norm, and log the norm before."""
        groups = (group["params"] for group in optimizer.param_groups)
        weights = [weight for group in groups for weight in group if weight.grad is not None]
        if gradient_clip_val is not None:
            norm = torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)
        else:
            norm = torch.nn.utils.get_total_norm([weight.grad for weight in weights])
        self.log("train/grad_norm", norm, logger=False)

    def on_validation_epoch_start(self) -> None:
        self.validation_sums = {}

    def validation_step(self, batch: Batch, batch_index: int, dataloader_idx: int = 0) -> None:
        nats = self.nats(batch, label_smoothing=0.0).detach()
        sums = torch.stack([nats, torch.tensor(float(len(batch.labels)), device=nats.device)])
        self.validation_sums[dataloader_idx] = (
            self.validation_sums.get(dataloader_idx, torch.zeros_like(sums)) + sums
        )

    def on_validation_epoch_end(self) -> None:
        """Loss per label over all tasks and of each, and each task's metric on its fixed rows."""
        nats, num_labels = torch.stack(list(self.validation_sums.values())).sum(dim=0).tolist()
        values = self.metric.measure(self.model)
        results = {"validation_loss": nats / num_labels}
        if values:
            results["validation_metric"] = self.metric.mean(values)
        if len(values) > 1:
            results |= {f"validation_metric/{name}": value for name, value in values.items()}
        self.validation_results = results
        self._log_validation(results, values)

    def _log_validation(self, results: dict[str, float], values: dict[str, float]) -> None:
        logged = {"val/loss": results["validation_loss"]}
        if values:
            logged["val/metric"] = results["validation_metric"]
        for index, task in enumerate(self.metric.tasks):
            nats, num_labels = self.validation_sums[index].tolist()
            logged[f"val/{task.prompt.name}/loss"] = nats / num_labels
            if task.metric is not None:
                logged[f"val/{task.prompt.name}/{task.metric}"] = values[task.prompt.name]
        for name, value in logged.items():
            is_shown = name in ("val/loss", "val/metric")
            self.log(name, value, prog_bar=is_shown, logger=False)

    def configure_optimizers(self) -> Any:
        is_fused = self.trainer.precision != Precision.fp16_mixed.value  # it would unscale unseen
        optimizer = build_optimizer(self.model, self.optimizer_config, is_fused=is_fused)
        config, max_steps = self.optimizer_config, self.settings.horizon
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_ratio(step, config, max_steps=max_steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def build_optimizer(
    model: Transformer, config: OptimizerConfig, *, is_fused: bool = True
) -> torch.optim.AdamW:
    """AdamW that decays matrices only: no biases, no norms, no embedding of positions. Frozen
    parameters are left out.

    Gradients of a scaled loss are clipped only where the optimizer is not fused: that one unscales
    them itself.
    """
    decayed: list[Tensor] = []
    undecayed: list[Tensor] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_matrix = parameter.dim() >= 2 and not name.startswith("position_embedding")
        (decayed if is_matrix else undecayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=betas, eps=config.epsilon, fused=is_fused
    )


def learning_rate_ratio(step: int, config: OptimizerConfig, *, max_steps: int) -> float:
    """The learning rate of a step (from 0) as a share of the peak: linear warm-up, then the
    schedule to `max_steps`.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule is Schedule.constant:
        return 1.0
    if config.schedule is Schedule.inverse_sqrt:
        return math.sqrt(max(config.warmup_steps, 1) / (step + 1))
    share_done = min((step - config.warmup_steps) / max(max_steps - config.warmup_steps, 1), 1.0)
    floor = config.min_learning_rate_ratio
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share_done))
