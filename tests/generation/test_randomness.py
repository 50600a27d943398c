"""Draws without a state: against SplitMix64 in plain integers, which published values check."""

from __future__ import annotations

import pytest
import torch

from mtnlg.generation.randomness import mix, uniform

MASK = (1 << 64) - 1
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
"""The first numbers of the seed 1234567 (Rosetta Code, Pseudo-random numbers/Splitmix64)."""


def plain_mix(state: int) -> int:
    """SplitMix64 (Steele et al. 2014): one step of the state, and the number that it gives."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def unsigned(values: torch.Tensor) -> list[int]:
    return [value & MASK for value in values.tolist()]


def test_numbers_are_those_that_were_published() -> None:
    """Oracle: the published numbers; the state grows by the golden ratio each time."""
    states = [1234567 + step * 0x9E3779B97F4A7C15 for step in range(len(PUBLISHED))]
    signed = [(state & MASK) - (1 << 64) * (state >> 63 & 1) for state in states]

    assert [plain_mix(state & MASK) for state in states] == PUBLISHED
    assert unsigned(mix(torch.tensor(signed))) == PUBLISHED


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63, 2**64 - 1, -1])
def test_draws_are_the_upper_bits_of_seed_and_counters_mixed(seed: int) -> None:
    """Oracle: plain integers of any size, and a division."""
    counters = [[0, 1, 2, 77, 2**40, 2**62], [5, 0, 3, 2**33, 1, 9]]

    draws = uniform(seed, *(torch.tensor(counter) for counter in counters))

    expected = []
    for first, second in zip(*counters, strict=True):
        state = plain_mix(plain_mix(plain_mix(seed & MASK) ^ first) ^ second)
        expected.append((state >> 11) / 2**53)
    assert draws.tolist() == expected
    assert draws.dtype is torch.float64
