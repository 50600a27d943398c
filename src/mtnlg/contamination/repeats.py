"""Repeats of ids, sources and whole rows within one split.

Texts are kept as 64-bit hashes: among ten million texts the chance of a false match is about 3e-6.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtnlg.records.rows import Row
from mtnlg.text.spelling import verbatim

HASH_BYTES = 8
BLOCK_HASHES = 4_000_000
"""Hashes of a file that are in memory and sorted together."""

Hashes = NDArray[np.uint64]


def text_hash(text: str) -> int:
    """An unsigned 64-bit number, equal for equal verbatim texts on every machine."""
    return _number(verbatim(text).encode("utf-8", "surrogatepass"))


def num_repeats(hashes: array[int]) -> int:
    """The number of hashes that occur earlier as well."""
    if not hashes:
        return 0
    return len(hashes) - int(np.unique(np.frombuffer(hashes, dtype=np.uint64)).size)


class RowHashes:
    """The hashes of a stream of rows."""

    def __init__(self) -> None:
        self.ids = array("Q")
        self.sources = array("Q")
        self.rows = array("Q")

    def add(self, row: Row) -> None:
        """Hash one row; the empty source of plain text counts as no source."""
        source = text_hash(row.source)
        targets = [text_hash(reference) for reference in row.references]
        self.ids.append(_number(row.id.encode()))
        if row.source:
            self.sources.append(source)
        parts = (part.to_bytes(HASH_BYTES, "big") for part in (source, *targets))
        self.rows.append(_number(b"".join(parts)))


def _number(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=HASH_BYTES).digest(), "big")


def num_repeats_on_disk(path: Path) -> int:
    """The number of hashes in a file that occur earlier as well."""
    return path.stat().st_size // HASH_BYTES - sum(len(block) for block in _distinct(path))


def _distinct(path: Path) -> Iterator[Hashes]:
    """The hashes without repeats, sorted, one range of values at a time; none of an empty file,
    such as that of the sources of plain text.
    """
    num_ranges = -(-path.stat().st_size // (HASH_BYTES * BLOCK_HASHES))
    bounds = [part * 2**64 // num_ranges for part in range(num_ranges)]
    for low, high in pairwise([*bounds, 2**64]):
        chosen = [block[(block >= low) & (block <= high - 1)] for block in _blocks(path)]
        yield np.unique(np.concatenate(chosen))


def _blocks(path: Path) -> Iterator[Hashes]:
    with path.open("rb") as stream:
        while len(block := np.fromfile(stream, dtype=np.uint64, count=BLOCK_HASHES)):
            yield block
