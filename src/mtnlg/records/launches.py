"""Which runs an experiment consists of. Each run that is asked for has a `launched.json` in its
folder; `launch.json` lists them all, and is made from those files alone, so that launches of one
name add up, whoever makes it.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.places import LAUNCH_FILE, LAUNCHED_FILE, experiment_folder, is_folder_name
from mtnlg.records.runs import RunRecord, read_run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Launch:
    """The runs that were asked for under one name, in the order of the commands."""

    run_ids: tuple[str, ...]
    experiment: str = ""
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Run id -> what was asked for on the command line."""
    command: str | None = None
    """What makes the same runs: one command, or several joined by `&&`."""
    code: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Run id -> stage -> the hash of its code at the launch."""


@dataclass(frozen=True, slots=True)
class Registration:
    """launched.json: the last command that asked for a run."""

    command: str
    launch: int
    """Of the commands of the experiment, in their order."""
    number: int
    """Of the jobs of the command."""
    overrides: tuple[str, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    """Stage -> the hash of its code."""


def register(
    folder: Path,
    overrides: Mapping[str, Sequence[str]],
    *,
    command: Sequence[str],
    code: Mapping[str, Mapping[str, str]],
    first: int = 0,
) -> None:
    """Add runs, in the order of a command's jobs from the `first` on, to those of an experiment."""
    text = shlex.join([Path(command[0]).name, *command[1:]]) if command else ""
    with experiment_lock(folder):
        known = _registrations(folder)
        launches = {entry.command: entry.launch for entry in known.values()}
        launch = launches.get(text, 1 + max(launches.values(), default=0))
        for number, (run_id, words) in enumerate(overrides.items(), start=first):
            entry = Registration(text, launch, number, tuple(words), code.get(run_id, {}))
            if entry != known.get(run_id):
                write_record(folder / run_id / LAUNCHED_FILE, entry)
                known[run_id] = entry
        write_launch(folder, known)


def experiment_lock(folder: Path) -> FileLock:
    """What a process holds while it writes files of an experiment's own."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f".{LAUNCH_FILE}.lock")


def write_launch(folder: Path, known: Mapping[str, Registration] | None = None) -> None:
    """Write launch.json; the lock of the experiment must be held."""
    known = _registrations(folder) if known is None else known
    entries = sorted(known.items(), key=lambda item: (item[1].launch, item[1].number, item[0]))
    commands = dict.fromkeys(entry.command for _, entry in entries)
    launch = Launch(
        tuple(run_id for run_id, _ in entries),
        folder.name,
        {run_id: entry.overrides for run_id, entry in entries},
        " && ".join(filter(None, commands)) or None,
        {run_id: entry.code for run_id, entry in entries},
    )
    write_record(folder / LAUNCH_FILE, launch)


def _registrations(folder: Path) -> dict[str, Registration]:
    """Run id -> its registration; of one that cannot be read, what launch.json knows."""
    known = {}
    for path in sorted(folder.glob(f"*/{LAUNCHED_FILE}")):
        try:
            known[path.parent.name] = read_record(path, Registration)
        except ArtifactError as error:
            logger.warning(
                f"{error}; the run stays in the launch, and the command that asked for it writes "
                "the file again"
            )
            known[path.parent.name] = _recovered(folder, path.parent.name)
    return known


def _recovered(folder: Path, run_id: str) -> Registration:
    """The registration of a run as launch.json has it, which forgets the command."""
    launch = Launch(())
    with suppress(ArtifactError):
        launch = read_record(folder / LAUNCH_FILE, Launch)
    ids = [*launch.run_ids, run_id]
    words, code = launch.overrides.get(run_id, ()), launch.code.get(run_id, {})
    return Registration("", 1, ids.index(run_id), words, code)


def launched_code(run_folder: Path) -> Mapping[str, str]:
    """Stage -> the hash of its code when a run was launched; empty where nothing says it."""
    try:
        return read_record(run_folder / LAUNCHED_FILE, Registration).code
    except ArtifactError:
        return {}


def read_launch(experiment: str, *, runs_root: Path) -> Launch:
    """The launch of an experiment; raises ConfigError for a bad name, ArtifactError if missing."""
    if not is_folder_name(experiment):
        raise ConfigError(
            f"experiment is {experiment!r}; it must be one folder name without separators"
        )
    path = experiment_folder(runs_root, experiment) / LAUNCH_FILE
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file; run the experiment first, or name one that ran")
    launch = read_record(path, Launch, remedy="run the experiment again")
    run_ids = tuple(dict.fromkeys(launch.run_ids))
    return replace(launch, experiment=experiment, run_ids=run_ids, command=launch.command or None)


def read_runs(launch: Launch, *, runs_root: Path) -> tuple[RunRecord, ...]:
    """The runs of a launch, in its order; never raises for what is in their folders."""
    folder = experiment_folder(runs_root, launch.experiment)
    return tuple(
        replace(read_run(run_id, folder=folder), overrides=launch.overrides.get(run_id, ()))
        for run_id in launch.run_ids
    )
