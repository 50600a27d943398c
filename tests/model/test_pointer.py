"""The pointer-generator, against its equations worked out token by token, and by its extremes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from made_transformers import build, modern, random_ids
from mtnlg.config import ModelConfig
from mtnlg.model import Transformer
from mtnlg.training.objective import count_flops

TOLERANCE = 1e-5
"""float32 log-probabilities of a few tokens."""


def with_pointer(**fields: object) -> Transformer:
    model = build(has_pointer=True, initial_deviation=0.2, **fields)
    assert model.pointer is not None
    torch.manual_seed(5)
    torch.nn.init.normal_(model.pointer.gate.bias)
    return model


def by_hand(model: Transformer, ids: Tensor, states: Tensor, seen: list[list[int]]) -> Tensor:
    """See et al. 2017, eq. 1, 2, 8 and 9, for one row: (T, V) probabilities; `seen` are the places
    that each token looks at.
    """
    pointer = model.pointer
    assert pointer is not None
    rows = []
    for place, state in enumerate(states):
        query = pointer.query.weight @ state
        scores = [float(query @ (pointer.key.weight @ states[other])) for other in seen[place]]
        exponentials = [math.exp(score / math.sqrt(len(state))) for score in scores]
        gate = 1 / (1 + math.exp(-float(pointer.gate.weight[0] @ state + pointer.gate.bias)))
        row = (gate * (model.unembedding.weight @ state).softmax(0)).tolist()
        for other, one in zip(seen[place], exponentials, strict=True):
            row[int(ids[other])] += (1 - gate) * one / sum(exponentials)
        rows.append(row)
    return torch.tensor(rows)


@pytest.mark.parametrize("prefix_length", [None, 4])
@torch.inference_mode()
def test_output_is_the_mixture_of_the_paper(prefix_length: int | None) -> None:
    model = with_pointer(is_prefix_bidirectional=prefix_length is not None)
    ids = random_ids(1, 7)
    ids[0, 5] = ids[0, 1]  # a token that is copied from two places
    lengths = None if prefix_length is None else torch.tensor([prefix_length])
    seen = [list(range(max(place + 1, prefix_length or 0))) for place in range(7)]
    seen[prefix_length or 0 :] = [list(range(place + 1)) for place in range(prefix_length or 0, 7)]
    hidden = model.states(ids, prefix_lengths=lengths).hidden[0]

    actual = model(ids, prefix_lengths=lengths)[0]

    expected = by_hand(model, ids[0], hidden, seen)
    assert (expected.log() - actual).abs().max() < TOLERANCE
    assert torch.allclose(actual.exp().sum(-1), torch.ones(7), atol=TOLERANCE)


@torch.inference_mode()
def test_model_that_only_copies_gives_tokens_that_it_read() -> None:
    model = with_pointer()
    assert model.pointer is not None
    model.pointer.gate.bias.fill_(-1e4)
    ids = random_ids(2, 7)

    probabilities = model(ids).exp()

    for row in range(2):
        for place in range(7):
            likely = set((probabilities[row, place] > 1e-6).nonzero()[:, 0].tolist())
            assert likely == set(ids[row, : place + 1].tolist())


@torch.inference_mode()
def test_model_that_never_copies_is_the_one_without_a_pointer() -> None:
    model = with_pointer()
    assert model.pointer is not None
    model.pointer.gate.bias.fill_(1e4)
    plain = build(initial_deviation=0.2)
    left = model.state_dict()
    plain.load_state_dict({name: left[name] for name in plain.state_dict()})
    ids = random_ids(2, 7)

    assert torch.allclose(model(ids), plain(ids).log_softmax(-1), atol=TOLERANCE)


@pytest.mark.parametrize("make", [build, modern])
def test_tokens_of_the_future_and_padding_are_not_pointed_at(make: object) -> None:
    assert callable(make)
    model = make(has_pointer=True)
    ids = random_ids(2, 7)
    other = ids.clone()
    other[:, 5:] = (ids[:, 5:] + 1) % model.vocabulary_size

    assert torch.allclose(model(ids)[:, :5], model(other)[:, :5], atol=TOLERANCE)


def test_logits_at_labels_are_those_of_all_positions() -> None:
    model = with_pointer().eval()
    ids = random_ids(3, 7)
    index = torch.tensor([2, 9, 20])

    expected = model(ids).flatten(0, 1)[index]
    assert torch.allclose(model(ids, label_index=index), expected, atol=TOLERANCE)


def test_every_part_of_the_pointer_is_trained() -> None:
    model = with_pointer()
    ids = random_ids(2, 7)
    model(ids)[:, :, ids[0, 1]].sum().backward()
    assert model.pointer is not None
    for name, parameter in model.pointer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_flops_count_the_pointer() -> None:
    """Oracle: two matrices of E x E for each token, E products for each pair, three passes."""
    plain = ModelConfig(name="plain", num_layers=2, hidden_size=21, num_heads=3)
    pointing = ModelConfig(
        name="pointing", num_layers=2, hidden_size=21, num_heads=3, has_pointer=True
    )
    counts = [count_flops(config, 11, lengths=[5, 7], num_labels=4) for config in (plain, pointing)]

    assert counts[1] - counts[0] == 3 * (2 * 2 * 21 * 21 * 12 + 2 * 21 * (25 + 49))
