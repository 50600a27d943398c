"""From the manifests of a launch to its leaderboard: which systems are on which board, with which
numbers.

Refuses to know: how a board looks. Nothing is dropped: a run that failed, is running or has no
number for its board's main metric is a row with the reason. The ranking itself is in ranking.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtnlg.config import ReportConfig
from mtnlg.errors import ArtifactError
from mtnlg.reporting.clean import with_clean_rankings
from mtnlg.reporting.labels import Identity, distinct_labels
from mtnlg.reporting.leaderboard import Board, BoardRow, Leaderboard
from mtnlg.reporting.manifests import (
    IMPORTS_FILE,
    ImportRecord,
    RunRecord,
    ScoreRecord,
    read_imports,
    read_launch,
    read_runs,
)
from mtnlg.reporting.ranking import rank_rows
from mtnlg.reporting.rated_boards import with_ratings
from mtnlg.reporting.scores import SubsetScores, read_scores
from mtnlg.reporting.seeds import merge_seeds
from mtnlg.reporting.significance import compare_rows

ALL = "all"
SUBSETS = ("clean", "new_dialogues")
"""In the order of their boards, each shown where a system has scores of it."""
UNKNOWN = "unknown"
NOT_SCORED = "it has no score of its own on this subset; see the board of all examples"


def build_leaderboard(
    experiment: str,
    *,
    runs_root: Path,
    artifacts_root: Path,
    has_paired_bootstrap: bool = ReportConfig.has_paired_bootstrap,
) -> Leaderboard:
    """The boards of the last launch of an experiment, from `runs_root/<experiment>/launch.json`,
    with the systems of others that were imported into them.

    Raises ConfigError where the name is no folder's, and ArtifactError where there is no readable
    launch. Whatever is wrong with a single run or score, or with the imports, becomes a row with
    its reason.
    """
    launch = read_launch(experiment, runs_root=runs_root)
    runs = read_runs(launch, runs_root=runs_root)
    imports: tuple[ImportRecord, ...] = ()
    try:
        imports = read_imports(experiment, runs_root=runs_root)
    except ArtifactError as error:
        cause = str(error).replace(str(runs_root / experiment), experiment)
        runs = (*runs, RunRecord(IMPORTS_FILE, "failed", cause, "imported systems"))
    boards = tuple(
        compare_rows(
            board, artifacts_root=artifacts_root, has_paired_bootstrap=has_paired_bootstrap
        )
        for place in _places(runs)
        for board in with_clean_rankings(
            list(_boards_at(place, runs=runs, imports=imports, artifacts_root=artifacts_root))
        )
    )
    boards, faults = with_ratings(boards, experiment, runs_root=runs_root)
    return Leaderboard(
        experiment, launch.command, boards, (*runs, *faults), artifacts_root, runs_root
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A task and test set; main_metric is None where no run says which metric counts."""

    task: str
    test_set: str
    language: str
    main_metric: str | None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One system at one place: its row without numbers, and its numbers by subset where it may show
    them.
    """

    row: BoardRow
    subsets: Mapping[str, SubsetScores] = field(default_factory=dict)
    scores: str | None = None
    """Artifact key of the numbers; None for a run in place of its systems, and for what was not
    scored.
    """
    remark: str | None = None
    """What must be known of the row beside its numbers."""


def _places(runs: Sequence[RunRecord]) -> list[_Place]:
    """Every task and test set that a run names, in order of first mention; one of unknown name
    where none does and a run does not say its tasks.
    """
    places: dict[tuple[str, str], _Place] = {}
    for run in runs:
        for task in run.tasks:
            for test_set in task.test_sets:
                place = _Place(task.task, test_set, task.language, task.main_metric)
                places.setdefault((task.task, test_set), place)
        for score in run.scores:
            place = _Place(score.task, score.test_set, score.language, None)
            places.setdefault((score.task, score.test_set), place)
    if not places and any(not run.tasks and not run.scores for run in runs):
        return [_Place(UNKNOWN, UNKNOWN, "", None)]
    return list(places.values())


def _boards_at(
    place: _Place,
    *,
    runs: Sequence[RunRecord],
    imports: Sequence[ImportRecord],
    artifacts_root: Path,
) -> Iterator[Board]:
    entries = _once_each(
        entry
        for run in runs
        if _belongs(run, place)
        for entry in _entries_of(run, place, artifacts_root=artifacts_root)
    )
    entries += [
        _imported_entry(one, artifacts_root=artifacts_root)
        for one in imports
        if _is_at(one.score, place)
    ]
    known = [name for name in SUBSETS if any(name in entry.subsets for entry in entries)]
    for subset in (ALL, *known):
        yield _board(place, subset, entries, artifacts_root=artifacts_root)


def _belongs(run: RunRecord, place: _Place) -> bool:
    """True for a run of this task, and for a run whose tasks nobody knows."""
    if not run.tasks and not run.scores:
        return True
    at_task = any(
        task.task == place.task and place.test_set in task.test_sets for task in run.tasks
    )
    return at_task or any(_is_at(score, place) for score in run.scores)


def _is_at(score: ScoreRecord, place: _Place) -> bool:
    return (score.task, score.test_set) == (place.task, place.test_set)


def _entries_of(run: RunRecord, place: _Place, *, artifacts_root: Path) -> Iterator[_Entry]:
    """The systems that a run scored here; for a run that did not finish, itself in place of its
    trained systems.
    """
    records = [score for score in run.scores if _is_at(score, place)]
    if run.status != "finished":
        records = [score for score in records if score.kind != "trained"]
        yield _Entry(_row_of_run(run, status=run.status, reason=run.reason))
    elif all(score.kind == "baseline" for score in records):
        yield _Entry(
            _row_of_run(run, status="failed", reason="the run finished without a score here")
        )
    for record in records:
        yield _entry_from(record, run, artifacts_root=artifacts_root)


def _row_of_run(run: RunRecord, *, status: str, reason: str | None) -> BoardRow:
    seeds = () if run.seed is None else (run.seed,)
    return BoardRow(
        run.system,
        "trained",
        status,
        reason,
        runs=(run.run_id,),
        seeds=seeds,
        decoding=run.decoding,
        overrides=run.overrides,
    )


def _entry_from(record: ScoreRecord, run: RunRecord, *, artifacts_root: Path) -> _Entry:
    row = _row_of_run(run, status="finished", reason=None)
    if record.kind != "trained":
        row = replace(row, seeds=(), overrides=())
    return _scored_entry(row, record, artifacts_root=artifacts_root)


def _imported_entry(record: ImportRecord, *, artifacts_root: Path) -> _Entry:
    row = BoardRow(record.score.system, "external", "finished")
    entry = _scored_entry(row, record.score, artifacts_root=artifacts_root)
    said = (f"leaks {record.score.contamination.rule}", record.note, record.url)
    return replace(entry, remark="; ".join(one for one in said if one))


def _scored_entry(row: BoardRow, record: ScoreRecord, *, artifacts_root: Path) -> _Entry:
    row = replace(
        row,
        system=record.system,
        kind=record.kind,
        decoding=record.decoding,
        cost=record.cost,
        contamination=record.contamination,
        predictions=() if record.predictions is None else (record.predictions,),
        scores=() if record.scores is None else (record.scores,),
    )
    subsets = read_scores(record.scores, artifacts_root=artifacts_root)
    if isinstance(subsets, str):
        return _Entry(replace(row, status="failed", reason=subsets), scores=record.scores)
    return _Entry(row, subsets, record.scores)


def _once_each(entries: Iterable[_Entry]) -> list[_Entry]:
    """Entries that several runs share by their scores, such as baselines, once, with all of their
    runs.
    """
    kept: dict[tuple[object, ...], _Entry] = {}
    for entry in entries:
        row = entry.row
        identity = (row.kind, row.system, row.decoding, entry.scores or row.runs)
        if identity in kept:
            first = kept[identity]
            runs = tuple(dict.fromkeys((*first.row.runs, *row.runs)))
            kept[identity] = replace(first, row=replace(first.row, runs=runs))
        else:
            kept[identity] = entry
    return list(kept.values())


def _board(place: _Place, subset: str, entries: Sequence[_Entry], *, artifacts_root: Path) -> Board:
    names = _metric_names(place, subset, entries)
    rows = [_numbered(entry, subset, names) for entry in entries]
    rows = merge_seeds(rows, subset=subset, artifacts_root=artifacts_root)
    rows = rank_rows(rows, metric_names=names)
    labels = distinct_labels(
        [
            Identity(row.system, row.decoding, row.overrides, row.kind, row.seeds, row.runs)
            for row in rows
        ]
    )
    rows = [replace(row, label=label) for row, label in zip(rows, labels, strict=True)]
    return Board(place.task, place.test_set, subset, place.language, tuple(rows), names)


def _metric_names(place: _Place, subset: str, entries: Sequence[_Entry]) -> tuple[str, ...]:
    """The main metric, then the others in the order in which the score files have them."""
    names = [] if place.main_metric is None else [place.main_metric]
    for entry in entries:
        if subset in entry.subsets:
            names += entry.subsets[subset].metrics
    return tuple(dict.fromkeys(names))


def _numbered(entry: _Entry, subset: str, names: Sequence[str]) -> BoardRow:
    """The row with its numbers, or with the reason why it has none."""
    row = entry.row
    if row.status != "finished" or row.reason is not None:
        return row
    if subset not in entry.subsets:
        if subset in SUBSETS:
            return replace(row, reason=NOT_SCORED)
        return replace(row, status="failed", reason=f"its scores have no subset {subset!r}")
    scores = entry.subsets[subset]
    if scores.reason is not None and not scores.metrics:
        return replace(row, reason=scores.reason)
    left_out = "; ".join(f"{name}: {reason}" for name, reason in scores.left_out.items())
    if not names or names[0] not in scores.metrics:
        main = names[0] if names else "a metric"
        return replace(row, status="failed", reason=left_out or f"its scores do not have {main}")
    metrics = {name: scores.metrics[name] for name in names if name in scores.metrics}
    remarks = [f"left out: {left_out}"] if left_out else []
    remarks += [entry.remark] if entry.remark else []
    return replace(row, metrics=metrics, reason="; ".join(remarks) or None)
