"""Counts of n-grams that texts share with their references, for many texts at once by sorting.

Symbols are characters or tokens, numbered from 1. Legend: N rows, P positions of symbols in all
texts, R references, K the longest n-gram.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, pairwise

import numpy as np
import numpy.typing as npt

from mtnlg.evaluation.significance.bootstrap import FloatArray

IntArray = npt.NDArray[np.int64]

WORD_BITS = 63
"""Bits of a signed 64-bit number that can be used."""

BATCH_SYMBOLS = 30_000
"""Symbols sorted together, rounded to whole rows; sorting more at once is slower."""


@dataclass(frozen=True, slots=True)
class SymbolTexts:
    """N texts as symbols, one text after the other."""

    symbols: IntArray
    """(P,), from 1."""
    lengths: IntArray
    """(N,), number of symbols of each text."""

    def rows(self, start: int, end: int) -> SymbolTexts:
        """The texts from row `start` to before row `end`."""
        first, last = int(self.lengths[:start].sum()), int(self.lengths[:end].sum())
        return SymbolTexts(self.symbols[first:last], self.lengths[start:end])

    def lists(self) -> list[list[int]]:
        """The symbols of each text."""
        symbols, ends = self.symbols.tolist(), np.cumsum(self.lengths).tolist()
        return [symbols[start:end] for start, end in pairwise([0, *ends])]

    def num_ngrams(self, order: int) -> IntArray:
        """The number of n-grams of an order in each text, (N,)."""
        return np.maximum(self.lengths - order + 1, 0)


class Vocabulary:
    """Numbers tokens in the order of their first occurrence."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict(count(1).__next__)

    def encode(self, texts: Sequence[Sequence[str]]) -> SymbolTexts:
        """Texts of tokens as symbols."""
        lengths = np.array([len(tokens) for tokens in texts], np.int64)
        numbers = map(self._numbers.__getitem__, chain.from_iterable(texts))
        symbols = np.fromiter(numbers, np.int64, count=int(lengths.sum()))
        return SymbolTexts(symbols, lengths)


def encode_characters(texts: Sequence[str]) -> SymbolTexts:
    """Texts as their characters."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.array([len(text) for text in texts], np.int64)
    return SymbolTexts(codes.astype(np.int64) + 1, lengths)


def clipped_matches(
    hypotheses: SymbolTexts, references: Sequence[SymbolTexts], *, order: int
) -> FloatArray:
    """N-grams of each order up to K that a hypothesis shares with its references, (N, K).

    Each counts as often as it occurs in the hypothesis, but at most as often as in the reference
    where it is most frequent (Papineni et al. 2002).
    """
    streams = [hypotheses, *references]
    lengths: IntArray = np.stack([texts.lengths for texts in streams]).sum(axis=0)
    return np.concatenate(
        [
            _batch_matches([texts.rows(start, end) for texts in streams], order)
            for start, end in _batches(lengths)
        ]
    )


def _batches(lengths: IntArray) -> Iterator[tuple[int, int]]:
    """(start, end) of the rows of each batch, which has at least one row."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        done = ends[start - 1] if start else 0
        end = int(np.searchsorted(ends, done + BATCH_SYMBOLS, side="right"))
        yield start, max(end, start + 1)
        start = max(end, start + 1)


def _batch_matches(streams: Sequence[SymbolTexts], order: int) -> FloatArray:
    """The matches of one batch, of hypotheses and R streams of references.

    Positions are sorted by row and by the K symbols that start there, so that equal n-grams of each
    order lie together.
    """
    num_rows, num_streams = len(streams[0].lengths), len(streams)
    matches = np.zeros((num_rows, order))
    lengths = np.concatenate([texts.lengths for texts in streams])
    rows = np.repeat(np.tile(np.arange(num_rows), num_streams), lengths)  # (P,)
    owners = np.repeat(np.arange(num_streams), [len(texts.symbols) for texts in streams])  # (P,)
    if len(rows) == 0:
        return matches
    symbols = _dense(np.concatenate([texts.symbols for texts in streams]))
    windows = _windows(symbols, lengths, order)
    table = _sorted_columns(np.stack([rows, *windows, owners]))
    rows, windows, owners = table[0], table[1:-1], table[-1]
    is_owner = owners == np.arange(num_streams)[:, None]
    counts = np.cumsum(is_owner, axis=1, dtype=np.int64)  # (1 + R, P)
    is_last = np.ones(len(rows), np.bool_)
    is_last[:-1] = rows[1:] != rows[:-1]
    for index, window in enumerate(windows):
        is_last[:-1] |= window[1:] != window[:-1]
        ends = np.flatnonzero(is_last)
        occurrences = np.diff(counts[:, ends], prepend=0)
        shared = np.minimum(occurrences[0], occurrences[1:].max(axis=0))
        shared[window[ends] == 0] = 0  # beyond the end of a text
        matches[:, index] = np.bincount(rows[ends], weights=shared, minlength=num_rows)
    return matches


def _dense(symbols: IntArray) -> IntArray:
    """The symbols (P,) renumbered from 1 without gaps, in the same order."""
    is_used = np.zeros(int(symbols.max()) + 1, np.bool_)
    is_used[symbols] = True
    numbers = np.cumsum(is_used, dtype=np.int64)
    return numbers[symbols]


def _windows(symbols: IntArray, lengths: IntArray, order: int) -> IntArray:
    """The K symbols from each position on, (K, P); 0 beyond the end of its text."""
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(symbols))  # (P,), at least 1
    padded = np.concatenate([symbols, np.zeros(order - 1, np.int64)])
    windows = np.stack([padded[shift : shift + len(symbols)] for shift in range(order)])
    windows[np.arange(order)[:, None] >= left] = 0
    return windows


def _sorted_columns(table: IntArray) -> IntArray:
    """The columns of a table of numbers from 0, sorted by the first row, then the second and so on.

    Columns that fit into 64 bits are packed into one number each: sorting these is several times
    faster.
    """
    sizes = [int(size).bit_length() for size in table.max(axis=1)]
    words = _packed(table, sizes)
    if len(words) > 1:
        return table[:, np.lexsort(words[::-1])]
    (word,) = words
    word.sort()
    unpacked = np.empty_like(table)
    for row, size in zip(unpacked[::-1], sizes[::-1], strict=True):
        row[:] = word & ((1 << size) - 1)
        word >>= size
    return unpacked


def _packed(table: IntArray, sizes: Sequence[int]) -> list[IntArray]:
    """The columns as numbers that take `sizes` bits from the rows: one number for each column, or
    several where 64 bits are not enough.
    """
    words: list[IntArray] = []
    room = 0
    for size, row in zip(sizes, table, strict=True):
        if not words or size > room:
            words.append(np.zeros_like(row))
            room = WORD_BITS
        words[-1] <<= size
        words[-1] |= row
        room -= size
    return words
