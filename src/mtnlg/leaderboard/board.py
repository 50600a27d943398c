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
from mtnlg.leaderboard.clean import with_clean_rankings
from mtnlg.leaderboard.evidence import BoardEvidence
from mtnlg.leaderboard.labels import Identity, distinct_labels
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.leaderboard.ranking import rank_rows
from mtnlg.leaderboard.rated_boards import with_ratings
from mtnlg.leaderboard.row_comparisons import compare_rows
from mtnlg.leaderboard.seed_rows import merge_seeds
from mtnlg.records.runs import (
    IMPORTS_FILE,
    ImportRecord,
    RunRecord,
    ScoreRecord,
    read_imports,
    read_launch,
    read_runs,
)
from mtnlg.records.scores import SubsetScores, read_scores

ALL = "all"
SUBSETS = ("clean", "new_dialogues")
"""In the order of their boards, each shown where a system has scores of it."""
UNKNOWN = "unknown"
DIFFERENT_SIGNALS = (
    "which of its rows have a contamination signal depends on the training data of its runs"
)
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
        board
        for place in _places(runs)
        for board in with_clean_rankings(
            [
                compare_rows(board, evidence=evidence, has_paired_bootstrap=has_paired_bootstrap)
                for board, evidence in _boards_at(
                    place, runs=runs, imports=imports, artifacts_root=artifacts_root
                )
            ]
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
) -> Iterator[tuple[Board, BoardEvidence]]:
    """Each board with what it is made of, ranked and not compared yet."""
    entries = _once_each(
        entry
        for run in runs
        if _belongs(run, place)
        for entry in _entries_of(run, place, artifacts_root=artifacts_root)
    )
    entries += [
        _imported_entry(one, artifacts_root=artifacts_root) for one in imports if _is_at(one, place)
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
    row = BoardRow(record.system, "external", "finished")
    entry = _scored_entry(row, record, artifacts_root=artifacts_root)
    said = (f"contamination {record.contamination.rule}", record.note, record.url)
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
        scored_rows=record.scored_rows,
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
            kept[identity] = _with_runs_of(kept[identity], entry)
        else:
            kept[identity] = entry
    return list(kept.values())


def _with_runs_of(first: _Entry, other: _Entry) -> _Entry:
    runs = tuple(dict.fromkeys((*first.row.runs, *other.row.runs)))
    return replace(first, row=replace(first.row, runs=runs))


def _baselines_once(entries: Iterable[_Entry], subset: str) -> list[_Entry]:
    """The entries with each baseline once for the same numbers, to the last digit and with the same
    intervals: models that were trained on other data give its rows other contamination signals, and
    so other score files. On all rows it is then one row; on clean rows, of which each run has its
    own, it stays one for each.
    """
    kept: list[_Entry] = []
    for entry in entries:
        place = next((at for at, one in enumerate(kept) if _is_same(one, entry, subset)), None)
        if place is None:
            kept.append(entry)
        else:
            kept[place] = _with_signals_of(kept[place], entry)
    return kept


def _is_same(one: _Entry, other: _Entry, subset: str) -> bool:
    if one.row.kind != "baseline" or not (one.subsets and other.subsets):
        return False
    rows = (one.row, other.row)
    names = [(row.kind, row.system, row.decoding, row.scored_rows) for row in rows]
    return names[0] == names[1] and one.subsets.get(subset) == other.subsets.get(subset)


def _with_signals_of(first: _Entry, other: _Entry) -> _Entry:
    """Without a count of signals where those of the runs differ: it has none of its own."""
    merged = _with_runs_of(first, other)
    found, new = first.row.contamination, other.row.contamination
    if found == new:
        return merged
    unknown = replace(found, flagged=None)
    return replace(merged, row=replace(merged.row, contamination=unknown), remark=DIFFERENT_SIGNALS)


def _board(
    place: _Place, subset: str, entries: Sequence[_Entry], *, artifacts_root: Path
) -> tuple[Board, BoardEvidence]:
    names = _metric_names(place, subset, entries)
    evidence = BoardEvidence(
        subset, main_metric=next(iter(names), None), artifacts_root=artifacts_root
    )
    entries = _baselines_once(entries, subset)
    rows = [_numbered(entry, subset, names) for entry in entries]
    rows = merge_seeds(rows, evidence=evidence)
    rows = rank_rows(rows, metric_names=names)
    labels = distinct_labels(
        [
            Identity(row.system, row.decoding, row.overrides, row.kind, row.seeds, row.runs)
            for row in rows
        ]
    )
    rows = [replace(row, label=label) for row, label in zip(rows, labels, strict=True)]
    board = Board(place.task, place.test_set, subset, place.language, tuple(rows), names)
    return board, evidence


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
