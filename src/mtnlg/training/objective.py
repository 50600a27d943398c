"""What a training step minimises: the cross-entropy of the targets, and what options add to it.

Every part is a sum over the labels of a micro-batch; the division by the target tokens of the whole
optimizer step, which makes steps over micro-batches and ranks exact, is the module's.

Legend: B batch, T time, N labels, M source labels, E model width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mtnlg.model import Transformer, count_flops
from mtnlg.training import loss
from mtnlg.training.data import Batch
from mtnlg.training.loss import linear_cross_entropy


@dataclass(frozen=True)
class Objective:
    """Smoothed cross-entropy; with `source_loss_weight` also of the sources, with `r_drop` over two
    passes that are held together (Liang et al. 2021).
    """

    label_smoothing: float
    source_loss_weight: float | None = None
    r_drop: float | None = None

    def __call__(self, model: Transformer, batch: Batch) -> tuple[Tensor, Tensor]:
        """What is minimised, and the cross-entropy of the targets in it, both summed, in nats.

        With R-Drop: half of Liang et al. 2021, eq. 4, the mean of two passes' cross-entropies plus
        alpha / 2 times their symmetric divergence (eq. 2) at the targets.
        """
        total, nats, hidden = self._one_pass(model, batch)
        if self.r_drop is None:
            return total, nats
        other_total, other_nats, other_hidden = self._one_pass(model, batch)
        divergence = symmetric_divergence(hidden, other_hidden, model.unembedding.weight)
        total = (total + other_total) / 2 + self.r_drop / 2 * divergence
        return total, (nats + other_nats) / 2

    def _one_pass(self, model: Transformer, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """As `__call__` without R-Drop, and the hidden states at the targets, (N, E)."""
        weight, smoothing = model.unembedding.weight, self.label_smoothing
        if self.source_loss_weight is None:
            hidden = model.hidden_states(
                batch.ids, prefix_lengths=batch.prefix_lengths, label_index=batch.label_index
            )
            nats = linear_cross_entropy(hidden, weight, batch.labels, label_smoothing=smoothing)
            return nats, nats, hidden
        index, labels = source_labels(batch)
        both = model.hidden_states(
            batch.ids,
            prefix_lengths=batch.prefix_lengths,
            label_index=torch.cat([batch.label_index, index]),
        )
        hidden, source_hidden = both[: len(batch.labels)], both[len(batch.labels) :]
        nats = linear_cross_entropy(hidden, weight, batch.labels, label_smoothing=smoothing)
        source = linear_cross_entropy(source_hidden, weight, labels, label_smoothing=smoothing)
        return nats + self.source_loss_weight * source, nats, hidden

    def flops(self, model: Transformer, batch: Batch) -> float:
        """Model FLOPs of a training pass over the batch; both passes with R-Drop."""
        num_labels = len(batch.labels)
        if self.source_loss_weight is not None:
            num_labels = sum(batch.lengths) - len(batch.lengths)  # all but the markers
        once = count_flops(
            model.config, model.vocabulary_size, lengths=batch.lengths, num_labels=num_labels
        )
        return once if self.r_drop is None else 2 * once


def source_labels(batch: Batch) -> tuple[Tensor, Tensor]:
    """Where the source is predicted: (M,) positions in the flattened (B * T) whose next token lies
    in the prefix, the separator included, and (M,) those tokens.
    """
    positions = torch.arange(batch.ids.shape[1], device=batch.ids.device)
    is_before_source = positions < batch.prefix_lengths[:, None] - 1  # (B, T)
    index = is_before_source.flatten().nonzero()[:, 0]
    return index, batch.ids.flatten()[index + 1]


def symmetric_divergence(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Half of KL(p | q) + KL(q | p), summed over N, in nats: p and q are the distributions that two
    passes (N, E) give with the unembedding (V, E).

    In chunks whose logits are made again in the backward pass, so that only one chunk's exist.
    """
    total = first.new_zeros((), dtype=torch.float32)
    for start in range(0, len(first), loss.CHUNK_LABELS):
        chunk = slice(start, start + loss.CHUNK_LABELS)
        total = total + checkpoint(
            _divergence, first[chunk], second[chunk], weight, use_reentrant=False
        )
    return total


def _divergence(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    log_p = F.log_softmax((first.to(weight.dtype) @ weight.T).float(), dim=1)
    log_q = F.log_softmax((second.to(weight.dtype) @ weight.T).float(), dim=1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum() / 2
