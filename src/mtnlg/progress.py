"""What a user sees while a stage works: a bar on a terminal, a plain line now and then elsewhere.
Writes to standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_SECONDS = 15.0
"""Least time between two plain lines of one task."""


class Task:
    """One piece of work with a known size."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done, self.note = title, total, 0, ""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count work done; the note says how it goes."""
        self.done += amount
        self.note = note or self.note
        self.show()

    def reach(self, part: str, done: int) -> None:
        """Say how far one part has come."""
        self.done, self.note = done, part
        self.show()

    def show(self) -> None:
        """Bring the display up to date."""


class _BarTask(Task):
    def __init__(self, title: str, total: int, progress: Progress) -> None:
        super().__init__(title, total)
        self._progress = progress
        self._id = progress.add_task(title, total=total, note="")

    def show(self) -> None:
        self._progress.update(self._id, completed=self.done, note=self.note)


class _LineTask(Task):
    def __init__(self, title: str, total: int) -> None:
        super().__init__(title, total)
        self._started = self._last_line = time.monotonic()

    def show(self) -> None:
        if time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            say(f"{self.title}: {self.done:,}/{self.total:,} {self.note}".rstrip())

    def finish(self) -> None:
        seconds = time.monotonic() - self._started
        say(f"{self.title}: {self.done:,} in {seconds:.1f} s {self.note}".rstrip())


def say(text: str) -> None:
    """One line to the user."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def track(title: str, total: int) -> Iterator[Task]:
    """Show the progress of a piece of work while the block runs."""
    if not sys.stderr.isatty():
        line = _LineTask(title, total)
        yield line
        line.finish()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _BarTask(title, total, progress)
