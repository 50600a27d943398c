"""Muon (Jordan et al. 2024): the momentum of each weight matrix is made orthogonal before it is
applied, so that rare directions move as far as common ones. All other weights are AdamW's.

Steps are scaled to the root mean square of AdamW's (Liu et al. 2025), so that both use one learning
rate. torch.optim.Muon is the same for one matrix; here matrices of one shape are multiplied
together, in fp32, and one optimizer holds both kinds of weights, as Lightning wants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""Of the quintic that drives all singular values near 1."""
NUM_ITERATIONS = 5
OBLONG = 2
"""Width by height from which the iteration on squares is faster: by 1.4 at 3, slower at 1."""
RMS_OF_ADAMW = 0.2
EPSILON = 1e-7


class Muon(torch.optim.AdamW):
    """AdamW whose groups with a `momentum` are updated by Muon."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if "momentum" in group:
                self._step_matrices(group)
        super().step()
        return loss

    def _step_matrices(self, group: dict[str, Any]) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for weight in group["params"]:
            if weight.grad is not None:
                by_shape[weight.shape].append(weight)
        for shape, weights in by_shape.items():
            updates = torch.stack(
                [self._direction(weight, group["momentum"]) for weight in weights]
            )
            rate = group["lr"] * RMS_OF_ADAMW * max(shape) ** 0.5
            for weight, update in zip(weights, orthogonal(updates), strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)
                weight.grad = None  # so that AdamW leaves it out

    def _direction(self, weight: Tensor, momentum: float) -> Tensor:
        """Nesterov's momentum of the gradient."""
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
            state["step"] = torch.zeros(())  # which AdamW expects of a state that is loaded
        state["step"] += 1
        assert weight.grad is not None
        average = state["momentum"].lerp_(weight.grad, 1 - momentum)
        return torch.lerp(weight.grad, average, momentum)


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices (B, M, N) with their singular values brought near 1, by Newton and Schulz's
    iteration: x becomes p(x x^T) x with a quadratic p.
    """
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if is_tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + EPSILON)
    is_oblong = x.shape[-1] >= OBLONG * x.shape[-2]
    x = _factor(x) @ x if is_oblong else _iterate(x)
    return x.mT if is_tall else x


def _iterate(x: Tensor) -> Tensor:
    a, b, c = COEFFICIENTS
    for _ in range(NUM_ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x


def _factor(x: Tensor) -> Tensor:
    """What the iterations multiply x by, (B, M, M). It needs x x^T alone, which p multiplies from
    both sides: for matrices much wider than high that is less work.
    """
    square = x @ x.mT
    factor = polynomial = _polynomial(square)
    for _ in range(NUM_ITERATIONS - 1):
        square = polynomial @ square @ polynomial
        polynomial = _polynomial(square)
        factor = polynomial @ factor
    return factor


def _polynomial(square: Tensor) -> Tensor:
    """p of x x^T, both (B, M, M)."""
    a, b, c = COEFFICIENTS
    value = torch.baddbmm(square, square, square, beta=b, alpha=c)
    value.diagonal(dim1=-2, dim2=-1).add_(a)
    return value
