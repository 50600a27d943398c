"""Muon. Oracle: torch.optim.Muon, torch.optim.AdamW and the singular values of NumPy."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mtnlg.config import ModelConfig, OptimizerConfig, OptimizerName
from mtnlg.model import Transformer
from mtnlg.training.module import build_optimizer
from mtnlg.training.muon import Muon, orthogonal

SHAPES = [(6, 4), (4, 6), (6, 4), (5, 5)]
RATE, DECAY, MOMENTUM = 0.01, 0.1, 0.9


def weights(seed: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def set_gradients(parameters: list[torch.nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_steps_are_those_of_torch() -> None:
    """torch.optim.Muon multiplies in bfloat16, hence the tolerance."""
    mine, peer = weights(0), weights(0)
    group = {"params": mine, "momentum": MOMENTUM, "weight_decay": DECAY}
    optimizer = Muon([group], lr=RATE)
    expected = torch.optim.Muon(
        peer, lr=RATE, weight_decay=DECAY, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw"
    )

    for step in range(5):
        set_gradients(mine, step)
        set_gradients(peer, step)
        optimizer.step()
        expected.step()

    for left, right in zip(mine, peer, strict=True):
        torch.testing.assert_close(left, right, atol=4e-4, rtol=0)


def test_groups_without_momentum_are_stepped_by_adamw() -> None:
    mine, peer = weights(1), weights(1)
    optimizer = Muon(
        [{"params": mine[:2], "momentum": MOMENTUM}, {"params": mine[2:]}], lr=RATE, fused=True
    )
    expected = torch.optim.AdamW(peer[2:], lr=RATE, fused=True)

    for step in range(3):
        set_gradients(mine, step)
        set_gradients(peer, step)
        optimizer.step()
        expected.step()

    assert all(torch.equal(left, right) for left, right in zip(mine[2:], peer[2:], strict=True))


@pytest.mark.parametrize("shape", [(3, 8, 5), (2, 5, 8)])
def test_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    values = np.linalg.svd(orthogonal(matrices).numpy(), compute_uv=False)

    assert values.min() > 0.5
    assert values.max() < 1.3


def test_a_saved_state_continues_with_the_same_bits() -> None:
    whole, first = weights(2), weights(2)
    groups = [{"params": whole[:3], "momentum": MOMENTUM}, {"params": whole[3:]}]
    optimizer = Muon(groups, lr=RATE)
    halves = Muon([{"params": first[:3], "momentum": MOMENTUM}, {"params": first[3:]}], lr=RATE)
    for step in range(2):
        set_gradients(whole, step)
        set_gradients(first, step)
        optimizer.step()
        halves.step()
    resumed = Muon([{"params": first[:3], "momentum": 0.0}, {"params": first[3:]}], lr=1.0)

    resumed.load_state_dict(copy.deepcopy(halves.state_dict()))
    for step in range(2, 4):
        set_gradients(whole, step)
        set_gradients(first, step)
        optimizer.step()
        resumed.step()

    assert all(torch.equal(left, right) for left, right in zip(whole, first, strict=True))


def test_matrices_of_blocks_are_orthogonalized_and_nothing_else() -> None:
    """Oracle: the names, listed."""
    config = ModelConfig(
        name="x", num_layers=1, hidden_size=6, num_heads=2, context_length=8, has_pointer=True
    )
    model = Transformer(config, 11)
    names = {id(weight): name for name, weight in model.named_parameters()}

    groups = build_optimizer(model, OptimizerConfig(name=OptimizerName.muon)).param_groups

    assert sum(len(group["params"]) for group in groups) == len(names)
    assert {names[id(weight)] for weight in groups[0]["params"]} == {
        "blocks.0.attention.query_key_value.weight",
        "blocks.0.attention.output.weight",
        "blocks.0.feed_forward.inner.weight",
        "blocks.0.feed_forward.output.weight",
        "pointer.query.weight",
        "pointer.key.weight",
    }
    assert "momentum" not in groups[1]
    assert "momentum" not in groups[2]
