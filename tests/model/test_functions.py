"""Functions with gradients by hand.

Oracles: torch's own composite functions in double precision, and numerical gradients.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.model.functions import RMSNorm, _RMSNorm, gelu_tanh, rotate
from mtnlg.model.transformer import rotary_angles


def made(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator)


@pytest.mark.parametrize("shape", [(7, 16), (2, 3, 5, 8), (1, 1, 1)])
def test_normalization_and_its_gradients_are_those_of_torch(shape: tuple[int, ...]) -> None:
    x, weight = made(*shape).requires_grad_(), made(shape[-1]).requires_grad_()
    norm = RMSNorm(shape[-1], eps=1e-5)
    norm.weight = torch.nn.Parameter(weight.detach().clone())
    outer = made(*shape)

    ours = norm(x)
    theirs = F.rms_norm(x.double(), shape[-1:], weight.double(), 1e-5)

    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)
    gradients = torch.autograd.grad(ours, (x, norm.weight), outer)
    wanted = torch.autograd.grad(theirs, (x, weight), outer.double())
    for gradient, expected in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


def test_gradients_are_the_numerical_ones() -> None:
    x, weight = made(3, 6).double().requires_grad_(), made(6).double().requires_grad_()
    rotation = rotary_angles(torch.arange(4), 6, 10_000.0, torch.float64)

    assert torch.autograd.gradcheck(lambda x, w: _RMSNorm.apply(x, w, 1e-5), (x, weight))
    heads = made(2, 3, 4, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: rotate(x, rotation), (heads,))


def test_normalization_in_low_precision_is_that_of_torch() -> None:
    x = made(4, 8).bfloat16()
    norm = RMSNorm(8, eps=1e-5).bfloat16()

    assert torch.equal(norm(x), F.rms_norm(x, (8,), norm.weight, 1e-5))


def test_gelu_in_low_precision_is_that_of_torch() -> None:
    x = made(10_000).bfloat16()

    with torch.no_grad():
        assert torch.equal(gelu_tanh(x), F.gelu(x, approximate="tanh"))


def test_rotation_is_a_product_of_complex_numbers() -> None:
    """Oracle: e^(i position / base^(2d / D)) times the coordinates d and d + D / 2."""
    heads = made(2, 3, 5, 8)
    positions = torch.tensor([[0, 1, 2, 3, 4], [7, 8, 9, 10, 11]])

    rotated = rotate(heads, rotary_angles(positions, 8, 100.0, torch.float32))

    angles = positions[:, None, :, None] * 100.0 ** (-torch.arange(0, 8, 2) / 8)
    turned = torch.complex(heads[..., :4], heads[..., 4:]) * torch.exp(1j * angles)
    torch.testing.assert_close(rotated, torch.cat([turned.real, turned.imag], dim=-1))


@pytest.mark.parametrize("size", [100, 10_000])
def test_gelu_without_gradient_is_that_of_torch(size: int) -> None:
    x = torch.cat([10 * made(size), torch.tensor([0.0, -100.0, 100.0])])

    with torch.no_grad():
        torch.testing.assert_close(gelu_tanh(x), F.gelu(x, approximate="tanh"))
