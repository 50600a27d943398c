"""Tiny random models, and plain searches by whole forward passes to check the engine against."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from transformers import GPT2LMHeadModel

from mtnlg.config import (
    DecodingConfig,
    FeedForward,
    ModelConfig,
    Normalization,
    PositionEncoding,
)
from mtnlg.generation.batches import Output
from mtnlg.model import Transformer

VOCABULARY_SIZE = 29
EOS = 2
PROMPTS = [[5, 9, 4], [7], [3, 8, 6, 11, 20, 4, 9], [12, 13, 14, 3], [25, 3], [4, 4, 4, 4, 4, 4, 4]]

VARIANTS: dict[str, dict[str, object]] = {
    "learned": {},
    "learned_prefix": {"is_prefix_bidirectional": True},
    "rotary_grouped": {
        "hidden_size": 60,
        "num_heads": 6,
        "num_key_value_heads": 2,
        "position_encoding": PositionEncoding.rotary,
        "normalization": Normalization.rms_norm,
        "feed_forward": FeedForward.swiglu,
        "has_bias": False,
        "is_embedding_tied": False,
    },
}
VARIANTS["rotary_grouped_prefix"] = {
    **VARIANTS["rotary_grouped"],
    "is_prefix_bidirectional": True,
}
VARIANTS["pointer"] = {"has_pointer": True}
VARIANTS["pointer_prefix"] = {**VARIANTS["learned_prefix"], "has_pointer": True}


def make_model(
    variant: str = "learned",
    *,
    seed: int = 0,
    vocabulary_size: int = VOCABULARY_SIZE,
    **fields: object,
) -> Transformer:
    """Random weights, large enough that one token differs from the next."""
    torch.manual_seed(seed)
    values: dict[str, object] = {
        "name": variant,
        "num_layers": 2,
        "hidden_size": 21,
        "num_heads": 3,
        "context_length": 23,
        "initial_deviation": 0.3,
    }
    config = ModelConfig(**{**values, **VARIANTS[variant], **fields})  # type: ignore[arg-type]
    return Transformer(config, vocabulary_size).eval()


@torch.inference_mode()
def next_logits(model: Transformer, prompt: list[int], new_ids: list[int]) -> torch.Tensor:
    """Logits (V,) after a prompt and new ids, by one forward pass without a cache."""
    prefix_lengths = torch.tensor([len(prompt)])
    return model(torch.tensor([prompt + new_ids]), prefix_lengths=prefix_lengths)[0, -1]


def limit_of(model: Transformer, prompt: list[int], max_new_tokens: int) -> int:
    return min(max_new_tokens, model.config.context_length - len(prompt))


def next_gains(model: Transformer, prompt: list[int], new_ids: tuple[int, ...]) -> list[float]:
    """Log-probability of each id after a prompt and new ids."""
    gains: list[float] = next_logits(model, prompt, list(new_ids)).log_softmax(-1).tolist()
    return gains


Gains = Callable[[Transformer, list[int], tuple[int, ...]], list[float]]
"""As `next_gains`, of which it may be another version."""


def plain_greedy(
    model: Transformer, prompt: list[int], max_new_tokens: int, gains: Gains = next_gains
) -> list[int]:
    """Ids, with the end where there is one."""
    new_ids: list[int] = []
    while len(new_ids) < limit_of(model, prompt, max_new_tokens) and EOS not in new_ids:
        values = gains(model, prompt, tuple(new_ids))
        new_ids.append(max(range(len(values)), key=lambda token: values[token]))
    return new_ids


@dataclass(frozen=True)
class Hypothesis:
    ids: tuple[int, ...]
    """With the end where there is one."""
    total: float
    score: float


def plain_beam(
    model: Transformer, prompt: list[int], config: DecodingConfig, gains: Gains = next_gains
) -> list[Hypothesis]:
    """Beam search by lists: Hugging Face's rules with early_stopping=False."""
    limit = limit_of(model, prompt, config.max_new_tokens)
    living: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    finished: list[Hypothesis] = []
    for length in range(1, limit + 1):
        candidates = [
            ((*ids, token), total + gain)
            for ids, total in living
            for token, gain in enumerate(gains(model, prompt, ids))
            if gain > -math.inf
        ]
        candidates.sort(key=lambda candidate: -candidate[1])
        for ids, total in candidates[: config.num_beams]:
            if ids[-1] == EOS or length == limit:
                finished.append(Hypothesis(ids, total, total / length**config.length_penalty))
        finished = sorted(finished, key=lambda one: -one.score)[: config.num_beams]
        going_on = [candidate for candidate in candidates if candidate[0][-1] != EOS]
        living = going_on[: config.num_beams]
        if not living:
            break
        best = living[0][1] / length**config.length_penalty
        if len(finished) == config.num_beams and best <= finished[-1].score:
            break
    return finished


def all_hypotheses(
    model: Transformer,
    prompt: list[int],
    *,
    num_steps: int,
    length_penalty: float,
    gains: Gains = next_gains,
) -> list[Hypothesis]:
    """Every sequence that ends, or is as long as the limit, best first."""
    hypotheses: list[Hypothesis] = []
    living: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for length in range(1, num_steps + 1):
        grown = [
            ((*ids, token), total + gain)
            for ids, total in living
            for token, gain in enumerate(gains(model, prompt, ids))
            if gain > -math.inf
        ]
        over = [one for one in grown if one[0][-1] == EOS or length == num_steps]
        hypotheses += [
            Hypothesis(ids, total, total / length**length_penalty) for ids, total in over
        ]
        living = [one for one in grown if one[0][-1] != EOS]
    return sorted(hypotheses, key=lambda one: -one.score)


def without_end(ids: tuple[int, ...] | list[int]) -> list[int]:
    return [token for token in ids if token != EOS]


def copy_weights(reference: GPT2LMHeadModel, model: torch.nn.Module) -> None:
    """Both list their weights in the same order, but GPT-2 stores linear layers transposed."""
    theirs = dict(reference.transformer.named_parameters())
    with torch.no_grad():
        for (name, parameter), (their_name, weight) in zip(
            model.named_parameters(), theirs.items(), strict=True
        ):
            is_linear = ".attn." in their_name or ".mlp." in their_name
            assert name.rsplit(".", 1)[1] == their_name.rsplit(".", 1)[1], (name, their_name)
            parameter.copy_(weight.t() if is_linear and weight.dim() == 2 else weight)


def assert_same(found: list[list[Output]], expected: list[list[Output]]) -> None:
    """Equal ids and ends, and scores up to the order of the sums."""
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one.ids, one.is_finished) == (other.ids, other.is_finished)
            assert one.score == pytest.approx(other.score, abs=1e-4)
