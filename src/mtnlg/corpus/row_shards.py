"""Shards of the raw rows of a split: cleaned, counted, hashed and written as lines, in any process.

The result of a shard depends only on its rows. Counts are sums and extremes, so the number of
shards changes nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from mtnlg.config import CleaningConfig
from mtnlg.contamination.repeats import RowHashes
from mtnlg.corpus.cleaning import Cleaner
from mtnlg.records.rows import Row

SHARD_ROWS = 5_000
"""Most rows of a shard."""
SHARD_CHARACTERS = 1_000_000
"""Characters after which a shard ends; a few shards are in memory at a time."""

HASHES = ("ids", "sources", "rows")
"""Columns of uint64: see RowHashes."""
LENGTHS = "lengths"
"""The column of the characters of each row's source and first reference, uint32."""


@dataclass(slots=True)
class Lengths:
    """Count, sum and extremes of a stream of lengths."""

    count: int = 0
    total: int = 0
    min: int = 0
    max: int = 0

    def add(self, length: int) -> None:
        """Count one length."""
        self.min = length if self.count == 0 or length < self.min else self.min
        self.max = length if length > self.max else self.max
        self.count += 1
        self.total += length

    def join(self, lengths: Lengths) -> None:
        """Count the lengths of another stream."""
        if lengths.count == 0:
            return
        self.min = lengths.min if self.count == 0 else min(self.min, lengths.min)
        self.max = max(self.max, lengths.max)
        self.count += lengths.count
        self.total += lengths.total

    @property
    def mean(self) -> float:
        """The mean, rounded to two decimals."""
        return round(self.total / self.count, 2) if self.count else 0.0


@dataclass(slots=True)
class SplitCounts:
    """The audit of a split's rows, except repeats and contamination."""

    rows_in: int = 0
    rows_out: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Rows by reason."""
    changed: dict[str, int] = field(default_factory=dict)
    """Texts by kind of change."""
    source_lengths: Lengths = field(default_factory=Lengths)
    target_lengths: Lengths = field(default_factory=Lengths)
    reference_counts: Lengths = field(default_factory=Lengths)

    def count(self, row: Row) -> None:
        """Count a row that was kept."""
        self.rows_out += 1
        self.source_lengths.add(len(row.source))
        self.reference_counts.add(len(row.references))
        for reference in row.references:
            self.target_lengths.add(len(reference))

    def add(self, shard: SplitCounts) -> None:
        """Add the counts of a shard."""
        self.rows_in += shard.rows_in
        self.rows_out += shard.rows_out
        self.dropped = dict(Counter(self.dropped) + Counter(shard.dropped))
        self.changed = dict(Counter(self.changed) + Counter(shard.changed))
        self.source_lengths.join(shard.source_lengths)
        self.target_lengths.join(shard.target_lengths)
        self.reference_counts.join(shard.reference_counts)


@dataclass(frozen=True, slots=True)
class CleanedShard:
    """The result of one shard."""

    lines: bytes
    """The kept rows, as lines of the rows file."""
    columns: dict[str, bytes]
    """What else is kept of each row: HASHES and LENGTHS, as bytes."""
    counts: SplitCounts


def row_shards(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in shards, in order."""
    shard: list[Row] = []
    num_characters = 0
    for row in rows:
        shard.append(row)
        num_characters += len(row.source) + sum(map(len, row.references))
        if len(shard) >= SHARD_ROWS or num_characters >= SHARD_CHARACTERS:
            yield shard
            shard, num_characters = [], 0
    if shard:
        yield shard


def clean_rows(cleaning: CleaningConfig, rows: list[Row], *, needs_source: bool) -> CleanedShard:
    """Clean the rows of a shard."""
    cleaner = Cleaner(cleaning, needs_source=needs_source)
    hashes, counts, lengths = RowHashes(), SplitCounts(), array("I")
    lines = []
    for raw in rows:
        row = cleaner.clean(raw)
        if row is None:
            continue
        lines.append(row.to_line())
        hashes.add(row)
        counts.count(row)
        lengths.extend((len(row.source), len(row.references[0])))
    counts.rows_in = cleaner.rows_in
    counts.dropped, counts.changed = cleaner.dropped, cleaner.changed
    columns = {name: getattr(hashes, name).tobytes() for name in HASHES}
    columns[LENGTHS] = lengths.tobytes()
    return CleanedShard("".join(lines).encode(), columns, counts)
