"""The largest values by chunks are those of a stable sort."""

from __future__ import annotations

import pytest
import torch

from mtnlg.generation.ranking import CHUNK_SIZE, largest


@pytest.mark.parametrize("width", [7, CHUNK_SIZE * 30, CHUNK_SIZE * 30 + 13])
@pytest.mark.parametrize("count", [1, 5, 12])
@pytest.mark.parametrize("num_levels", [3, 40, 1_000_000])
def test_largest_equal_those_of_a_stable_sort(width: int, count: int, num_levels: int) -> None:
    """Few levels mean many ties."""
    generator = torch.Generator().manual_seed(width + count)
    values = torch.randint(num_levels, (11, width), generator=generator).float()

    best, places = largest(values, count)

    expected = values.sort(dim=1, descending=True, stable=True)
    assert torch.equal(best, expected.values[:, :count])
    assert torch.equal(places, expected.indices[:, :count])


def test_largest_of_minus_infinity_come_first_to_last() -> None:
    values = torch.full((3, CHUNK_SIZE * 20), -torch.inf)
    values[1, 700] = 0.5

    _, places = largest(values, 3)

    assert places.tolist() == [[0, 1, 2], [700, 0, 1], [0, 1, 2]]
