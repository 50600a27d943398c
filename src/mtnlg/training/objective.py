"""What a training step minimizes (the cross-entropy of the targets, and what options add to it),
and what it costs.

Every part is a sum over the labels of a micro-batch; TransformerModule divides by the target tokens
of the whole optimizer step.

Legend: B batch, T time, N labels, M source labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.config import FeedForward, ModelConfig
from mtnlg.model import States, Transformer
from mtnlg.training.data import Batch
from mtnlg.training.loss import cross_entropy, sum_of_chunks

BACKWARD_AND_FORWARD = 3
"""Forward passes that cost as much as a forward and a backward pass."""


@dataclass(frozen=True)
class Teacher:
    """A model whose distributions a student learns (Hinton et al. 2015), as `DistillationConfig`
    has the settings.
    """

    model: Transformer
    temperature: float
    weight: float

    def mixed(self, nats: Tensor, model: Transformer, batch: Batch, states: States) -> Tensor:
        """A loss with its share of the divergence at the targets, whose states are (N,)."""
        with torch.no_grad():
            own = self.model.states(
                batch.ids, prefix_lengths=batch.prefix_lengths, label_index=batch.label_index
            )

        def of_chunk(chunk: slice) -> Tensor:
            with torch.no_grad():
                wanted = self._log_probabilities(self.model, own.at(chunk))
            given = self._log_probabilities(model, states.at(chunk))
            return F.kl_div(given, wanted, reduction="sum", log_target=True)

        divergence = self.temperature**2 * sum_of_chunks(of_chunk, len(states.hidden))
        return (1 - self.weight) * nats + self.weight * divergence

    def _log_probabilities(self, model: Transformer, states: States) -> Tensor:
        return F.log_softmax(model.logits(states).float() / self.temperature, dim=1)


@dataclass(frozen=True)
class Objective:
    """Smoothed cross-entropy of the targets; with `source_loss_weight` also of the sources, with
    `r_drop` over two passes whose distributions are pulled together (Liang et al. 2021).
    """

    label_smoothing: float
    source_loss_weight: float | None = None
    r_drop: float | None = None
    num_adapted: int | None = None
    """Parameters of adapters, if only they are trained."""
    teacher: Teacher | None = None

    def __call__(self, model: Transformer, batch: Batch) -> tuple[Tensor, Tensor]:
        """What is minimized, and the cross-entropy of the targets in it, both sums in nats.

        With R-Drop: half of Liang et al. 2021, eq. 4, the mean of two passes' cross-entropies plus
        alpha / 2 times their symmetric divergence (eq. 2) at the targets.
        """
        total, nats, states = self._one_pass(model, batch)
        if self.r_drop is None:
            return total, nats
        other_total, other_nats, other_states = self._one_pass(model, batch)
        divergence = symmetric_divergence(model, states, other_states)
        total = (total + other_total) / 2 + self.r_drop / 2 * divergence
        return total, (nats + other_nats) / 2

    def _one_pass(self, model: Transformer, batch: Batch) -> tuple[Tensor, Tensor, States]:
        """As `__call__` without R-Drop, and the states at the targets, of (N,)."""
        index, labels = batch.label_index, batch.labels
        if self.source_loss_weight is not None:
            source_index, source = source_labels(batch)
            index, labels = torch.cat([index, source_index]), torch.cat([labels, source])
        states = model.states(batch.ids, prefix_lengths=batch.prefix_lengths, label_index=index)
        num_labels = len(batch.labels)

        def nats_of(part: slice) -> Tensor:
            return cross_entropy(
                model, states.at(part), labels[part], label_smoothing=self.label_smoothing
            )

        nats = nats_of(slice(num_labels))
        total = nats
        if self.source_loss_weight is not None:
            total = nats + self.source_loss_weight * nats_of(slice(num_labels, None))
        states = states.at(slice(num_labels))
        if self.teacher is not None:
            total = self.teacher.mixed(total, model, batch, states)
        return total, nats, states

    def flops(self, model: Transformer, batch: Batch) -> float:
        """Model FLOPs of a training pass over the batch; both passes with R-Drop."""
        num_labels = len(batch.labels)
        if self.source_loss_weight is not None:
            num_labels = sum(batch.lengths) - len(batch.lengths)  # all but the markers
        once = count_flops(
            model.config,
            model.vocabulary_size,
            lengths=batch.lengths,
            num_labels=num_labels,
            num_adapted=self.num_adapted,
        )
        if self.teacher is not None:
            teacher = self.teacher.model
            once += (
                count_flops(
                    teacher.config,
                    teacher.vocabulary_size,
                    lengths=batch.lengths,
                    num_labels=len(batch.labels),
                )
                / BACKWARD_AND_FORWARD
            )
        return once if self.r_drop is None else 2 * once


def source_labels(batch: Batch) -> tuple[Tensor, Tensor]:
    """(M,) positions in the flattened (B * T) whose next token is a source token or the separator,
    and (M,) those tokens.
    """
    positions = torch.arange(batch.ids.shape[1], device=batch.ids.device)
    is_before_source = positions < batch.prefix_lengths[:, None] - 1  # (B, T)
    index = is_before_source.flatten().nonzero()[:, 0]
    return index, batch.ids.flatten()[index + 1]


def symmetric_divergence(model: Transformer, first: States, second: States) -> Tensor:
    """Half of KL(p | q) + KL(q | p), summed over N, in nats, for the distributions p and q that the
    states of two passes give.
    """

    def of_chunk(chunk: slice) -> Tensor:
        log_p, log_q = (
            F.log_softmax(model.logits(states.at(chunk)).float(), dim=1)
            for states in (first, second)
        )
        return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum() / 2

    return sum_of_chunks(of_chunk, len(first.hidden))


def count_flops(
    config: ModelConfig,
    vocabulary_size: int,
    *,
    lengths: list[int],
    num_labels: int,
    num_adapted: int | None = None,
) -> float:
    """Model FLOPs of one training pass over sequences of these lengths, without padding and
    recomputation (Narayanan et al. 2021, arXiv 2104.04473, appendix), with logits only at the
    labels and the average number of layers that layer dropout leaves. With adapters, of so many
    parameters, the gradients of all other weights are left out.
    """
    width, head_size = config.hidden_size, config.head_size
    attention = width * 2 * (config.num_heads + config.key_value_heads) * head_size
    halves = 3 if config.feed_forward is FeedForward.swiglu else 2
    layers = config.num_layers * (1 - (config.layer_dropout or 0.0))
    per_token = 2 * layers * (attention + halves * width * config.inner_size)
    squares = sum(length * length for length in lengths)
    scores = 4 * layers * config.num_heads * head_size * squares
    logits = 2 * width * vocabulary_size * num_labels
    if config.has_pointer:  # queries, keys and the scores of one head
        per_token += 4 * width * width
        scores += 2 * width * squares
    work = BACKWARD_AND_FORWARD * (per_token * sum(lengths) + scores + logits)
    if num_adapted is not None:
        adapters = 2 * num_adapted * sum(lengths)
        work += BACKWARD_AND_FORWARD * adapters - (per_token * sum(lengths) + logits)
    return float(work)
