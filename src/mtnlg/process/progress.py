"""What a user sees on standard error while a stage works: messages and progress, as a bar on a
terminal and as a line now and then elsewhere.

Modules log through `logging.getLogger(__name__)`. INFO and above is shown; DEBUG only goes to the
run's log file.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

logger = logging.getLogger(__name__)
PACKAGE = logging.getLogger("mtnlg")

CUT = {"is_cut": True}
"""`extra` of a message whose lines are cut at the width of a terminal."""
LINE_SECONDS = 15.0
"""Least time between two plain lines of one task."""


class Task:
    """One piece of work; a total of 0 is unknown."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done, self.note = title, total, 0, ""
        self.begin(0)

    def begin(self, done: int, *, seconds_left: float = math.inf) -> None:
        """Start the clock: so much is done already, and the time that is left is limited."""
        self.done = self._done_before = done
        self._began = time.monotonic()
        self._end = self._began + seconds_left

    @property
    def left(self) -> str:
        """How long it will take from now, in words; empty where that is unknown."""
        now, done = time.monotonic(), self.done - self._done_before
        pace = (now - self._began) / done if done else math.inf
        seconds = min(pace * max(self.total - self.done, 0), self._end - now)
        if not self.total or not math.isfinite(seconds):
            return ""
        minutes, seconds = divmod(max(round(seconds), 0), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left"

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count finished work; the note says how it goes."""
        self.done += amount
        self.note = note or self.note
        self.show()

    def reach(self, part: str, done: int) -> None:
        """Set how far one part is."""
        self.done, self.note = done, part
        self.show()

    def show(self) -> None:
        """Update the display."""


class _LineTask(Task):
    def __init__(self, title: str, total: int, log: Callable[[str], None]) -> None:
        super().__init__(title, total)
        self._log = log
        self._started = self._last_line = time.monotonic()

    def show(self) -> None:
        if time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            size = f"/{self.total:,}" if self.total else ""
            parts = (f"{self.title}: {self.done:,}{size}", self.note, self.left)
            self._log(" ".join(filter(None, parts)))

    def finish(self) -> None:
        seconds = time.monotonic() - self._started
        self._log(f"{self.title}: {self.done:,} in {seconds:.1f} s {self.note}".rstrip())


class _BarTask(_LineTask):
    """A bar for the user, and plain lines for the log."""

    def __init__(self, title: str, total: int, progress: Progress) -> None:
        super().__init__(title, total, logger.debug)
        self._progress = progress
        self._id = progress.add_task(title, total=total or None, note="", left="")

    def show(self) -> None:
        super().show()
        self._progress.update(self._id, completed=self.done, note=self.note, left=self.left)


class _Terminal(logging.Handler):
    """Shows messages on the current standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if hasattr(record, "is_cut"):
            text = "\n".join(map(_cut, text.splitlines()))
        print(text, file=sys.stderr, flush=True)


def _cut(line: str) -> str:
    """As much of a line as a terminal shows on one."""
    from rich.cells import cell_len, set_cell_size

    width = shutil.get_terminal_size().columns - 1
    return line if cell_len(line) <= width else f"{set_cell_size(line, width - 1).rstrip()}…"


class _Formatter(logging.Formatter):
    """The text of a message, after the level of a warning or an error."""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return level + record.getMessage()


class _LogFormatter(_Formatter):
    """The lines of a message, each after its time."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        return "\n".join(f"{moment} {line}" for line in super().format(record).splitlines())


class _Outliving:
    """A stream that falls silent when nobody can read it any more, as after `| head` or when a
    terminal is gone: work of hours does not end for want of a reader.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def outlive_readers() -> None:
    """Go on where standard output or error cannot be written any more."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115
        if not isinstance(stream, _Outliving):
            setattr(sys, name, _Outliving(stream))


class _LogFile(logging.FileHandler):
    """A file whose disk may be full: the run says so where it writes what counts."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


_TERMINAL = _Terminal(logging.INFO)
_TERMINAL.setFormatter(_Formatter())


def show_messages() -> None:
    """Show the package's messages on standard error, without those for log files only."""
    PACKAGE.setLevel(logging.DEBUG)
    PACKAGE.addHandler(_TERMINAL)  # once, however often this is called
    PACKAGE.propagate = False


@contextmanager
def silent() -> Iterator[None]:
    """Drop the package's messages below errors while the block runs."""
    level = PACKAGE.level
    PACKAGE.setLevel(logging.ERROR)
    try:
        yield
    finally:
        PACKAGE.setLevel(level)


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Append the package's messages to a file while the block runs."""
    handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_LogFormatter())
    PACKAGE.setLevel(logging.DEBUG)
    PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        PACKAGE.removeHandler(handler)
        with suppress(OSError):
            handler.close()


@contextmanager
def track(title: str, total: int) -> Iterator[Task]:
    """Show the progress of a piece of work while the block runs."""
    if not sys.stderr.isatty():
        line = _LineTask(title, total, logger.info)
        yield line
        line.finish()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = _BarTask(title, total, progress)
        yield bar
        bar.finish()
