"""The LightningModule: loss, validation and optimizer of a Transformer. Knows no files.

Any Lightning callback can monitor what it logs; `Config.logged_values` has the names. MetricsFile
feeds metrics.csv and the trackers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer

from mtnlg.config import (
    DecodingConfig,
    OptimizerConfig,
    OptimizerName,
    Precision,
    Schedule,
    TrainerConfig,
)
from mtnlg.errors import NotFiniteError
from mtnlg.evaluation import Texts, find_metric, score_texts
from mtnlg.inference import TaskPrompt, TextGenerator
from mtnlg.model import Transformer
from mtnlg.model.lora import count_adapted
from mtnlg.records.rows import Row
from mtnlg.text.display import one_line
from mtnlg.tokenization.tokenizer import TextTokenizer
from mtnlg.training.data import Batch
from mtnlg.training.loss import cross_entropy
from mtnlg.training.muon import Muon
from mtnlg.training.objective import Objective, Teacher

AnyRow = TypeVar("AnyRow")


@dataclass(frozen=True)
class ValidationTask:
    """A task with a validation split."""

    prompt: TaskPrompt
    rows: Sequence[Row] = ()
    """The rows to decode."""
    metric: str | None = None
    """The task's main metric; None: only the loss is measured."""


class Sample(NamedTuple):
    """A row of a validation and the output for it."""

    task: str
    source: str
    reference: str
    output: str

    def __str__(self) -> str:
        lines = [f"  {name:<11}{one_line(text)}" for name, text in self._asdict().items()]
        return "\n".join([self.task, *lines[1:]])


@dataclass(frozen=True)
class ValidationMetric:
    """The main metric of each task on a few fixed rows, decoded greedily; the mean over the tasks
    chooses the checkpoint.
    """

    tasks: Sequence[ValidationTask]
    """In the order of the validation loaders."""
    tokenizer: TextTokenizer
    decoding: DecodingConfig
    num_samples: int = 0
    """Outputs of each task that are kept."""
    samples: list[Sample] = field(default_factory=list)
    """The outputs kept of the last validation."""

    @property
    def titles(self) -> list[str]:
        """The full names of the tasks that have a metric."""
        return [task.prompt.name for task in self.tasks if task.metric is not None]

    @property
    def name(self) -> str:
        """What `mean` is: one task's metric, or the mean of several."""
        names = [task.metric for task in self.tasks if task.metric is not None]
        return names[0] if len(names) == 1 else f"mean of {', '.join(dict.fromkeys(names))}"

    def measure(self, model: Transformer) -> dict[str, float]:
        """The main metric of each task that has one, by the task's full name."""
        generator = TextGenerator(model, self.tokenizer)
        self.samples.clear()
        return {
            task.prompt.name: self._score(generator, task, task.metric)
            for task in self.tasks
            if task.metric is not None
        }

    def mean(self, values: dict[str, float]) -> float:
        """The mean of what `measure` returned, negating metrics for which lower is better."""
        metrics = {task.prompt.name: task.metric for task in self.tasks if task.metric is not None}
        signed = [
            value if find_metric(metrics[name]).higher_is_better else -value
            for name, value in values.items()
        ]
        return sum(signed) / len(signed)

    def _score(self, generator: TextGenerator, task: ValidationTask, metric: str) -> float:
        sources = [row.source for row in task.rows]
        generated = generator.generate(sources, task.prompt, self.decoding)
        outputs = [alternatives[0] for alternatives in generated.texts]
        self.samples.extend(
            Sample(task.prompt.name, row.source, row.references[0], output)
            for row, output in fixed_rows([*zip(task.rows, outputs, strict=True)], self.num_samples)
        )
        texts = Texts(
            outputs,
            [row.references for row in task.rows],
            language=task.prompt.target_language,
            sources=sources,
        )
        return score_texts(metric, texts)


def fixed_rows(rows: Sequence[AnyRow], count: int) -> list[AnyRow]:
    """At most `count` rows at an even stride."""
    stride = max(len(rows) / max(count, 1), 1.0)
    return [rows[int(index * stride)] for index in range(min(count, len(rows)))]


class TransformerModule(lightning.LightningModule):
    """A Transformer in training."""

    def __init__(
        self,
        model: Transformer,
        optimizer: OptimizerConfig,
        settings: TrainerConfig,
        metric: ValidationMetric,
        *,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.model, self.optimizer_config, self.settings = model, optimizer, settings
        self.objective = Objective(
            settings.label_smoothing,
            settings.source_loss_weight,
            settings.r_drop,
            num_adapted=count_adapted(model),
            teacher=teacher,
        )
        self.metric = metric
        self.step_nats: list[Tensor] = []
        self.step_labels = 0
        self.validation_sums: dict[int, Tensor] = {}
        self.validation_results: dict[str, float] = {}
        self.grad_norm = torch.tensor(math.nan)
        """Of the last optimizer step, before clipping."""

    def nats(self, batch: Batch, *, label_smoothing: float) -> Tensor:
        """The cross-entropy, summed over the labels of the batch."""
        states = self.model.states(
            batch.ids, prefix_lengths=batch.prefix_lengths, label_index=batch.label_index
        )
        return cross_entropy(self.model, states, batch.labels, label_smoothing=label_smoothing)

    def on_fit_start(self) -> None:
        """Move the teacher, which is no part of this module, to its device."""
        if self.objective.teacher is not None:
            self.objective.teacher.model.to(self.device)

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """Scale the loss so that Lightning's mean over micro-batches and ranks is the mean over
        the target labels of the whole step.
        """
        total, nats = self.objective(self.model, batch)
        num_parts = self.trainer.accumulate_grad_batches * self.trainer.world_size
        scale = num_parts / batch.num_step_labels
        self.step_nats.append(nats.detach())
        return {"loss": total * scale, "nats": nats.detach()}

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        """Log the mean loss of each optimizer step, and the learning rate."""
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
        """Clip by the norm, as Lightning does, and log the norm from before."""
        groups = (group["params"] for group in optimizer.param_groups)
        weights = [weight for group in groups for weight in group if weight.grad is not None]
        if gradient_clip_val is not None:
            norm = torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)
        else:
            norm = torch.nn.utils.get_total_norm([weight.grad for weight in weights])
        self.grad_norm = norm
        if self.settings.precision is not Precision.fp16_mixed:  # whose loss scale is being sought
            self._require_finite(float(norm))
        self.log("train/grad_norm", norm, logger=False)

    def _require_finite(self, norm: float) -> None:
        """Raise NotFiniteError before a gradient that is not finite changes a weight."""
        if not math.isfinite(norm):
            nats = float(torch.stack(self.step_nats).sum())
            what = "the gradient norm is" if math.isfinite(nats) else "the loss is"
            value = norm if math.isfinite(nats) else nats
            raise NotFiniteError(f"{what} {value}", step=self.trainer.global_step + 1)

    def on_validation_epoch_start(self) -> None:
        self.validation_sums = {}

    def validation_step(self, batch: Batch, batch_index: int, dataloader_idx: int = 0) -> None:
        nats = self.nats(batch, label_smoothing=0.0).detach()
        sums = torch.stack([nats, torch.tensor(float(len(batch.labels)), device=nats.device)])
        self.validation_sums[dataloader_idx] = (
            self.validation_sums.get(dataloader_idx, torch.zeros_like(sums)) + sums
        )

    def on_validation_epoch_end(self) -> None:
        """Log the loss per label, over all tasks and of each, and the metric of each task."""
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
        is_fused = self.trainer.precision != Precision.fp16_mixed.value  # see build_optimizer
        optimizer = build_optimizer(self.model, self.optimizer_config, is_fused=is_fused)
        config, max_steps = self.optimizer_config, self.settings.horizon
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_ratio(step, config, max_steps=max_steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def build_optimizer(
    model: Transformer, config: OptimizerConfig, *, is_fused: bool = True
) -> torch.optim.AdamW:
    """The optimizer of the parameters that are not frozen, with weight decay for matrices only: not
    for biases, norms or position embeddings.

    A fused optimizer unscales gradients itself, so those of a scaled loss could not be clipped.
    """
    groups: dict[str, list[Tensor]] = {"orthogonal": [], "decayed": [], "undecayed": []}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            groups[_group_of(name, weight, config.name)].append(weight)
    decay, no_decay = {"weight_decay": config.weight_decay}, {"weight_decay": 0.0}
    settings = {
        "orthogonal": decay | {"momentum": config.momentum},
        "decayed": decay,
        "undecayed": no_decay,
    }
    algorithm = Muon if config.name is OptimizerName.muon else torch.optim.AdamW
    return algorithm(
        [{"params": weights, **settings[name]} for name, weights in groups.items() if weights],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=is_fused,
    )


def _group_of(name: str, weight: Tensor, optimizer: OptimizerName) -> str:
    if weight.dim() < 2 or name.startswith("position_embedding"):
        return "undecayed"
    is_hidden = "embedding" not in name and min(weight.shape) > 1
    return "orthogonal" if optimizer is OptimizerName.muon and is_hidden else "decayed"


def learning_rate_ratio(step: int, config: OptimizerConfig, *, max_steps: int) -> float:
    """The learning rate of a step (from 0) as a share of the peak: a linear warm-up, then the
    schedule until `max_steps`.
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
