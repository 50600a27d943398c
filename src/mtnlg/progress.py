"""What a user sees while a stage works: a bar on a terminal, a plain line now and then elsewhere.
Writes to standard error, and the plain lines to the log of the run as well.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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


class _LineTask(Task):
    def __init__(self, title: str, total: int, tell: Callable[[str], None]) -> None:
        super().__init__(title, total)
        self._tell = tell
        self._started = self._last_line = time.monotonic()

    def show(self) -> None:
        if time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self._tell(f"{self.title}: {self.done:,}/{self.total:,} {self.note}".rstrip())

    def finish(self) -> None:
        seconds = time.monotonic() - self._started
        self._tell(f"{self.title}: {self.done:,} in {seconds:.1f} s {self.note}".rstrip())


class _BarTask(_LineTask):
    """A bar for the user, and the plain lines for the log."""

    def __init__(self, title: str, total: int, progress: Progress) -> None:
        super().__init__(title, total, keep)
        self._progress = progress
        self._id = progress.add_task(title, total=total, note="")

    def show(self) -> None:
        super().show()
        self._progress.update(self._id, completed=self.done, note=self.note)


_logs: list[TextIO] = []
"""Of the runs that are going on in this process, which are none or one."""


def say(text: str) -> None:
    """One line to the user."""
    print(text, file=sys.stderr, flush=True)
    keep(text)


def keep(text: str) -> None:
    """Lines to the log alone, each with its time; to nowhere where none is kept."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for log in _logs:
        log.writelines(f"{now} {line}\n" for line in text.splitlines())
        log.flush()


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Keep what is said while the block runs, after what the file holds already."""
    with path.open("a", encoding="utf-8", newline="\n", errors="backslashreplace") as stream:
        _logs.append(stream)
        try:
            yield
        finally:
            _logs.remove(stream)


@contextmanager
def track(title: str, total: int) -> Iterator[Task]:
    """Show the progress of a piece of work while the block runs."""
    if not sys.stderr.isatty():
        line = _LineTask(title, total, say)
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
        bar = _BarTask(title, total, progress)
        yield bar
        bar.finish()
