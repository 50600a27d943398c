"""What a pass in training does otherwise than one in inference: dropout of embeddings and of whole
blocks, activations computed again.
"""

from __future__ import annotations

import pytest
import torch

from made_transformers import build, modern, random_ids
from mtnlg.model import Transformer
from mtnlg.training.objective import count_flops

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


class Constant(torch.nn.Module):
    """A sublayer that adds the same everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, hidden: torch.Tensor, **_: object) -> torch.Tensor:
        return torch.full_like(hidden, self.value)


def added_by(block: torch.nn.Module) -> torch.Tensor:
    """What a block adds, where attention gives 1 and the feed-forward 10."""
    block.attention, block.feed_forward = Constant(1.0), Constant(10.0)
    hidden = torch.zeros(29, 11, 210)
    torch.manual_seed(5)
    added: torch.Tensor = block(hidden, mask=None, rotation=None)
    return added


def test_each_sublayer_has_a_dropout_of_its_own() -> None:
    """Oracle: chances of two independent draws; what is kept is divided by its share."""
    block = build(hidden_size=210, dropout=0.25).train().blocks[0]

    added = added_by(block) * 0.75

    for total, share in ((0, 0.25**2), (1, 0.75 * 0.25), (10, 0.25 * 0.75), (11, 0.75**2)):
        is_total = (added - total).abs() < 1e-4
        assert is_total.float().mean().item() == pytest.approx(share, abs=0.01)


def test_sublayers_are_whole_in_inference() -> None:
    """Oracle: 1 + 10."""
    added = added_by(build(hidden_size=210, dropout=0.25).blocks[0])

    assert (added == 11).all()


def attention_weights(*, dropout: float, is_training: bool) -> torch.Tensor:
    """The weights (T, T) of one attention over equal keys: its values are one-hot by position."""
    size = 150
    fields = {"hidden_size": size, "num_heads": 1, "context_length": size, "has_bias": False}
    model = build(attention_dropout=dropout, dropout=0.0, **fields).train(is_training)
    attention = model.blocks[0].attention
    with torch.no_grad():
        attention.query_key_value.weight.zero_()
        attention.query_key_value.weight[2 * size :] = torch.eye(size)
        attention.output.weight.copy_(torch.eye(size))
    torch.manual_seed(6)
    weights: torch.Tensor = attention(
        torch.eye(size)[None], mask=None, rotation=None, cache=None, layer=0
    )
    return weights[0].detach()


def test_attention_dropout_takes_its_share_of_the_weights_in_training() -> None:
    """Oracle: equal weights 1 / t of the t positions seen so far: a share of them is zero, and the
    rest is as much larger as that is.
    """
    weights = attention_weights(dropout=0.4, is_training=True)

    seen = torch.ones_like(weights).tril().bool()
    scaled = (weights * torch.arange(1, 151)[:, None] * 0.6)[seen]
    is_zero = scaled == 0
    assert is_zero.float().mean().item() == pytest.approx(0.4, abs=0.02)
    torch.testing.assert_close(scaled[~is_zero], torch.ones(int((~is_zero).sum())))
    assert (weights[~seen] == 0).all()


def test_attention_keeps_every_weight_in_inference() -> None:
    """Oracle: 1 / t for each of the t positions seen so far."""
    weights = attention_weights(dropout=0.4, is_training=False)

    expected = torch.ones(150, 150).tril() / torch.arange(1, 151)[:, None]
    torch.testing.assert_close(weights, expected)


@pytest.mark.parametrize(
    "dropouts",
    [
        {"dropout": 0.9},
        {"dropout": 0.0, "attention_dropout": 0.9},
        {"dropout": 0.0, "embedding_dropout": 0.9},
        {"dropout": 0.0, "layer_dropout": 0.9},
    ],
)
@pytest.mark.parametrize("make", [build, modern])
def test_no_dropout_acts_at_inference_and_each_acts_in_training(
    make: object, dropouts: dict[str, float]
) -> None:
    """Oracle: the same weights in a model without any dropout, read whole and into a cache."""
    assert callable(make)
    plain, model, ids = make(dropout=0.0), make(**dropouts), random_ids(2, 7)
    whole = plain(ids)

    caches = [one.allocate_cache(2, 7) for one in (plain, model)]
    extended = [
        one.extend(ids, cache, positions=torch.arange(7), mask=None)
        for one, cache in zip((plain, model), caches, strict=True)
    ]

    assert torch.equal(model(ids), whole)
    assert torch.equal(*extended)
    torch.manual_seed(7)
    assert not torch.allclose(model.train()(ids), whole, atol=1e-3)
    assert model.config.is_random_in_training
    assert not plain.config.is_random_in_training
