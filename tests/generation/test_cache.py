"""Rows and slots of a cache: who sees whom, and what stays where rows are over."""

from __future__ import annotations

import pytest
import torch

from made_models import make_model
from mtnlg.generation.cache import (
    drop_rows,
    forbid,
    prompt_mask,
    read_prompts,
    repeat_rows,
    reserve,
    widen,
)
from mtnlg.model import KeyValueCache

PROMPTS = [[5, 9, 4], [7], [3, 8, 6, 11]]


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


@pytest.mark.parametrize("prefix_length", [None, 1, 2, 3])
@pytest.mark.parametrize("is_bidirectional", [False, True])
def test_mask_of_prompts_says_who_looks_at_whom(
    is_bidirectional: bool, prefix_length: int | None
) -> None:
    """Oracle: the rules token by token: padding is seen by nobody and sees itself; others see what
    is before them, and in a bidirectional prefix one another.
    """
    lengths, width = [3, 1, 4], 4
    is_real = torch.tensor(
        [[step >= width - length for step in range(width)] for length in lengths]
    )

    mask = prompt_mask(is_real, is_bidirectional, prefix_length=prefix_length)

    assert mask.shape == (3, 1, width, width)
    for row, length in enumerate(lengths):
        first = width - length
        end = first + (length if prefix_length is None else min(prefix_length, length))
        for query in range(width):
            for key in range(width):
                is_prefix = is_bidirectional and first <= query < end and first <= key < end
                expected = key == query or (key >= first and (key <= query or is_prefix))
                if query >= first:
                    assert bool(mask[row, 0, query, key]) == expected, (row, query, key)
        assert mask[row, 0].diagonal().all()


def test_prompts_are_padded_on_the_left_and_have_room_for_new_tokens() -> None:
    """Oracle: lengths and padding written out, and the logits of each prompt read alone."""
    model = make_model()

    reading = read_prompts(model, PROMPTS, num_new_slots=6)

    assert reading.lengths.tolist() == [3, 1, 4]
    assert reading.is_real.tolist() == [
        [False, True, True, True],
        [False, False, False, True],
        [True, True, True, True],
    ]
    assert reading.cache.keys.shape[3] == 4 + 6
    assert reading.cache.length == 4
    for row, prompt in enumerate(PROMPTS):
        alone = model(torch.tensor([prompt]))[0, -1]
        torch.testing.assert_close(reading.logits[row], alone, atol=1e-4, rtol=0)


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

    order = drop_rows(cache, torch.tensor(is_over))

    assert order.tolist() == expected
    for stored, old in zip(cache.stored, before, strict=True):
        assert stored.shape[1] == len(expected)
        assert torch.equal(stored[:, :, :, :3], old[:, expected][:, :, :, :3])


def test_copies_of_a_row_are_side_by_side() -> None:
    """Oracle: rows 0, 0, 0, 1, 1, 1 picked by hand."""
    cache = filled_cache(2, length=3, capacity=3)
    before = [stored.clone() for stored in cache.stored]

    repeat_rows(cache, 3)

    for stored, old in zip(cache.stored, before, strict=True):
        assert torch.equal(stored, old[:, [0, 0, 0, 1, 1, 1]])


@pytest.mark.parametrize(
    ("num_slots", "expected"), [(3, 8), (8, 8), (9, 12), (12, 12), (13, 13), (40, 40)]
)
def test_cache_that_grows_grows_by_half_at_least(num_slots: int, expected: int) -> None:
    """Oracle: 8 slots and half of that are 12; what is stored stays, and new slots are zero."""
    cache = filled_cache(2, length=8, capacity=8)
    before = [stored.clone() for stored in cache.stored]

    reserve(cache, num_slots)

    for stored, old in zip(cache.stored, before, strict=True):
        assert stored.shape[3] == expected
        assert torch.equal(stored[:, :, :, :8], old)
        assert not stored[:, :, :, 8:].any()


def test_forbidden_ids_have_no_chance_and_others_keep_theirs() -> None:
    """Oracle: by hand."""
    logits = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.bfloat16)

    assert forbid(logits.clone(), [0, 2]).tolist() == [
        [-torch.inf, 2.0, -torch.inf],
        [-torch.inf, 5.0, -torch.inf],
    ]
    assert forbid(logits.clone(), []).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert forbid(logits, [1]).dtype is torch.float32


def test_new_slots_are_seen() -> None:
    """Oracle: by hand."""
    visible = torch.tensor([[False, True], [True, True]])

    assert widen(visible, 2).tolist() == [[False, True, True, True], [True, True, True, True]]
