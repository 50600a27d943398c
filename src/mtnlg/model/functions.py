"""Functions of torch in fewer passes over memory, or faster ones, with the same numbers. Each is
used where it is faster: normalization and rotary positions with gradients, GELU without.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GELU_SCALE, GELU_CUBIC = 2 * math.sqrt(2 / math.pi), 0.044715
FEW = 4096
"""Numbers up to which torch's own GELU is faster."""


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU by its tanh approximation, as x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)): a sigmoid
    takes a third of the time of torch's tanh. Only in fp32: torch's rounds once in other types.
    """
    is_fp32_of_cpu = x.dtype == torch.float32 and x.device.type == "cpu"
    if not is_fp32_of_cpu or torch.is_grad_enabled() or x.numel() <= FEW:
        return F.gelu(x, approximate="tanh")
    scale = x.new_tensor(GELU_SCALE)
    return torch.addcmul(scale, x, x, value=GELU_SCALE * GELU_CUBIC).mul_(x).sigmoid_().mul_(x)


class RMSNorm(nn.RMSNorm):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich 2019). Only
    trained in fp32 on a CPU is it ours: GPUs have a kernel of their own.
    """

    def forward(self, x: Tensor) -> Tensor:
        is_single = x.dtype == self.weight.dtype == torch.float32
        if not (is_single and x.device.type == "cpu" and torch.is_grad_enabled()):
            return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)
        normalized: Tensor = _RMSNorm.apply(  # type: ignore[no-untyped-call]
            x, self.weight, self.eps
        )
        return normalized


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, inverse, weight)
        normalized: Tensor = (x * inverse).mul_(weight)
        return normalized

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        x, inverse, weight = ctx.saved_tensors
        normalized = x * inverse
        products = gradient * normalized
        shares = (products @ weight).unsqueeze(-1).div_(-x.shape[-1])
        of_x = torch.addcmul(gradient * weight, normalized, shares).mul_(inverse)
        return of_x, products.flatten(0, -2).sum(0), None


def rotate(heads: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate each pair of coordinates (d, d + D / 2) of (B, H, T, D) by its position's angle."""
    if not torch.is_grad_enabled():
        return _rotated(heads, *rotation, direction=1)
    rotated: Tensor = _Rotation.apply(heads, *rotation)  # type: ignore[no-untyped-call]
    return rotated


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _rotated(heads, cosine, sine, direction=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        return _rotated(gradient, *ctx.saved_tensors, direction=-1), None, None


def _rotated(heads: Tensor, cosine: Tensor, sine: Tensor, *, direction: int) -> Tensor:
    first, second = heads.chunk(2, dim=-1)
    rotated = heads * cosine
    left, right = rotated.chunk(2, dim=-1)
    half = sine[..., : left.shape[-1]]
    left.addcmul_(second, half, value=-direction)
    right.addcmul_(first, half, value=direction)
    return rotated
