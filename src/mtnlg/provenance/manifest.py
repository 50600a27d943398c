"""The manifest of a run, run.json: what it was asked for, what it gave, with what, how it ended."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mtnlg.records.runs import Facts, RunRecord, Status, write_run

PACKAGES = (
    *("mtnlg", "torch", "lightning", "hydra-core", "omegaconf", "tokenizers", "datasets"),
    *("sacrebleu", "rouge-score", "numpy", "safetensors"),
)
PACKAGE_FOLDER = Path(__file__).parents[1]


class Manifest:
    """run.json of one run, kept up to date while it works."""

    def __init__(self, folder: Path, asked: RunRecord, *, hardware: Facts) -> None:
        self.folder = folder
        self._clock = time.monotonic()
        self.run = replace(
            asked,
            versions={name: _version(name) for name in PACKAGES},
            python=platform.python_version(),
            git=git_state(),
            hardware=hardware,
            process=os.getpid(),
            started=datetime.now(UTC),
        )
        self._write("running", None)

    def add(self, **fields: Any) -> None:
        """Set fields of the record and write it."""
        self.run = replace(self.run, **fields)
        write_run(self.folder, self.run)

    def finish(self, *, is_scored: bool) -> None:
        """The run did what it was asked; if that was not to give scores, it says so."""
        reason = None if is_scored else "only an earlier stage was asked for: no scores yet"
        self._write("finished" if is_scored else "incomplete", reason)

    def fail(self, reason: str) -> None:
        """The run ended early; its row on the board gives the reason."""
        self._write("failed", reason)

    def _write(self, status: Status, reason: str | None) -> None:
        seconds = round(time.monotonic() - self._clock, 1)
        finished = None if status == "running" else datetime.now(UTC)
        self.add(status=status, reason=reason, seconds=seconds, finished=finished)


def git_state() -> Facts:
    """Commit of the package's repository, and whether it has changes; nulls if there is none."""
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:  # of somebody else's repository
        return {"commit": None, "dirty": None}
    return {"commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain", "."))}


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", *arguments],
            env={name: text for name, text in os.environ.items() if name[:4] != "GIT_"},
            cwd=PACKAGE_FOLDER,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
