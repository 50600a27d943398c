"""Rows and slots of a cache: what stays where rows are over, copied, or given more room."""

from __future__ import annotations

import pytest
import torch

from made_models import make_model
from mtnlg.model import KeyValueCache


def filled_cache(num_rows: int, *, length: int, capacity: int) -> KeyValueCache:
    """A cache whose keys and values say their layer, row and slot."""
    cache = make_model().allocate_cache(num_rows, capacity)
    for sign, stored in zip((1, -1), cache.stored, strict=True):
        for layer in range(stored.shape[0]):
            for row in range(num_rows):
                for slot in range(length):
                    stored[layer, row, :, slot] = sign * (100 * layer + 10 * row + slot)
    cache.length = length
    return cache


@pytest.mark.parametrize(
    ("is_over", "expected"),
    [
        ([False, False, False, False], [0, 1, 2, 3]),
        ([True, False, False, False], [3, 1, 2]),
        ([True, True, False, False], [2, 3]),
        ([False, True, False, True], [0, 2]),
        ([True, True, True, False], [3]),
        ([True, True, True, True], []),
    ],
)
def test_last_rows_move_into_the_places_of_those_that_are_over(
    is_over: list[bool], expected: list[int]
) -> None:
    """Oracle: the old places by hand, and the cache picked by them."""
    cache = filled_cache(4, length=3, capacity=5)
    before = [stored.clone() for stored in cache.stored]

    order = cache.drop_rows(torch.tensor(is_over))

    assert order.tolist() == expected
    for stored, old in zip(cache.stored, before, strict=True):
        assert stored.shape[1] == len(expected)
        assert torch.equal(stored[:, :, :, :3], old[:, expected][:, :, :, :3])


def test_copies_of_a_row_are_side_by_side() -> None:
    """Oracle: rows 0, 0, 0, 1, 1, 1 picked by hand."""
    cache = filled_cache(2, length=3, capacity=3)
    before = [stored.clone() for stored in cache.stored]

    cache.repeat_rows(3)

    for stored, old in zip(cache.stored, before, strict=True):
        assert torch.equal(stored, old[:, [0, 0, 0, 1, 1, 1]])


@pytest.mark.parametrize(
    ("num_slots", "expected"), [(3, 8), (8, 8), (9, 12), (12, 12), (13, 13), (40, 40)]
)
def test_cache_that_grows_grows_by_half_at_least(num_slots: int, expected: int) -> None:
    """Oracle: 8 slots and half of that are 12; what is stored stays, and new slots are zero."""
    cache = filled_cache(2, length=8, capacity=8)
    before = [stored.clone() for stored in cache.stored]

    cache.reserve(num_slots)

    for stored, old in zip(cache.stored, before, strict=True):
        assert stored.shape[3] == expected
        assert torch.equal(stored[:, :, :, :8], old)
        assert not stored[:, :, :, 8:].any()
