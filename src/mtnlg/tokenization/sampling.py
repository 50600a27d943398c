"""The training texts that a tokenizer learns from: all, or evenly spaced rows of each task.

No row is taken twice: for more equal shares, large tasks give up rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtnlg.config import TokenizerConfig
from mtnlg.records.files import open_bytes
from mtnlg.records.rows import Row, parse_rows, read_rows

COUNTED_BYTES = 1 << 20
ROUNDING = 1e-6
"""Shares this close to the next whole number are rounded up to it."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """The training rows of one task."""

    file: Path
    num_rows: int

    @classmethod
    def of(cls, file: Path) -> TrainingRows:
        """The rows of a prepared split, with its lines counted."""
        with file.open("rb") as stream:
            blocks = iter(lambda: stream.read(COUNTED_BYTES), b"")
            return cls(file, sum(block.count(b"\n") for block in blocks))


def training_texts(
    tasks: Sequence[TrainingRows],
    config: TokenizerConfig,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Iterator[str]:
    """Sources and references of the chosen rows, task by task."""
    quotas = row_quotas(
        [task.num_rows for task in tasks],
        temperature=config.temperature,
        max_rows=config.max_training_rows,
    )
    for task, quota in zip(tasks, quotas, strict=True):
        for row in strided_rows(task, quota):
            yield from (row.source, *row.references)
            on_progress(1 + len(row.references))


def row_quotas(
    counts: Sequence[int], *, temperature: float | None, max_rows: int | None
) -> list[int]:
    """The number of rows of each task: as many as possible in proportion to
    count ** (1 / temperature) (Arivazhagan et al. 2019, arXiv 1907.05019), and at least one.

    Their sum is at most `max_rows`; None: no bound.
    """
    exponent = 1 / (temperature or 1.0)
    shares = [count**exponent for count in counts]
    bounds = [count / share for count, share in zip(counts, shares, strict=True)]
    if max_rows is not None:
        bounds.append(max_rows / sum(shares))
    scale = min(bounds)
    return [
        min(count, max(1, int(scale * share + ROUNDING)))
        for count, share in zip(counts, shares, strict=True)
    ]


def strided_rows(task: TrainingRows, quota: int) -> Iterator[Row]:
    """`quota` evenly spaced rows of a task, in order; only they are parsed."""
    if quota >= task.num_rows:
        yield from read_rows(task.file)
        return
    taken = 0
    with open_bytes(task.file) as stream:
        for number, line in enumerate(stream):
            if number * quota >= taken * task.num_rows:
                taken += 1
                yield from parse_rows([line], path=task.file, first=number + 1)
