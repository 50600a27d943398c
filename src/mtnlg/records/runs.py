"""What a launch was asked for, what became of each run, and which systems of others are beside
them: `launch.json`, `run.json` and `imports.json`, as typed records.

Refuses to know: scores and boards. A run whose manifest is missing or broken is still a run,
failed, with the reason.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from mtnlg.errors import ArtifactError, ConfigError, MtnlgError
from mtnlg.records.files import (
    JsonObject,
    JsonValue,
    count_of,
    is_folder_name,
    number_of,
    object_of,
    objects_of,
    read_json,
    text_of,
    texts_of,
    write_json,
)

RUN_FILE, LAUNCH_FILE = "run.json", "launch.json"


def write_launch(
    folder: Path,
    overrides: Mapping[str, Sequence[str]],
    *,
    command: Sequence[str],
    code: Mapping[str, JsonObject],
    is_continued: bool = False,
) -> None:
    """launch.json: the runs that the experiment's board shows, by id, with the overrides that gave
    each and the hashes of the code that each should run; a continued launch keeps its earlier ones.
    """
    path = folder / LAUNCH_FILE
    recorded = read_json(path) if is_continued and path.exists() else {}
    earlier = object_of(recorded, "overrides")
    text = shlex.join([Path(command[0]).name, *command[1:]]) if command else ""
    runs = {**earlier, **{run_id: list(words) for run_id, words in overrides.items()}}
    body = {
        "experiment": folder.name,
        "run_ids": list(runs),
        "overrides": runs,
        "command": text,
        "code": {**object_of(recorded, "code"), **code},
    }
    write_json(path, body)


def launched_code(run_folder: Path) -> JsonObject:
    """The hash of each stage's code when a run was launched; empty where nothing says it."""
    path = run_folder.parent / LAUNCH_FILE
    launch = read_json(path) if path.exists() else {}
    return object_of(object_of(launch, "code"), run_folder.name)


def read_objective(folder: Path) -> float | None:
    """The best validation metric of a finished run, or its negated validation loss where no task
    has a metric, for a sweeper; None where there is neither.
    """
    try:
        value = read_json(folder / RUN_FILE).get("objective")
    except MtnlgError:
        return None
    return float(value) if isinstance(value, int | float) else None


IMPORTS_FILE = "imports.json"
"""Beside launch.json, which each launch writes again: imported systems stay."""
STATUSES = ("finished", "incomplete", "running", "failed")
KINDS = ("trained", "baseline", "external")


@dataclass(frozen=True, slots=True)
class Launch:
    """One command and the runs that it asked for, in its order."""

    experiment: str
    command: str | None
    run_ids: tuple[str, ...]
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Run id -> what was asked for on the command line."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task of a run, as far as a board needs it."""

    task: str
    language: str
    test_sets: tuple[str, ...]
    main_metric: str | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a system cost; None where it was not measured or costs nothing."""

    parameters: float | None = None
    training_tokens: float | None = None
    training_flops: float | None = None
    training_seconds: float | None = None
    decoding_tokens_per_second: float | None = None
    peak_memory_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Contamination:
    """How many test examples were looked up in the training sets, and how many were found there."""

    checked: int | None = None
    flagged: int | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One system on one test set: where its predictions and its scores lie."""

    task: str
    test_set: str
    language: str
    kind: str
    system: str
    decoding: str | None
    predictions: str | None
    scores: str | None
    cost: Cost
    contamination: Contamination


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a launch. Tasks are empty where they are not known; it then belongs to every
    board.
    """

    run_id: str
    status: str
    reason: str | None
    system: str
    seed: int | None = None
    decoding: str | None = None
    overrides: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tasks: tuple[TaskRecord, ...] = ()
    model: str | None = None
    scores: tuple[ScoreRecord, ...] = ()
    seconds: float | None = None
    started: datetime | None = None
    finished: datetime | None = None
    environment: JsonObject = field(default_factory=dict)
    """Versions, git, hardware and code, as the manifest nests them."""


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """Somebody else's system on one test set, and what its importer said of it."""

    score: ScoreRecord
    note: str | None
    url: str | None


def read_launch(experiment: str, *, runs_root: Path) -> Launch:
    """The launch of an experiment; raises ConfigError for a name that is no folder's, ArtifactError
    where there is none.
    """
    if not is_folder_name(experiment):
        raise ConfigError(
            f"experiment is {experiment!r}; it must be one folder name without separators"
        )
    path = runs_root / experiment / "launch.json"
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file; run the experiment first, or name one that ran")
    document = read_json(path)
    run_ids = tuple(dict.fromkeys(texts_of(document, "run_ids")))
    recorded = object_of(document, "overrides")
    overrides = {run_id: texts_of(recorded, run_id) for run_id in run_ids}
    return Launch(experiment, text_of(document, "command"), run_ids, overrides)


def read_runs(launch: Launch, *, runs_root: Path) -> tuple[RunRecord, ...]:
    """The runs of a launch, in its order; never raises for what it finds."""
    folder = runs_root / launch.experiment
    return tuple(
        replace(read_run(run_id, folder=folder), overrides=launch.overrides[run_id])
        for run_id in launch.run_ids
    )


def read_imports(experiment: str, *, runs_root: Path) -> tuple[ImportRecord, ...]:
    """The systems of others that were imported into an experiment, in the order of
    `imports.json`; none where there is no such file. Raises ArtifactError where it is broken.
    """
    path = runs_root / experiment / IMPORTS_FILE
    if not path.exists():
        return ()
    found = []
    for entry in objects_of(read_json(path), "imports"):
        score = _score_from(entry)
        if score is None or score.kind != "external":
            raise ArtifactError(f"{path}: has an entry that is no import; import its system again")
        found.append(ImportRecord(score, text_of(entry, "note"), text_of(entry, "url")))
    return tuple(found)


def read_run(run_id: str, *, folder: Path) -> RunRecord:
    """One run from `folder/<run_id>/run.json`, without its overrides; never raises for what it
    finds there.
    """
    if not is_folder_name(run_id):
        return RunRecord(
            run_id, "failed", "its run id is no folder name, so it was not read", run_id
        )
    path = folder / run_id / "run.json"
    if not path.exists():
        reason = "there is no run.json: it did not start, or was killed before it wrote one"
        return RunRecord(run_id, "failed", reason, run_id)
    try:
        document = read_json(path)
    except (ArtifactError, OSError, RecursionError) as error:
        cause = str(error).replace(str(path), "run.json")
        return RunRecord(run_id, "failed", f"run.json cannot be read: {cause}", run_id)
    return _run_from(document, run_id=run_id)


def _run_from(document: JsonObject, *, run_id: str) -> RunRecord:
    status, reason = _status_of(document)
    return RunRecord(
        run_id,
        status,
        reason,
        text_of(document, "system") or run_id,
        seed=count_of(document, "seed"),
        decoding=text_of(document, "decoding"),
        tags=texts_of(document, "tags"),
        tasks=tuple(
            TaskRecord(
                task,
                text_of(entry, "language") or "",
                texts_of(entry, "test_sets"),
                text_of(entry, "main_metric"),
            )
            for entry in objects_of(document, "tasks")
            if (task := text_of(entry, "task"))
        ),
        model=text_of(object_of(document, "artifacts"), "model"),
        scores=tuple(
            score for entry in objects_of(document, "scores") if (score := _score_from(entry))
        ),
        seconds=number_of(document, "seconds"),
        started=_moment(text_of(document, "started_at")),
        finished=_moment(text_of(document, "finished_at")),
        environment={
            name: document[name]
            for name in ("versions", "python", "git", "hardware", "code")
            if name in document
        },
    )


def _status_of(document: JsonObject) -> tuple[str, str | None]:
    status, reason = document.get("status"), text_of(document, "reason")
    if status == "finished":
        return "finished", reason
    if status == "running":
        return "running", reason or "it has not finished"
    if status == "incomplete":
        return "incomplete", reason or "not all stages were asked for"
    if status == "failed":
        return "failed", reason or "it failed without saying why"
    return "failed", f"run.json has status {status!r}; known: {', '.join(STATUSES)}"


def _score_from(entry: JsonObject) -> ScoreRecord | None:
    """None where an entry does not say which board it belongs to or what kind of system it is."""
    task, test_set, kind = (text_of(entry, key) for key in ("task", "test_set", "kind"))
    if task is None or test_set is None or kind not in KINDS:
        return None
    cost, contamination = object_of(entry, "cost"), object_of(entry, "contamination")
    return ScoreRecord(
        task,
        test_set,
        text_of(entry, "language") or "",
        kind,
        text_of(entry, "system") or "(no name)",
        text_of(entry, "decoding"),
        text_of(entry, "predictions"),
        text_of(entry, "scores"),
        Cost(*(number_of(cost, name) for name in Cost.__slots__)),
        Contamination(
            count_of(contamination, "checked"),
            count_of(contamination, "flagged"),
            text_of(contamination, "rule"),
        ),
    )


def _moment(stamp: str | None) -> datetime | None:
    """An ISO 8601 time in UTC, read as UTC where it names no zone; None where it is none."""
    try:
        moment = datetime.fromisoformat(stamp) if stamp else None
    except ValueError:
        return None
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None


IDENTITY = ("task", "test_set", "system")


def record_import(folder: Path, entry: JsonObject) -> bool:
    """Put the entry into the file of an experiment, in the place of an earlier one of the same
    system, if there is one; gives whether there was.
    """
    path = folder / IMPORTS_FILE
    with FileLock(folder / f".{IMPORTS_FILE}.lock"):
        earlier = objects_of(read_json(path), "imports") if path.exists() else []
        places = [
            place
            for place, one in enumerate(earlier)
            if all(one.get(name) == entry[name] for name in IDENTITY)
        ]
        if places:
            earlier[places[0]] = entry
        else:
            earlier.append(entry)
        imports: list[JsonValue] = list(earlier)
        write_json(path, {"experiment": folder.name, "imports": imports})
    return bool(places)
