"""The hashes of a split's rows on disk: eight bytes each, a column a file, compared a bounded
number at a time.

Refuses to know what is hashed. Hashes are evenly spread over 64 bits, so each range of values holds
its share of them, whatever the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

BLOCK_HASHES = 4_000_000
"""Hashes that are held and sorted together."""


def num_repeats_on_disk(path: Path) -> int:
    """Entries of a column that an earlier entry equals."""
    num_hashes = path.stat().st_size // np.dtype(np.uint64).itemsize
    return num_hashes - sum(len(block) for block in _distinct(path))


def _distinct(path: Path) -> Iterator[Hashes]:
    """One range of values after the other, each sorted and without repeats."""
    num_hashes = path.stat().st_size // np.dtype(np.uint64).itemsize
    if num_hashes == 0:  # such as the sources of plain text
        return
    num_ranges = -(-num_hashes // BLOCK_HASHES)
    bounds = [part * 2**64 // num_ranges for part in range(num_ranges)]
    for low, high in zip(bounds, [*bounds[1:], 2**64], strict=True):
        chosen = [block[(block >= low) & (block <= high - 1)] for block in _blocks(path)]
        yield np.unique(np.concatenate(chosen))


def _blocks(path: Path) -> Iterator[Hashes]:
    with path.open("rb") as stream:
        while len(block := np.fromfile(stream, dtype=np.uint64, count=BLOCK_HASHES)):
            yield block
