"""What lies below the folders of runs and artifacts: the runs, the bytes that they take, and what
nothing refers to.

A run refers to each artifact whose key stands in its files, whichever field that is.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from mtnlg.artifacts.in_use import held_alone
from mtnlg.artifacts.store import PARTIAL_SUFFIX, STAGE_VERSIONS
from mtnlg.errors import ArtifactError
from mtnlg.records.files import JsonObject, JsonValue, disk_faults
from mtnlg.records.launches import read_launch
from mtnlg.records.places import (
    CONFIG_FILE,
    IMPORTS_FILE,
    LAUNCH_FILE,
    LAUNCHED_FILE,
    LOG_FILE,
    RATINGS_FILE,
    RUN_FILE,
    verified_file,
)
from mtnlg.records.run_config import read_config
from mtnlg.records.runs import RunRecord, read_run
from mtnlg.records.scores import MetricScore, read_scores

KEY = re.compile(rb"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
FOLDER = re.compile(r"[0-9a-f]{16}(\.partial)?(\.damaged-\d+)?")
"""Names of the folders of a stage; whatever else lies there is not ours."""


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run as it lies on the disk; the board of its experiment has it if it was launched."""

    folder: Path
    run: RunRecord
    config: JsonObject
    is_launched: bool

    @property
    def keys(self) -> set[str]:
        """The artifacts that it refers to."""
        return keys_in(self.folder / name for name in (RUN_FILE, CONFIG_FILE, LOG_FILE))

    @property
    def title(self) -> str:
        """Experiment and run id."""
        return f"{self.folder.parent.name}/{self.folder.name}"


@dataclass(frozen=True, slots=True)
class Removal:
    """A folder that can go, and why."""

    path: Path
    num_bytes: int
    why: str


def read_entries(runs_root: Path) -> list[RunEntry]:
    """All runs that have a folder or that a launch asked for, by experiment and id."""
    entries = []
    for experiment in sorted(path for path in runs_root.glob("*") if path.is_dir()):
        names = (CONFIG_FILE, RUN_FILE, LAUNCHED_FILE)
        run_ids = {path.parent.name for name in names for path in experiment.glob(f"*/{name}")}
        launched = run_ids
        if not (experiment / LAUNCH_FILE).exists():
            launched = set()
        with suppress(ArtifactError):
            launched = set(read_launch(experiment.name, runs_root=runs_root).run_ids)
        launched |= {path.parent.name for path in experiment.glob(f"*/{LAUNCHED_FILE}")}
        for run_id in sorted(run_ids | launched):
            config = read_config(experiment / run_id)
            run = read_run(run_id, folder=experiment)
            settings = {} if isinstance(config, str) else config
            entries.append(RunEntry(experiment / run_id, run, settings, run_id in launched))
    return entries


def main_scores(run: RunRecord, *, artifacts_root: Path) -> dict[str, MetricScore]:
    """`task, test set, metric` -> the main score of the run's own system there."""
    main = {task.task: task.main_metric for task in run.tasks}
    scores = {}
    for record in run.scores:
        subsets = read_scores(record.scores, artifacts_root=artifacts_root)
        if record.kind == "trained" and not isinstance(subsets, str) and "all" in subsets:
            name = main.get(record.task) or next(iter(subsets["all"].metrics), "")
            if name in subsets["all"].metrics:
                title = f"{record.task}, {record.test_set}, {name}"
                scores[title] = subsets["all"].metrics[name]
    return scores


def keys_in(paths: Iterable[Path]) -> set[str]:
    """All that looks like an artifact's key in these files, as far as they exist."""
    keys: set[str] = set()
    for path in paths:
        with disk_faults(path):
            keys |= {
                key.decode() for key in KEY.findall(path.read_bytes() if path.is_file() else b"")
            }
    return keys


def bytes_of(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; no link is followed."""
    paths = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    total = 0
    for file in paths:
        with suppress(OSError):
            total += 0 if file.is_dir() and not file.is_symlink() else file.lstat().st_size
    return total


def artifact_folders(artifacts_root: Path) -> dict[str, list[Path]]:
    """Stage -> its folders: whole ones, partial ones, and damaged ones that were set aside."""
    return {
        stage: sorted(p for p in (artifacts_root / stage).iterdir() if FOLDER.fullmatch(p.name))
        for stage in STAGE_VERSIONS
        if (artifacts_root / stage).is_dir()
    }


def usage(
    entries: Sequence[RunEntry],
    *,
    chosen: Sequence[RunEntry],
    artifacts_root: Path,
) -> JsonObject:
    """Bytes by stage, and of the chosen runs by experiment and run: the folder, the artifacts that
    are referred to, each once, and those of them that no other refers to.
    """
    stages = artifact_folders(artifacts_root)
    sizes = {path: bytes_of(path) for paths in stages.values() for path in paths}
    keys = {entry.folder: entry.keys for entry in entries}

    def row(folder: Path, members: Iterable[Path]) -> dict[str, JsonValue]:
        used = set().union(*(keys[member] for member in members))
        others = set().union(*(keys[path] for path in keys if path not in members))
        of_used = {path: size for path, size in sizes.items() if path.name[:16] in used}
        alone = sum(size for path, size in of_used.items() if path.name[:16] not in others)
        return {"folder": bytes_of(folder), "artifacts": sum(of_used.values()), "alone": alone}

    experiments = {entry.folder.parent for entry in chosen}
    everything = set().union(*keys.values())
    return {
        "stages": {
            stage: {
                "bytes": bytes_of(artifacts_root / stage),
                "unused": sum(sizes[path] for path in paths if path.name[:16] not in everything),
            }
            for stage, paths in stages.items()
        },
        "experiments": {
            folder.name: row(folder, [path for path in keys if path.parent == folder])
            for folder in sorted(experiments)
        },
        "runs": {entry.title: row(entry.folder, [entry.folder]) for entry in chosen},
    }


def find_removals(
    entries: Sequence[RunEntry],
    *,
    chosen: Sequence[RunEntry] | None,
    artifacts_root: Path,
    reports_root: Path,
    least_age: timedelta = timedelta(0),
) -> Iterator[Removal]:
    """The runs and artifacts that no board, import, rating, published record or living process
    refers to, of at least this age. Of chosen runs, only these and what they alone refer to.
    """
    boards, kept = _published(reports_root)
    newest = datetime.now(UTC) - least_age
    gone = []
    for entry in entries:
        is_on_board = entry.is_launched or entry.run.run_id.encode() in boards
        is_chosen = chosen is None or entry in chosen
        is_used = is_on_board or entry.run.status == "running"
        if is_used or not is_chosen or _changed(entry.folder) > newest:
            kept |= entry.keys
        else:
            gone.append(entry)
            yield Removal(entry.folder, bytes_of(entry.folder), "no board has this run")
    for experiment in {entry.folder.parent for entry in entries}:
        kept |= keys_in(experiment / name for name in (LAUNCH_FILE, IMPORTS_FILE, RATINGS_FILE))
    allowed = None if chosen is None else {key for entry in gone for key in entry.keys}
    unfinished = [
        entry.run.started
        for entry in entries
        if entry not in gone and entry.run.status not in ("finished", "pruned")
    ]
    for path in (path for paths in artifact_folders(artifacts_root).values() for path in paths):
        key, _, rest = path.name.partition(".")
        moment = _changed(path)
        if moment > newest or not (allowed is None or key in allowed):
            continue
        if path.name.endswith(PARTIAL_SUFFIX):
            if any(started is None or moment >= started for started in unfinished):
                continue  # one of these runs may continue it
            why = "begun, and no unfinished run continues it"
        elif rest:
            why = "damaged, and set aside"
        elif key in kept:
            continue
        else:
            why = "nothing refers to it"
        yield Removal(path, bytes_of(path), why)


def remove(removals: Sequence[Removal], *, artifacts_root: Path) -> Iterator[Removal]:
    """Remove the folders and yield those that are gone; raises ArtifactError where a process uses
    the artifacts. One that a process makes at this moment stays.
    """
    with held_alone(artifacts_root):
        for removal in removals:
            key = removal.path.name.partition(".")[0]
            lock = removal.path.with_name(f".{key}.lock")
            is_artifact = artifacts_root in removal.path.parents
            try:
                with FileLock(lock, timeout=0) if is_artifact else nullcontext():
                    _delete(removal.path)
            except Timeout:
                continue
            if is_artifact and removal.path.name == key:
                verified_file(removal.path).unlink(missing_ok=True)
            yield removal


def _delete(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be removed ({error.strerror})") from None


def _changed(path: Path) -> datetime:
    """When a file or something directly in a folder was last written."""
    paths = [path, *(path.iterdir() if path.is_dir() else ())]
    seconds = [file.lstat().st_mtime for file in paths if file.exists()]
    return datetime.fromtimestamp(max(seconds, default=0), UTC)


def _published(reports_root: Path) -> tuple[bytes, set[str]]:
    """What names the runs of reports and records, and the keys that records have; raises
    ArtifactError for a broken record, which cannot say what it refers to.
    """
    texts = [path.read_bytes() for path in sorted(reports_root.glob("**/leaderboard.json"))]
    names = []
    for record in sorted(reports_root.glob("**/record.zip")):
        try:
            with zipfile.ZipFile(record) as archive:
                names += archive.namelist()
                runs = [name for name in archive.namelist() if name.startswith("runs/")]
                texts += map(archive.read, runs)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ArtifactError(f"{record}: cannot be read ({error}); publish it again") from None
    text = b"\n".join([*texts, "\n".join(names).encode()])
    return text, {key.decode() for key in KEY.findall(text)}
