"""Shards of the raw rows of a split: cleaned, hashed and written as lines, in any process.

The result of a shard depends only on its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mtnlg.config import CleaningConfig
from mtnlg.contamination.repeats import RowHashes
from mtnlg.corpus.cleaning import Cleaner
from mtnlg.corpus.counts import SplitCounts
from mtnlg.records.files import json_line
from mtnlg.records.rows import Row

SHARD_ROWS = 10_000
"""Most rows of a shard."""
SHARD_CHARACTERS = 4_000_000
"""Characters after which a shard ends; a few shards are in memory at a time."""

COLUMNS = ("ids", "sources", "rows")
"""The hashes of each row: see RowHashes."""


@dataclass(frozen=True, slots=True)
class CleanedShard:
    """The result of one shard."""

    lines: bytes
    """The kept rows, as lines of the rows file."""
    columns: dict[str, bytes]
    """Hashes of the kept rows, uint64, by COLUMNS."""
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
    hashes, counts = RowHashes(), SplitCounts()
    lines = []
    for raw in rows:
        row = cleaner.clean(raw)
        if row is None:
            continue
        lines.append(json_line(row.to_json()))
        hashes.add(row)
        counts.count(row)
    counts.rows_in = cleaner.rows_in
    counts.dropped, counts.changed = cleaner.dropped, cleaner.changed
    columns = {name: getattr(hashes, name).tobytes() for name in COLUMNS}
    return CleanedShard("".join(lines).encode(), columns, counts)
