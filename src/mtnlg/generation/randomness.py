"""Random numbers without a state: hashes of a seed and counters; no batch changes a draw."""

from __future__ import annotations

import torch
from torch import Tensor

_WEYL = 0x9E3779B97F4A7C15
_FIRST_FACTOR = 0xBF58476D1CE4E5B9
_SECOND_FACTOR = 0x94D049BB133111EB
_MANTISSA_BITS = 53


def uniform(seed: int, *counters: Tensor) -> Tensor:
    """Float64 in [0, 1), shaped as the int64 counters; unrelated for other seeds or counters."""
    state = mix(torch.full_like(counters[0], _signed(seed)))
    for counter in counters:
        state = mix(state ^ counter)
    return _shift(state, 64 - _MANTISSA_BITS).double() * 2.0**-_MANTISSA_BITS


def mix(state: Tensor) -> Tensor:
    """A bijection of int64 that spreads each bit over all (SplitMix64, Steele et al. 2014)."""
    state = state + _signed(_WEYL)
    state = (state ^ _shift(state, 30)) * _signed(_FIRST_FACTOR)
    state = (state ^ _shift(state, 27)) * _signed(_SECOND_FACTOR)
    return state ^ _shift(state, 31)


def _shift(state: Tensor, bits: int) -> Tensor:
    """To the right, with zeros coming in: torch's own shift repeats the sign."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)


def _signed(word: int) -> int:
    """The int64 with the bits of an unsigned 64-bit word."""
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word
