"""Which process works on a run, so that a reader can see whether it still does."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process, unlike any other of this or another machine."""

    number: int
    start: str | None
    host: str

    @property
    def is_alive(self) -> bool | None:
        """Whether it still runs; None where this machine cannot know."""
        return is_alive(self.number, self.start, host=self.host)


def this_process() -> Process:
    """The process that asks."""
    return process_of(os.getpid())


def process_of(number: int) -> Process:
    """The process that has this number on this machine now."""
    return Process(number, process_start(number), this_host())


def when_gone(process: Process, call: Callable[[], object], *, seconds: float) -> None:
    """Let a thread look every so many seconds whether the process lives, and then call."""

    def watch() -> None:
        while process.is_alive:
            time.sleep(seconds)
        call()

    threading.Thread(target=watch, daemon=True).start()


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def process_start(process: int) -> str | None:
    """When a process started, in words that no process of another boot or container has; None
    where the system does not say. A dead one whose parent has not noticed it yet has no time.
    """
    try:
        boot = (PROCESSES / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        text = (PROCESSES / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()  # the name before may hold spaces
        state, ticks = fields[0], fields[19]
        return f"{boot} {_namespace()} {'dead' if state in 'ZX' else ticks}"
    except (OSError, IndexError):
        return None


def is_alive(process: int, start: str | None, *, host: str | None) -> bool | None:
    """Whether the process that started then still runs; None where this machine cannot know."""
    if host != this_host():
        return None
    if start is not None and start.split()[1:2] != [_namespace()]:
        return None
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        pass
    return start is None or process_start(process) in (None, start)


def _namespace() -> str:
    """The container, or other space of process numbers, of this process."""
    try:
        return os.readlink(PROCESSES / "self/ns/pid")
    except OSError:
        return "-"
