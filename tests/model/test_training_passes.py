"""What a pass in training does otherwise than one in inference: dropout of embeddings and of whole
blocks, activations computed again.
"""

from __future__ import annotations

import pytest
import torch

from made_transformers import build, modern, random_ids
from mtnlg.model import Transformer, count_flops

TOLERANCE = 1e-6
"""The same sums in the same order."""


def gradients(model: Transformer, *, recomputes: bool) -> list[torch.Tensor]:
    model.train()
    model.recomputes_blocks = recomputes
    torch.manual_seed(4)
    model(random_ids(2, 7)).square().sum().backward()
    found = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    return [gradient for gradient in found if gradient is not None]


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("make", [build, modern])
def test_recomputed_blocks_give_the_same_gradients(make: object, dropout: float) -> None:
    """Oracle: activations that are kept; with dropout the second computation repeats its draws."""
    assert callable(make)
    model = make(dropout=dropout, attention_dropout=dropout, layer_dropout=dropout)

    kept = gradients(model, recomputes=False)
    again = gradients(model, recomputes=True)

    assert len(kept) == len(again) > 0
    for one, other in zip(again, kept, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=TOLERANCE)


def test_recomputed_blocks_keep_no_activations_of_their_inside() -> None:
    """Oracle: the tensors that autograd saves, counted; a block's input is all it needs."""

    def count(recomputes: bool) -> int:
        model = build(num_layers=5).train()
        model.recomputes_blocks = recomputes
        saved = []
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: saved.append(tensor.numel()) or tensor, lambda tensor: tensor
        )
        with hooks:
            model.states(random_ids(2, 11))
        return sum(saved)

    assert count(True) < count(False) / 3


def test_dropped_blocks_are_those_of_the_draws() -> None:
    """Oracle: the draws by hand, and the model with those blocks taken out."""
    model = build(num_layers=5, layer_dropout=0.5, dropout=0.0).train()
    torch.manual_seed(8)
    draws = torch.rand(5).tolist()
    kept = [block for block, draw in zip(model.blocks, draws, strict=True) if draw >= 0.5]
    ids = random_ids(2, 7)

    torch.manual_seed(8)
    dropped = model(ids)

    assert 0 < len(kept) < 5
    model.blocks = torch.nn.ModuleList(kept)
    assert torch.equal(model.eval()(ids), dropped)


def test_share_of_dropped_blocks_is_the_probability() -> None:
    """Oracle: the mean of a binomial, within four standard errors."""
    model = build(num_layers=4, layer_dropout=0.3).train()
    torch.manual_seed(1)

    kept = sum(len(model.kept_blocks()) for _ in range(1000))

    assert kept / 4000 == pytest.approx(0.7, abs=4 * (0.21 / 4000) ** 0.5)


def test_inference_drops_no_block_and_draws_nothing() -> None:
    plain, model = build(dropout=0.0), build(layer_dropout=0.9, dropout=0.0)
    ids, state = random_ids(2, 7), torch.get_rng_state()

    assert torch.equal(model(ids), plain(ids))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("embedding_dropout", "expected"), [(None, 0.2), (0.0, 0.0), (0.6, 0.6)])
def test_embeddings_have_a_dropout_of_their_own(
    embedding_dropout: float | None, expected: float
) -> None:
    """Oracle: the share of zeros among many embeddings."""
    model = build(hidden_size=210, dropout=0.2, embedding_dropout=embedding_dropout).train()
    torch.manual_seed(2)

    embedded = model.embed(random_ids(50, 13), torch.arange(13))

    assert (embedded == 0).float().mean().item() == pytest.approx(expected, abs=0.01)
    assert {block.dropout.p for block in model.blocks} == {0.2}


def test_flops_count_the_layers_that_stay_on_average() -> None:
    """Oracle: half of ten layers cost what five do."""
    whole, half = build(num_layers=5).config, build(num_layers=10, layer_dropout=0.5).config

    assert count_flops(half, 37, lengths=[7, 5], num_labels=3) == count_flops(
        whole, 37, lengths=[7, 5], num_labels=3
    )
