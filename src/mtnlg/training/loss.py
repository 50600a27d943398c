"""Cross-entropy in chunks, so that the logits of a whole batch never exist at once.

The forward pass computes the gradient too, while it has a chunk's logits (as in Liger Kernel, Hsu
et al. 2024).

Legend: N labels, E model width, V vocabulary, S tokens that a pointer sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mtnlg.model import States, Transformer

CHUNK_LABELS = 512
"""Labels of one chunk: 512 x 8,000 logits in fp32 are 16 MB, which the allocator reuses."""


def cross_entropy(
    model: Transformer, states: States, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """The cross-entropy of the model's logits, summed over N, in nats. Label smoothing is that of
    torch.nn.functional.cross_entropy (Szegedy et al. 2016).
    """
    weight, pointing = model.unembedding.weight, states.pointing
    if pointing is None:
        return linear_cross_entropy(states.hidden, weight, labels, label_smoothing=label_smoothing)
    total: Tensor = _MixedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        states.hidden,
        weight,
        pointing.shares,
        pointing.generated,
        pointing.ids,
        labels,
        label_smoothing,
    )
    return total


def sum_of_chunks(of_chunk: Callable[[slice], Tensor], num_labels: int) -> Tensor:
    """The sum of a function over chunks of the labels. The backward pass computes it again, so that
    the logits of only one chunk exist.
    """
    parts = [checkpoint(of_chunk, chunk, use_reentrant=False) for chunk in _chunks(num_labels)]
    return torch.stack(parts).sum()


def _chunks(num_labels: int) -> list[slice]:
    return [slice(start, start + CHUNK_LABELS) for start in range(0, num_labels, CHUNK_LABELS)]


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """The cross-entropy of `hidden @ weight.T`, summed over N, in nats; with smoothing s the target
    is (1 - s) one-hot plus s uniform.

    `hidden` (N, E), `weight` (V, E), `labels` (N,) int64.
    """
    total: Tensor = _LinearCrossEntropy.apply(hidden, weight, labels, label_smoothing)  # type: ignore[no-untyped-call]
    return total


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, label_smoothing: float
    ) -> Tensor:
        needs_gradient = any(ctx.needs_input_grad[:2])
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for chunk in _chunks(len(labels)):
            logits = (hidden[chunk].to(weight.dtype) @ weight.T).float()
            loss, logits_gradient = _smoothed(logits, labels[chunk, None], label_smoothing)
            total += loss
            if needs_gradient:
                logits_gradient = logits_gradient.to(weight.dtype)
                hidden_gradient[chunk] = logits_gradient @ weight
                if weight_gradient is not None:
                    weight_gradient.addmm_(logits_gradient.T, hidden[chunk].to(weight.dtype))
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        gradients = (part if part is None else part * outer for part in ctx.saved_tensors)
        return *gradients, None, None


def _smoothed(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss summed over (N, V) logits with (N, 1) labels, and its gradient, which takes the
    memory of the logits.
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


class _MixedCrossEntropy(torch.autograd.Function):
    """The cross-entropy of `model.pointer.mix`: p = g softmax(logits) + (1 - g) copied."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        shares: Tensor,
        generated: Tensor,
        ids: Tensor,
        labels: Tensor,
        label_smoothing: float,
    ) -> Tensor:
        gradients = [torch.empty_like(hidden), torch.zeros_like(weight)]
        gradients += [torch.empty_like(shares), torch.empty_like(generated)]
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for chunk in _chunks(len(labels)):
            states = hidden[chunk].to(weight.dtype)
            logits = (states @ weight.T).float()
            mixed = (shares[chunk], generated[chunk], ids[chunk], labels[chunk, None])
            loss, by_logits, by_shares, by_generated = _mixed(logits, *mixed, label_smoothing)
            total += loss
            if any(ctx.needs_input_grad):
                by_logits = by_logits.to(weight.dtype)
                gradients[0][chunk] = by_logits @ weight
                gradients[1].addmm_(by_logits.T, states)
                gradients[2][chunk], gradients[3][chunk] = by_shares, by_generated
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        return *(gradient * outer for gradient in ctx.saved_tensors), None, None, None


def _mixed(
    logits: Tensor,
    shares: Tensor,
    generated: Tensor,
    ids: Tensor,
    labels: Tensor,
    smoothing: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss summed over (N, V) logits, and its gradients by the logits (in their memory), by the
    shares (N, S) and by the probability to generate (N, 1).

    With q the softmax and d the gradient by p, the gradient by the logits is g q (d - sum(q d)).
    """
    smoothed = smoothing / logits.shape[1]
    softmax = logits.sub_(logits.amax(dim=1, keepdim=True)).exp_()
    softmax.div_(softmax.sum(dim=1, keepdim=True))
    mixed = (softmax * generated).scatter_add_(1, ids, shares * (1 - generated))
    mixed.clamp_min_(torch.finfo(mixed.dtype).tiny)
    right = mixed.gather(1, labels)
    loss = -(1 - smoothing) * right.log().sum()
    if smoothing:
        loss -= smoothed * mixed.log().sum()
    by_mixed = mixed.reciprocal_().mul_(-smoothed)
    by_mixed.scatter_add_(1, labels, (smoothing - 1) / right)
    by_copied = by_mixed.gather(1, ids)
    mean = torch.linalg.vecdot(softmax, by_mixed)[:, None]
    by_generated = mean - (shares * by_copied).sum(dim=1, keepdim=True)
    by_logits = softmax.mul_(by_mixed.sub_(mean)).mul_(generated)
    return loss, by_logits, by_copied * (1 - generated), by_generated
