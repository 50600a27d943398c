"""The manifest of a run, run.json: what it was asked for, what it gave, with what, how it ended.
A run keeps it up to date while it works; a word of the command line finds it again.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtnlg.errors import ConfigError, suggestion
from mtnlg.provenance import environment
from mtnlg.records.files import JsonObject, write_text
from mtnlg.records.places import DIFF_FILE, RUN_FILE
from mtnlg.records.processes import process_start, this_host
from mtnlg.records.run_config import read_config
from mtnlg.records.runs import Facts, RunRecord, Status, read_run, write_run


class Manifest:
    """run.json of one run, kept up to date while it works."""

    def __init__(self, folder: Path, asked: RunRecord, *, hardware: Facts) -> None:
        self.folder = folder
        self._clock = time.monotonic()
        self.run = replace(
            asked,
            versions=environment.installed_versions(),
            lock=environment.lock_hash(),
            python=platform.python_version(),
            git=environment.git_state(),
            hardware=hardware,
            variables=environment.arithmetic_variables(),
            command=shlex.join([*_program(), *sys.argv[1:]]),
            process=os.getpid(),
            process_start=process_start(os.getpid()),
            host=this_host(),
            started=datetime.now(UTC),
        )
        self._write("running", None)
        (folder / DIFF_FILE).unlink(missing_ok=True)
        if self.run.git["dirty"]:
            diff = environment.git_diff().decode("utf-8", errors="replace")
            write_text(folder / DIFF_FILE, diff)

    def add(self, **fields: Any) -> None:
        """Set fields of the record and write it."""
        self.run = replace(self.run, **fields)
        write_run(self.folder, self.run)

    def finish(self, *, is_scored: bool) -> None:
        """The run did what it was asked; if that was not to give scores, it says so."""
        reason = None if is_scored else "only an earlier stage was asked for: no scores yet"
        self._write("finished" if is_scored else "incomplete", reason, exit_code=0)

    def prune(self, reason: str, validations: Mapping[int, float]) -> None:
        """A search ended the training early: its objective is that of its last validation."""
        pairs = tuple(sorted(validations.items()))
        self.add(objective=pairs[-1][1], validations=pairs)
        self._write("pruned", reason, exit_code=0)

    def fail(self, reason: str, *, exit_code: int, is_killed: bool = False) -> None:
        """The run ended early; its row on the board gives the reason."""
        self._write("killed" if is_killed else "failed", reason, exit_code=exit_code)

    def _write(self, status: Status, reason: str | None, *, exit_code: int | None = None) -> None:
        hardware = {**self.run.hardware, **environment.math_libraries()}
        self.run = replace(self.run, hardware=hardware, exit_code=exit_code)
        seconds = round(time.monotonic() - self._clock, 1)
        finished = None if status == "running" else datetime.now(UTC)
        self.add(status=status, reason=reason, seconds=seconds, finished=finished)


def _program() -> list[str]:
    """The words of the command before its arguments; Hydra's task has the stage in one of them."""
    words = sys.argv[0].split()
    return words if words[:1] == ["mtnlg"] else ["mtnlg"]


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
