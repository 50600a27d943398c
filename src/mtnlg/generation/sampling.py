"""Sampling with temperature, top-k and top-p. Draws have no state: they are hashes of a seed and
counters, so that no batch changes them.

Legend: B rows (example and alternative), V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import Batch
from mtnlg.generation.ranking import largest
from mtnlg.generation.rows import Choose

NUCLEUS_GUESS = 256
"""Ids to sort before sorting the whole vocabulary; most nuclei are smaller."""
_WEYL = 0x9E3779B97F4A7C15
_FIRST_FACTOR = 0xBF58476D1CE4E5B9
_SECOND_FACTOR = 0x94D049BB133111EB
_MANTISSA_BITS = 53


def drawer(batch: Batch, config: DecodingConfig, device: torch.device) -> Choose:
    """Draws that depend only on the seed, the example's number, the alternative and the step."""
    copies = config.num_alternatives
    examples = torch.tensor(batch.example_numbers, device=device).repeat_interleave(copies)
    alternatives = torch.arange(copies, device=device).repeat(len(batch.prompts))

    def choose(logits: Tensor, numbers: Tensor, step: int) -> Tensor:
        steps = torch.full_like(numbers, step)
        chances = uniform(config.seed, examples[numbers], alternatives[numbers], steps)
        return draw(truncate(logits, config), chances)

    return choose


def truncate(logits: Tensor, config: DecodingConfig) -> Tensor:
    """Logits (B, V) divided by the temperature, minus infinity outside top-k and then top-p."""
    logits = logits / config.temperature
    vocabulary_size = logits.shape[1]
    if config.top_k is not None and config.top_k < vocabulary_size:
        logits = keep_only(logits, largest(logits, config.top_k)[1])
    if config.top_p < 1:
        probabilities = logits.double().softmax(-1)
        for width in (min(NUCLEUS_GUESS, vocabulary_size), vocabulary_size):
            best, ids = largest(probabilities, width)
            before = best.cumsum(-1) - best  # mass of more likely ids
            if bool((before[:, -1] >= config.top_p).all()):
                break
        # The first id is in every nucleus; it replaces those outside.
        logits = keep_only(logits, torch.where(before < config.top_p, ids, ids[:, :1]))
    return logits


def keep_only(logits: Tensor, ids: Tensor) -> Tensor:
    """Logits (B, V) with minus infinity everywhere but at `ids` (B, N)."""
    return torch.full_like(logits, -torch.inf).scatter(1, ids, logits.gather(1, ids))


def draw(logits: Tensor, chances: Tensor) -> Tensor:
    """Ids (B,) at which the cumulative mass of `logits` (B, V) passes `chances` (B,) in [0, 1)."""
    cumulative = logits.double().softmax(-1).cumsum(-1)
    total = cumulative[:, -1:]
    target = torch.minimum(chances[:, None] * total, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, target, right=True)[:, 0]


def uniform(seed: int, *counters: Tensor) -> Tensor:
    """Float64 in [0, 1), shaped as the int64 counters: a hash of the seed and the counters."""
    state = mix(torch.full_like(counters[0], _signed(seed)))
    for counter in counters:
        state = mix(state ^ counter)
    return _shift(state, 64 - _MANTISSA_BITS).double() * 2.0**-_MANTISSA_BITS


def mix(state: Tensor) -> Tensor:
    """A hash of int64 without collisions (SplitMix64, Steele et al. 2014)."""
    state = state + _signed(_WEYL)
    state = (state ^ _shift(state, 30)) * _signed(_FIRST_FACTOR)
    state = (state ^ _shift(state, 27)) * _signed(_SECOND_FACTOR)
    return state ^ _shift(state, 31)


def _shift(state: Tensor, bits: int) -> Tensor:
    """A right shift that fills with zeros; torch's fills with the sign."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)


def _signed(word: int) -> int:
    """The int64 with the bits of an unsigned 64-bit word."""
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word
