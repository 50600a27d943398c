"""Counts of the rows of a split: sums and extremes, which do not depend on the shards."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

import msgspec

from mtnlg.records.files import JsonObject
from mtnlg.records.rows import Row


@dataclass(slots=True)
class Lengths:
    """Extremes and mean of a stream of lengths."""

    count: int = 0
    total: int = 0
    min: int = 0
    max: int = 0

    def add(self, length: int) -> None:
        """Count one length."""
        self.min = length if self.count == 0 else min(self.min, length)
        self.max = max(self.max, length)
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

    def to_json(self) -> JsonObject:
        """The counts as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: JsonObject) -> SplitCounts:
        """The counts that `to_json` gave; an empty object has counted nothing."""
        return msgspec.convert(saved, cls)
