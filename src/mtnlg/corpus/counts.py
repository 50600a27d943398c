"""What is counted on the rows of a split, shard by shard: sums and extremes, so that the number of
shards changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

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
        """Take in one length."""
        self.min = length if self.count == 0 else min(self.min, length)
        self.max = max(self.max, length)
        self.count += 1
        self.total += length

    def join(self, other: Lengths) -> None:
        """Take in those of another stream."""
        if other.count == 0:
            return
        self.min = other.min if self.count == 0 else min(self.min, other.min)
        self.max = max(self.max, other.max)
        self.count += other.count
        self.total += other.total

    @property
    def mean(self) -> float:
        """Rounded to one hundredth."""
        return round(self.total / self.count, 2) if self.count else 0.0


@dataclass(slots=True)
class SplitCounts:
    """Everything that the audit says of a split's rows, except repeats and contamination."""

    rows_in: int = 0
    rows_out: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    source_lengths: Lengths = field(default_factory=Lengths)
    target_lengths: Lengths = field(default_factory=Lengths)
    reference_counts: Lengths = field(default_factory=Lengths)

    def count(self, row: Row) -> None:
        """Take in one row that was kept."""
        self.rows_out += 1
        self.source_lengths.add(len(row.source))
        self.reference_counts.add(len(row.references))
        for reference in row.references:
            self.target_lengths.add(len(reference))

    def add(self, other: SplitCounts) -> None:
        """Take in another shard's."""
        self.rows_in += other.rows_in
        self.rows_out += other.rows_out
        self.dropped += other.dropped
        self.changed += other.changed
        self.source_lengths.join(other.source_lengths)
        self.target_lengths.join(other.target_lengths)
        self.reference_counts.join(other.reference_counts)

    def to_json(self) -> JsonObject:
        """As JSON values, for `from_json`."""
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "dropped": dict(self.dropped),
            "changed": dict(self.changed),
            "source_lengths": asdict(self.source_lengths),
            "target_lengths": asdict(self.target_lengths),
            "reference_counts": asdict(self.reference_counts),
        }

    @classmethod
    def from_json(cls, saved: JsonObject) -> SplitCounts:
        """What `to_json` gave; nothing counted yet from an empty object."""
        lengths = ("source_lengths", "target_lengths", "reference_counts")
        counters = ("dropped", "changed")
        values: dict[str, object] = dict(saved)
        values |= {name: Lengths(**saved[name]) for name in lengths if name in saved}  # type: ignore[arg-type]
        values |= {name: Counter(saved[name]) for name in counters if name in saved}  # type: ignore[arg-type]
        return cls(**values)  # type: ignore[arg-type]
