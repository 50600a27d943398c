"""The standard streams of a command: UTF-8 whatever the locale, and there even where closed."""

from __future__ import annotations

import os
import sys


def open_streams() -> None:
    """Make each stream able to take any text. Where the locale knows only ASCII, the process begins
    again in Python's UTF-8 mode, since names of files and words were read as ASCII too.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed: the next file that is opened would take its place
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "w" if number else "r"))
    if sys.getfilesystemencoding() == "ascii" and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def output_error() -> OSError | None:
    """Why standard output cannot be written, as where its reader left like `| head`; the rest is
    then discarded. None where it can: the error was another file's.

    Python forgets what it could not write, so only another write can tell.
    """
    try:
        print(flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None
