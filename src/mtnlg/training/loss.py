"""Cross-entropy in chunks, from what logits are made from: those of a whole batch never exist at
once.

Without a pointer the gradient is worked out in the forward pass, while a chunk's logits are at hand
(as in Liger Kernel, Hsu et al. 2024).

Legend: N labels, E model width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mtnlg.model import States, Transformer

CHUNK_LABELS = 512
"""Labels of one chunk: 512 x 8,000 logits in fp32 are 16 MB, which the allocator keeps instead of
mapping it anew.
"""


def cross_entropy(
    model: Transformer, states: States, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """The sum over N of the cross-entropy of the model's logits, a scalar in nats; smoothing as in
    torch.nn.functional.cross_entropy (Szegedy et al. 2016).
    """
    if states.pointing is None:
        weight = model.unembedding.weight
        return linear_cross_entropy(states.hidden, weight, labels, label_smoothing=label_smoothing)

    def of_chunk(chunk: slice) -> Tensor:
        logits = model.logits(states.at(chunk))
        return F.cross_entropy(
            logits, labels[chunk], reduction="sum", label_smoothing=label_smoothing
        )

    return sum_of_chunks(of_chunk, len(labels))


def sum_of_chunks(of_chunk: Callable[[slice], Tensor], num_labels: int) -> Tensor:
    """The sum of a function over chunks of the labels; its logits are made again in the backward
    pass, so that only one chunk's exist.
    """
    chunks = [slice(start, start + CHUNK_LABELS) for start in range(0, num_labels, CHUNK_LABELS)]
    parts = [checkpoint(of_chunk, chunk, use_reentrant=False) for chunk in chunks]
    return torch.stack(parts).sum()


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """The sum over N of the cross-entropy of `hidden @ weight.T`, a scalar in nats.

    `hidden` (N, E), `weight` (V, E), `labels` (N,) int64. With smoothing s the target is (1 - s)
    one-hot plus s uniform.
    """
    total: Tensor = _LinearCrossEntropy.apply(hidden, weight, labels, label_smoothing)  # type: ignore[no-untyped-call]
    return total


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, label_smoothing: float
    ) -> Tensor:
        needs_gradient = any(ctx.needs_input_grad[:2])
        hidden_gradient, weight_gradient = torch.empty_like(hidden), torch.zeros_like(weight)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(labels), CHUNK_LABELS):
            chunk = slice(start, start + CHUNK_LABELS)
            logits = (hidden[chunk].to(weight.dtype) @ weight.T).float()
            loss, logits_gradient = _smoothed(logits, labels[chunk, None], label_smoothing)
            total += loss
            if needs_gradient:
                logits_gradient = logits_gradient.to(weight.dtype)
                hidden_gradient[chunk] = logits_gradient @ weight
                weight_gradient.addmm_(logits_gradient.T, hidden[chunk].to(weight.dtype))
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * outer, weight_gradient * outer, None, None


def _smoothed(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss summed over (N, V) logits with (N, 1) labels, and its gradient, made in the logits'
    own memory.
    """
    vocabulary_size = logits.shape[1]
    right = logits.gather(1, labels)
    everything = logits.sum(dim=1, keepdim=True)
    largest = logits.amax(dim=1, keepdim=True)
    probabilities = logits.sub_(largest).exp_()
    mass = probabilities.sum(dim=1, keepdim=True)
    loss = (
        largest + mass.log() - (1 - smoothing) * right - smoothing / vocabulary_size * everything
    ).sum()
    gradient = probabilities.div_(mass)
    if smoothing:
        gradient.sub_(smoothing / vocabulary_size)
    gradient.scatter_add_(1, labels, torch.full_like(right, smoothing - 1))
    return loss, gradient
