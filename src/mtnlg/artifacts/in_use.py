"""Who uses a folder of artifacts: processes that run stages share it, cleaning has it alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mtnlg.errors import ArtifactError
from mtnlg.records.places import IN_USE_FILE

_held: dict[Path, int] = {}
"""Folder -> the descriptor of the lock that this process has until it ends."""


def hold(root: Path) -> None:
    """Keep others from cleaning the folder until this process ends, however it ends; waits while it
    is cleaned. One that cannot be written cannot be cleaned either.
    """
    root = root.resolve()
    if root not in _held:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(root / IN_USE_FILE, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            _held[root] = descriptor


@contextmanager
def held_alone(root: Path) -> Iterator[None]:
    """Keep all other processes from using the folder; raises ArtifactError where one does."""
    hold(root)
    descriptor = _held.get(root.resolve())
    try:
        if descriptor is None:
            raise OSError("it cannot be written")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        reason = "a process uses it" if isinstance(error, BlockingIOError) else str(error)
        raise ArtifactError(f"{root}: {reason}; nothing is removed: clean it afterwards") from None
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
