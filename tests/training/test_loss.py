"""The chunked loss against PyTorch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mtnlg.config import ModelConfig
from mtnlg.model import Transformer
from mtnlg.training import loss as loss_module
from mtnlg.training.loss import cross_entropy, linear_cross_entropy

TOLERANCE = 1e-5
"""fp32 sums of a few hundred terms in another order."""


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("num_labels", [1, 7, 10, 11])
def test_chunked_loss_and_gradients_equal_pytorch(
    monkeypatch: pytest.MonkeyPatch, num_labels: int, label_smoothing: float
) -> None:
    """Oracle: torch.nn.functional.cross_entropy; chunks of 5, so that none, one and a ragged last
    one occur.
    """
    monkeypatch.setattr(loss_module, "CHUNK_LABELS", 5)
    random = torch.Generator().manual_seed(3)
    hidden = torch.randn(num_labels, 3, generator=random, requires_grad=True)
    weight = torch.randn(13, 3, generator=random, requires_grad=True)
    labels = torch.randint(0, 13, (num_labels,), generator=random)
    expected = F.cross_entropy(
        hidden @ weight.T, labels, reduction="sum", label_smoothing=label_smoothing
    )
    expected_gradients = torch.autograd.grad(0.37 * expected, (hidden, weight))

    actual = linear_cross_entropy(hidden, weight, labels, label_smoothing=label_smoothing)
    actual_gradients = torch.autograd.grad(0.37 * actual, (hidden, weight))

    assert actual.item() == pytest.approx(expected.item(), abs=TOLERANCE, rel=TOLERANCE)
    for one, other in zip(actual_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=TOLERANCE)


def test_loss_of_uniform_logits_is_the_logarithm_of_the_vocabulary() -> None:
    """Oracle: -ln(1 / V)."""
    total = linear_cross_entropy(torch.zeros(5, 3), torch.zeros(11, 3), torch.arange(5))

    assert total.item() == pytest.approx(5 * math.log(11), abs=TOLERANCE)


def test_loss_of_huge_logits_is_finite() -> None:
    """The largest logit is taken out before the exponential."""
    hidden = torch.tensor([[1000.0]])

    total = linear_cross_entropy(hidden, torch.tensor([[1.0], [-1.0]]), torch.tensor([1]))

    assert total.item() == pytest.approx(2000.0)


@pytest.mark.parametrize("has_pointer", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("num_labels", [1, 10, 11])
def test_chunked_loss_of_a_model_and_its_gradients_equal_pytorch(
    monkeypatch: pytest.MonkeyPatch, num_labels: int, label_smoothing: float, has_pointer: bool
) -> None:
    """Oracle: torch.nn.functional.cross_entropy of all logits at once."""
    monkeypatch.setattr(loss_module, "CHUNK_LABELS", 5)
    torch.manual_seed(3)
    config = ModelConfig(
        name="tiny",
        num_layers=1,
        hidden_size=6,
        num_heads=2,
        context_length=13,
        has_pointer=has_pointer,
        initial_deviation=0.3,
    )
    model = Transformer(config, 13).eval()
    ids = torch.randint(0, 13, (2, 7))
    index, labels = torch.randperm(14)[:num_labels], torch.randint(0, 13, (num_labels,))
    expected = F.cross_entropy(
        model(ids, label_index=index), labels, reduction="sum", label_smoothing=label_smoothing
    )
    expected_gradients = torch.autograd.grad(0.37 * expected, list(model.parameters()))

    states = model.states(ids, label_index=index)
    actual = cross_entropy(model, states, labels, label_smoothing=label_smoothing)
    actual_gradients = torch.autograd.grad(0.37 * actual, list(model.parameters()))

    assert actual.item() == pytest.approx(expected.item(), rel=TOLERANCE)
    for one, other in zip(actual_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=TOLERANCE)
