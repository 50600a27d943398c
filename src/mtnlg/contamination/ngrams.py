"""Searches many texts for the n-grams of a few, with only the few in memory.

Units (words or characters) of the few texts are numbered, and their n-grams hashed to 64 bits. The
many texts are read in batches, whose windows with an unknown unit are skipped. One false match is
expected in about 2e12 searches of a million n-grams in ten million. Legend: U units of a batch, G
n-grams of the few texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from mtnlg.text.spelling import is_unspaced

WORD_LENGTH = 13
"""Units of an n-gram, as in GPT-3 (Brown et al. 2020, app. C) and MT-NLG (Smith et al. 2022)."""
CHARACTER_LENGTH = 20
"""Units of an n-gram where most units are characters: the Chinese translation of 13 English words
has 17 (everyday talk) to 21 (news) characters."""
BATCH_UNITS = 1 << 17
FILTER_CELLS = 16
"""Cells of the first filter for each n-gram; one in so many unknown windows passes it."""
MAX_FILTER_BITS = 25
SeenNgrams = Mapping[int, NDArray[np.int64]]
"""Length -> indexes of distinct n-grams."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that the multiplication loses no bits."""


class NgramSearch:
    """The n-grams of a few texts, which are given as units, and whether each was seen."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._numbers: dict[str, int] = {}
        lengths = [CHARACTER_LENGTH if is_unspaced(text) else WORD_LENGTH for text in texts]
        flat = {length: array("I") for length in (WORD_LENGTH, CHARACTER_LENGTH)}
        for text, length in zip(texts, lengths, strict=True):
            if len(text) >= length:
                number = self._numbers.setdefault
                flat[length].extend(number(unit, len(self._numbers) + 1) for unit in text)
                flat[length].append(0)
        codes = np.zeros(len(self._numbers) + 1, np.uint64)
        for unit, number_ in self._numbers.items():
            digest = blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            codes[number_] = int.from_bytes(digest, "big")
        self._tables = {
            length: _Table(length, units, codes) for length, units in flat.items() if len(units)
        }
        self._shortest = min(self._tables, default=0)
        self._buffer = array("I")
        self._counts = [
            (length, max(0, len(text) - length + 1))
            for text, length in zip(texts, lengths, strict=True)
        ]

    def read(self, units: Sequence[str]) -> None:
        """Search one of the many texts."""
        if self._tables and len(units) >= self._shortest:
            self._buffer.extend(map(self._numbers.get, units, repeat(0)))
            self._buffer.append(0)
            if len(self._buffer) > BATCH_UNITS:
                self._flush()

    def _flush(self) -> None:
        """Mark the n-grams in the buffer as seen, and empty it."""
        units = np.frombuffer(self._buffer, np.uint32)
        self._buffer = array("I")
        for table in self._tables.values():
            table.mark(units)

    def take_seen(self) -> SeenNgrams:
        """Indexes of the n-grams that were seen since the last call, which are then forgotten."""
        self._flush()
        return {length: table.take_seen() for length, table in self._tables.items()}

    def add_seen(self, seen: SeenNgrams) -> None:
        """Mark n-grams as seen that an equal search has seen."""
        for length, indexes in seen.items():
            self._tables[length].is_seen[indexes] = True

    def shares(self) -> list[float | None]:
        """The share of each text's n-grams that was seen; None for a text too short for any."""
        self._flush()
        seen = {length: table.seen_before() for length, table in self._tables.items()}
        starts = dict.fromkeys(self._tables, 0)
        shares: list[float | None] = []
        for length, count in self._counts:
            if count == 0:
                shares.append(None)
                continue
            start = starts[length]
            starts[length] = start + count
            shares.append(float(seen[length][start + count] - seen[length][start]) / count)
        return shares


class _Table:
    """The n-grams of one length."""

    def __init__(self, length: int, units: array[int], codes: NDArray[np.uint64]) -> None:
        self.length = length
        self.codes = codes
        hashes = self._hashes(np.frombuffer(units, np.uint32))
        self.known, self.indexes = np.unique(hashes, return_inverse=True)  # (G',), (G,)
        self.is_seen = np.zeros(self.known.size, np.bool_)
        bits = min(MAX_FILTER_BITS, int(FILTER_CELLS * self.known.size).bit_length())
        self.shift = 64 - bits
        self.may_be_known = np.zeros(1 << bits, np.bool_)
        self.may_be_known[self.known >> self.shift] = True

    def mark(self, units: NDArray[np.uint32]) -> None:
        """Mark the n-grams of a batch as seen."""
        hashes = self._hashes(units)
        hashes = hashes[self.may_be_known[hashes >> self.shift]]
        indexes = np.minimum(np.searchsorted(self.known, hashes), self.known.size - 1)
        self.is_seen[indexes[self.known[indexes] == hashes]] = True

    def take_seen(self) -> NDArray[np.int64]:
        """The indexes of what was seen, in order; it is then forgotten."""
        indexes = np.flatnonzero(self.is_seen)
        self.is_seen[indexes] = False
        return indexes

    def seen_before(self) -> NDArray[np.int64]:
        """The number of n-grams seen before each n-gram of the few texts, (G + 1,)."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.is_seen[self.indexes])])

    def _hashes(self, numbers: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """The hashes of all windows without a 0, in order of their ends."""
        index = np.arange(numbers.size)
        last_zero = np.maximum.accumulate(np.where(numbers == 0, index, -1))
        ends = np.flatnonzero(index - last_zero >= self.length)
        codes = self.codes[numbers]  # (U,)
        hashes = np.zeros(ends.size, np.uint64)
        for back in range(self.length - 1, -1, -1):
            hashes *= MULTIPLIER
            hashes += codes[ends - back]
        return hashes
