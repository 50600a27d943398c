"""The manifest of a run, run.json: what it was asked for, what it gave, with what, how it ended.
A run keeps it up to date while it works; a word of the command line finds it again.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mtnlg.errors import ConfigError, suggestion
from mtnlg.records.files import JsonObject
from mtnlg.records.places import RUN_FILE
from mtnlg.records.processes import process_start, this_host
from mtnlg.records.run_config import read_config
from mtnlg.records.runs import Facts, RunRecord, Status, read_run, write_run

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
            process_start=process_start(os.getpid()),
            host=this_host(),
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


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its manifest and its configuration."""

    folder: Path
    record: RunRecord
    config: JsonObject
    """Empty where `config_reason` says why there is none."""
    config_reason: str


def find_run(word: str, *, runs_root: Path) -> Run:
    """The run with this folder, id or beginning of an id; raises ConfigError if not exactly one."""
    folder = Path(word)
    if not (folder / RUN_FILE).is_file():
        folder = _find_folder(word, runs_root)
    config = read_config(folder)
    return Run(
        folder,
        read_run(folder.resolve().name, folder=folder.resolve().parent),
        {} if isinstance(config, str) else config,
        config if isinstance(config, str) else "",
    )


def _find_folder(word: str, runs_root: Path) -> Path:
    folders = sorted(path.parent for path in runs_root.glob(f"*/*/{RUN_FILE}"))
    exact = [folder for folder in folders if folder.name == word]
    matches = exact or [folder for folder in folders if folder.name.startswith(word)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(str(folder.relative_to(runs_root)) for folder in matches)
        raise ConfigError(f"run {word!r} may be any of {names}; give more of it, or its folder")
    raise ConfigError(
        f"run {word!r}: no folder with a {RUN_FILE}, and no run of {runs_root} begins so"
        + suggestion(word, (folder.name for folder in folders))
    )
