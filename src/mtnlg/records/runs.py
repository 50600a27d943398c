"""What became of each run, and the systems of others beside them: `run.json` and `imports.json`.
A run whose manifest is missing or broken is a failed one, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from mtnlg.errors import ArtifactError
from mtnlg.records.codec import key, read_record, write_record
from mtnlg.records.files import JsonObject
from mtnlg.records.places import (
    IMPORTS_FILE,
    LAUNCHED_FILE,
    RUN_FILE,
    experiment_folder,
    is_folder_name,
)
from mtnlg.records.processes import is_alive

Status = Literal[
    "finished", "incomplete", "pruned", "running", "waiting", "killed", "failed", "damaged"
]
Kind = Literal["trained", "baseline", "external"]
STANDING = ("finished", "incomplete", "pruned")
"""How a run may end that did what it was asked for."""
STATUSES, KINDS = get_args(Status), get_args(Kind)
Number = int | float
Facts = Mapping[str, str | int | float | bool | None]
"""Name -> what is so, such as the version of a package."""

UNKNOWN_TRAINING = "not checked: training data unknown"
"""The rule of the contamination search for a system that is not ours."""
UNREADABLE = f"{RUN_FILE} cannot be read"
REASONS = {
    "running": "it has not finished",
    "waiting": "it has not started; where its launch is gone, the same command starts it",
    "pruned": "a search ended its training early",
    "killed": "its process ended without a word, as by SIGKILL; the same command continues it",
    "incomplete": "not all stages were asked for",
    "failed": "it failed without saying why",
}
"""Status -> the reason of a run that gives none."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task of a run, as far as a board needs it."""

    task: str
    language: str
    test_sets: tuple[str, ...]
    main_metric: str | None
    equivalence_margin: Number | None = None
    """Of the main metric; None where equivalence is not tested."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a system cost; None where it was not measured or costs nothing."""

    parameters: Number | None = None
    training_tokens: Number | None = None
    training_flops: Number | None = None
    training_seconds: Number | None = None
    decoding_tokens_per_second: Number | None = None
    peak_memory_bytes: Number | None = None
    trained_parameters: Number | None = None


@dataclass(frozen=True, slots=True)
class Contamination:
    """How many test examples were looked up in the training sets, and how many have a signal."""

    checked: int | None = None
    flagged: int | None = None
    rule: str | None = None
    tags: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Signal -> rows that have it, of those signals that any row has."""


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One system on one test set: the artifact keys of its predictions and scores, and its cost."""

    task: str
    test_set: str
    language: str
    kind: Kind
    system: str
    decoding: str | None
    predictions: str | None
    scores: str | None
    cost: Cost = field(default_factory=Cost)
    contamination: Contamination = field(default_factory=Contamination)
    scored_rows: str | None = None
    """sha256 of the test set's rows: ids, sources and references; None where it is not known."""
    note: str | None = None
    """What should stand beside its numbers."""


@dataclass(frozen=True, slots=True)
class ImportRecord(ScoreRecord):
    """Somebody else's system on one test set, and what its importer said of it."""

    kind: Literal["external"]
    url: str | None = None
    published: tuple[str, ...] = ()
    """METRIC=NUMBER, each of which the outputs were found to have."""
    signatures: tuple[str, ...] = ()
    """Those of published numbers, which were found to be ours."""


@dataclass(frozen=True, slots=True)
class Imports:
    """The imported systems of an experiment, in the order of their first import."""

    imports: tuple[ImportRecord, ...]
    experiment: str = ""


@dataclass(frozen=True, slots=True)
class RunArtifacts:
    """The artifact keys of a run; rows and tokens by the task's key in the configuration."""

    rows: Mapping[str, str] = field(default_factory=dict)
    contamination: str | None = None
    tokenizer: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. Tasks are empty where they are not known; it then belongs to every board."""

    run_id: str
    status: Status
    reason: str | None
    system: str
    experiment: str = ""
    kind: Kind = "trained"
    """Of its system."""
    seed: int | None = None
    decoding: str | None = None
    tags: tuple[str, ...] = ()
    tasks: tuple[TaskRecord, ...] = ()
    versions: Facts = field(default_factory=dict)
    """Package -> version."""
    lock: str | None = None
    """sha256 of the package's requirements.lock."""
    python: str | None = None
    git: Facts = field(default_factory=dict)
    """Commit, whether the package has changes, and the sha256 of code.diff, which has them."""
    hardware: Facts = field(default_factory=dict)
    """Processor, threads and math libraries."""
    variables: Facts = field(default_factory=dict)
    """Those of the environment that can change arithmetic."""
    seeds: Facts = field(default_factory=dict)
    """Generator -> its seed."""
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Task -> the sha256 of each raw file, or the revision of a hub data set or built-in corpus."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Part of a stage -> hash of its files, without those that hold times."""
    command: str | None = None
    exit_code: int | None = None
    """None while it works, and where it was killed."""
    training_tokens: Number | None = None
    training_flops: Number | None = None
    code: Mapping[str, str] = field(default_factory=dict)
    """Stage -> the hash of its code."""
    code_changed: tuple[str, ...] = ()
    """Stages whose code was another when the run was launched."""
    processes: tuple[int, ...] = (1,)
    """Of the training: their number, one after the other where it went on with another."""
    process: int | None = None
    process_start: str | None = None
    """As `records.processes` says it: the next process with this number has another."""
    host: str | None = None
    """Name of the machine that the process runs on."""
    started: datetime | None = field(default=None, metadata=key("started_at"))
    artifacts: RunArtifacts = field(default_factory=RunArtifacts)
    scores: tuple[ScoreRecord, ...] = ()
    objective: float | None = None
    """What a sweep maximizes."""
    validations: tuple[tuple[int, float], ...] = ()
    """Of a pruned training: each step and what a sweep maximizes."""
    seconds: Number | None = None
    """Wall-clock time."""
    built: Mapping[str, Number] = field(default_factory=dict)
    """Stage -> its seconds, of those of which anything was built."""
    finished: datetime | None = field(default=None, metadata=key("finished_at"))
    overrides: tuple[str, ...] = ()
    """What was asked for on the command line: launch.json has it, run.json does not."""

    @property
    def is_unreadable(self) -> bool:
        """True where its manifest is there and cannot be read."""
        return self.status == "failed" and (self.reason or "").startswith(UNREADABLE)

    @property
    def model(self) -> str | None:
        """Artifact key of the model."""
        return self.artifacts.model

    @property
    def environment(self) -> JsonObject:
        """Versions, git, hardware, variables and code, as far as they are known."""
        names = ("versions", "lock", "python", "git", "hardware", "variables", "code")
        return {name: facts for name in names if (facts := getattr(self, name))}


def read_run(run_id: str, *, folder: Path) -> RunRecord:
    """The run in `folder/<run_id>`, without overrides; a failed run if it cannot be read, a waiting
    one if it was launched and has not begun.
    """
    if not is_folder_name(run_id):
        reason = "its run id is no folder name, so it was not read"
        return RunRecord(run_id, "failed", reason, run_id)
    path = folder / run_id / RUN_FILE
    if not path.exists():
        if path.with_name(LAUNCHED_FILE).exists():
            return RunRecord(run_id, "waiting", REASONS["waiting"], run_id)
        reason = "there is no run.json: it did not start, or was killed before it wrote one"
        return RunRecord(run_id, "failed", reason, run_id)
    try:
        run = read_record(path, RunRecord)
    except ArtifactError as error:
        reason = f"{UNREADABLE}: {str(error).removeprefix(f'{path}: ')}"
        return RunRecord(run_id, "failed", reason, run_id)
    status, given = _true_status(run, path.parent)
    return replace(
        run,
        run_id=run_id,
        status=status,
        reason=given or REASONS.get(status),
        system=run.system or run_id,
        started=_in_utc(run.started),
        finished=_in_utc(run.finished),
    )


def _true_status(run: RunRecord, folder: Path) -> tuple[Status, str | None]:
    """The status of a run and its reason, after a look whether a running one's process lives."""
    if run.status != "running" or run.process is None:
        return run.status, run.reason
    lives = is_alive(run.process, run.process_start, host=run.host)
    if lives is None:
        seconds = max(path.stat().st_mtime for path in folder.iterdir())
        moment = datetime.fromtimestamp(seconds, UTC)
        return "running", f"running on {run.host}, last sign of life {moment:%Y-%m-%d %H:%M} UTC"
    return ("running", run.reason) if lives else ("killed", None)


def write_run(folder: Path, run: RunRecord) -> None:
    """Write run.json."""
    write_record(folder / RUN_FILE, replace(run, overrides=()), is_sealed=True)


def read_imports(experiment: str, *, runs_root: Path) -> tuple[ImportRecord, ...]:
    """The systems imported into an experiment, if any; raises ArtifactError where broken."""
    path = experiment_folder(runs_root, experiment) / IMPORTS_FILE
    if not path.exists():
        return ()
    return read_record(path, Imports, remedy="import its system again").imports


def record_import(folder: Path, entry: ImportRecord) -> bool:
    """Put an entry into imports.json; returns whether it replaced one of the same system."""
    from filelock import FileLock

    with FileLock(folder / f".{IMPORTS_FILE}.lock"):
        rows = read_imports(folder.name, runs_root=folder.parent)
        systems = {(row.task, row.test_set, row.system): row for row in rows}
        identity = (entry.task, entry.test_set, entry.system)
        is_known = identity in systems
        systems[identity] = entry
        imports = Imports(tuple(systems.values()), folder.name)
        write_record(folder / IMPORTS_FILE, imports, is_sealed=True)
    return is_known


def _in_utc(moment: datetime | None) -> datetime | None:
    """The time in UTC, which one without a zone is taken for; None where UTC has no date for it."""
    try:
        return moment and moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None
