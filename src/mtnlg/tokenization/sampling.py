"""Which training texts a tokenizer learns from: all of them, or rows at an even stride, so many of
each task.

Refuses to know: tokenizers. No row is taken twice: a small task gains by what a large one gives up.
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
"""A share that is a whole number but for floating point is that number."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """The training rows of one task."""

    file: Path
    num_rows: int

    @classmethod
    def of(cls, file: Path) -> TrainingRows:
        """A prepared split, its lines counted."""
        with file.open("rb") as stream:
            blocks = iter(lambda: stream.read(COUNTED_BYTES), b"")
            return cls(file, sum(block.count(b"\n") for block in blocks))


def training_texts(
    tasks: Sequence[TrainingRows],
    config: TokenizerConfig,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[str]:
    """Sources and references of the chosen rows, one task after the other."""
    quotas = row_quotas(
        [task.num_rows for task in tasks],
        temperature=config.temperature,
        max_rows=config.max_training_rows,
    )
    for task, quota in zip(tasks, quotas, strict=True):
        for row in strided_rows(task, quota):
            yield from (row.source, *row.references)
            if on_progress is not None:
                on_progress(1 + len(row.references))


def row_quotas(
    counts: Sequence[int], *, temperature: float | None, max_rows: int | None
) -> list[int]:
    """Rows to take of each task: as many as can be in shares of count ** (1 / temperature)
    (Arivazhagan et al. 2019, arXiv 1907.05019), where no row is taken twice and `max_rows` (None:
    no bound) holds for their sum, but for one row of each task at least.
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
    """So many rows of a task in their order, evenly spread over it; only they are parsed."""
    if quota >= task.num_rows:
        yield from read_rows(task.file)
        return
    taken = 0
    with open_bytes(task.file) as stream:
        for number, line in enumerate(stream):
            if number * quota >= taken * task.num_rows:
                taken += 1
                yield from parse_rows([line], path=task.file, first=number + 1)
