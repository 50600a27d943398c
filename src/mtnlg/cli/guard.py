"""How a command ends: errors of users as one line, Ctrl-C and closed pipes without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from mtnlg.errors import MtnlgError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""


def guarded(work: Callable[[], int | None], *, when_interrupted: str = "interrupted") -> int:
    """The exit status of the work. An error that is not the user's keeps its traceback."""
    try:
        status = work() or 0
        sys.stdout.flush()
    except MtnlgError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(when_interrupted, file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        if not _is_output_closed():
            raise
        return 0
    return status


def _is_output_closed() -> bool:
    """Whether the reader of standard output has left, as `| head` does; the rest then goes
    nowhere. Python forgets what it could not write, so only another write can tell.
    """
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
