"""Signals that ask a run to end, which it does where it is; a training ends after its step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGXCPU")
"""What shells, schedulers and clusters send before SIGKILL."""
SIGNALS = tuple(signal.Signals[name] for name in NAMES if hasattr(signal, name))
Handler = Callable[[int, FrameType | None], None]


class Signalled(KeyboardInterrupt):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(f"killed by {signal.Signals(number).name}")


def end_at_once(number: int, frame: FrameType | None = None) -> None:
    """Raise Signalled; the next signal ends the process without a word."""
    for each in SIGNALS:
        if signal.getsignal(each) is end_at_once:
            signal.signal(each, signal.SIG_DFL)
    raise Signalled(number)


class Request:
    """The first signal, for work that ends itself at a good moment; the second ends it at once."""

    number: int | None = None

    def __call__(self, number: int, frame: FrameType | None = None) -> None:
        if self.number is not None:
            end_at_once(number)
        self.number = number


@contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Let a function handle the signals while the block runs, but not those that this process was
    started to ignore, as under nohup, and only in the main thread, as Python does.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.getsignal(each) for each in SIGNALS}
    before = {each: was for each, was in before.items() if was not in (signal.SIG_IGN, None)}
    try:
        for each in before:
            signal.signal(each, handler)
        yield
    finally:
        for each, was in before.items():
            signal.signal(each, was)


def outlive_one(number: int, frame: FrameType | None = None) -> None:
    """Ignore a signal that the whole process group got, whose parent knows what to do; the next one
    ends the process.
    """
    signal.signal(number, signal.SIG_DFL)
