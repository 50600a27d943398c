"""Counts of the n-grams that texts share with their references, for many texts at once by sorting.

Symbols are characters or tokens, as numbers from 1. Refuses to know: metrics.
Legend: N rows, P places of symbols in all texts, R references, K the longest n-gram.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mtnlg.evaluation.statistics import BoolArray, FloatArray

IntArray = npt.NDArray[np.int64]

BATCH_PLACES = 100_000
"""Symbols sorted together, as far as whole rows allow: sorting more at once is slower, not faster.
"""


@dataclass(frozen=True, slots=True)
class SymbolTexts:
    """N texts as symbols, one text after another."""

    symbols: IntArray
    """(P,), from 1."""
    lengths: IntArray
    """(N,), symbols of each text."""

    def rows(self, start: int, end: int) -> SymbolTexts:
        """The texts from one row to before another."""
        first, last = int(self.lengths[:start].sum()), int(self.lengths[:end].sum())
        return SymbolTexts(self.symbols[first:last], self.lengths[start:end])

    def num_ngrams(self, order: int) -> IntArray:
        """N-grams of an order in each text, (N,)."""
        return np.maximum(self.lengths - order + 1, 0)


class Vocabulary:
    """Numbers tokens in the order in which they are first seen."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def encode(self, texts: Sequence[Sequence[str]]) -> SymbolTexts:
        """Texts of tokens as symbols."""
        numbers = self._numbers
        symbols = [
            numbers.setdefault(token, len(numbers) + 1) for tokens in texts for token in tokens
        ]
        lengths = [len(tokens) for tokens in texts]
        return SymbolTexts(np.array(symbols, np.int64), np.array(lengths, np.int64))


def encode_characters(texts: Sequence[str]) -> SymbolTexts:
    """Texts as their characters."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.array([len(text) for text in texts], np.int64)
    return SymbolTexts(codes.astype(np.int64) + 1, lengths)


def clipped_matches(
    hypotheses: SymbolTexts, references: Sequence[SymbolTexts], *, order: int
) -> FloatArray:
    """How many n-grams of each order up to K a hypothesis shares with its references, (N, K).

    Each counts as often as it stands in the hypothesis, and at most as often as in that of the R
    references where it is most frequent (Papineni et al. 2002).
    """
    texts = [hypotheses, *references]
    lengths: IntArray = np.stack([one.lengths for one in texts]).sum(axis=0)
    return np.concatenate(
        [
            _batch_matches([one.rows(start, end) for one in texts], order)
            for start, end in _batches(lengths)
        ]
    )


def _batches(lengths: IntArray) -> Iterator[tuple[int, int]]:
    """First rows and ends of batches of at least one row."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        done = ends[start - 1] if start else 0
        end = int(np.searchsorted(ends, done + BATCH_PLACES, side="right"))
        yield start, max(end, start + 1)
        start = max(end, start + 1)


def _batch_matches(texts: Sequence[SymbolTexts], order: int) -> FloatArray:
    """Places are sorted by row and the K symbols from there on, so that equal n-grams of each order
    lie together.
    """
    num_rows = len(texts[0].lengths)
    matches = np.zeros((num_rows, order))
    lengths = np.concatenate([one.lengths for one in texts])
    rows = np.repeat(np.tile(np.arange(num_rows), len(texts)), lengths)  # (P,)
    owners = np.repeat(np.arange(len(texts)), [len(one.symbols) for one in texts])
    if not len(rows):
        return matches
    windows = _windows(np.concatenate([one.symbols for one in texts]), lengths, order)  # (K, P)
    places = _sorted_places(rows, windows)
    rows, owners, windows = rows[places], owners[places], windows[:, places]
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = rows[1:] != rows[:-1]
    for place in range(order):
        symbols = windows[place]
        is_first[1:] |= symbols[1:] != symbols[:-1]
        starts = np.flatnonzero(is_first)
        shared = _shared_counts(owners, starts, num_references=len(texts) - 1)
        shared[symbols[starts] == 0] = 0  # beyond the end of a text
        matches[:, place] = np.bincount(rows[starts], weights=shared, minlength=num_rows)
    return matches


def _windows(symbols: IntArray, lengths: IntArray, order: int) -> IntArray:
    """The K symbols from each place on, (K, P); 0 beyond the end of its text."""
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(symbols))  # (P,), at least 1
    padded = np.concatenate([symbols, np.zeros(order - 1, np.int64)])
    windows = np.stack([padded[shift : shift + len(symbols)] for shift in range(order)])
    windows[np.arange(order)[:, None] >= left] = 0
    return windows


def _sorted_places(rows: IntArray, windows: IntArray) -> IntArray:
    """The order (P,) of places by row, and then by their windows (K, P).

    Each half of a window is one number that sorts as its symbols do: of six characters, or four
    tokens, all at once would not fit into 64 bits.
    """
    half = (len(windows) + 1) // 2
    first, last = _ranks(windows[:half]), _ranks(windows[half:])
    keys = (rows * (first.max() + 1) + first) * (last.max() + 1) + last
    return np.argsort(keys)


def _ranks(windows: IntArray) -> IntArray:
    """A number (P,) for each window of a few symbols that sorts as these do."""
    ranks = np.zeros(windows.shape[1], np.int64)
    size = int(windows.max(initial=0)) + 1
    assert size ** len(windows) < 2**63, (size, len(windows))
    for symbols in windows:
        ranks = ranks * size + symbols
    return np.unique(ranks, return_inverse=True)[1]


def _shared_counts(
    owners: IntArray, starts: IntArray, *, num_references: int
) -> FloatArray | IntArray:
    """Of runs of places the number that the hypothesis and a reference share."""

    def count(owner: int) -> IntArray:
        is_own: BoolArray = owners == owner
        return np.add.reduceat(is_own.astype(np.int64), starts)

    highest = count(1)
    for owner in range(2, num_references + 1):
        highest = np.maximum(highest, count(owner))
    return np.minimum(count(0), highest)
