"""From the manifests of a launch to its leaderboard: which systems are on which board, with which
numbers.

Nothing is dropped: a run that failed, is running or has no number for its board's main metric is a
row with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtnlg.config import ReportConfig
from mtnlg.errors import ArtifactError, MtnlgError
from mtnlg.evaluation import Texts
from mtnlg.evaluation.degenerate import degenerate_notes
from mtnlg.evaluation.misfits import misfit_notes
from mtnlg.leaderboard.damage import damage_of
from mtnlg.leaderboard.evidence import board_evidence
from mtnlg.leaderboard.labels import Identity, distinct_labels
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, left_out_text
from mtnlg.leaderboard.ranking import rank_rows, with_clean_rankings
from mtnlg.leaderboard.rated_boards import with_ratings
from mtnlg.leaderboard.row_comparisons import compare_rows
from mtnlg.leaderboard.samples import read_outputs
from mtnlg.leaderboard.seed_rows import merge_seeds
from mtnlg.records.launches import Launch, read_launch, read_runs
from mtnlg.records.places import IMPORTS_FILE, experiment_folder
from mtnlg.records.runs import (
    ImportRecord,
    RunRecord,
    ScoreRecord,
    read_imports,
)
from mtnlg.records.scores import SubsetScores, read_scores

ALL = "all"
SUBSETS = ("clean", "new_dialogues")
"""In the order of their boards; each has one where a system has scores of it."""
UNKNOWN, DAMAGED = "unknown", "damaged"

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
    equivalence_margin: Mapping[str, float] | None = None,
    only_run: str | None = None,
) -> Leaderboard:
    """The boards of the last launch of an experiment, or of one run of it, with the systems of
    others that were imported into them. Without a margin for a board's main metric, it is that of
    its runs.

    Raises ConfigError for a name that no folder can have, and ArtifactError where there is no
    readable launch. Whatever is wrong with a run, a score or the imports is a row with the reason.
    """
    launch = (
        Launch((only_run,), experiment)
        if only_run
        else read_launch(experiment, runs_root=runs_root)
    )
    runs = read_runs(launch, runs_root=runs_root)
    imports: tuple[ImportRecord, ...] = ()
    try:
        imports = read_imports(experiment, runs_root=runs_root)
    except ArtifactError as error:
        folder = str(experiment_folder(runs_root, experiment)).rstrip("/")
        cause = str(error).replace(folder, experiment)
        runs = (*runs, RunRecord(IMPORTS_FILE, "failed", cause, "imported systems"))
    boards = tuple(
        board
        for test_set in _test_sets(runs, equivalence_margin or {})
        for board in with_clean_rankings(
            [
                _board(
                    test_set,
                    subset,
                    entries,
                    artifacts_root=artifacts_root,
                    has_paired_bootstrap=has_paired_bootstrap,
                )
                for subset, entries in _subsets_of(
                    test_set, runs=runs, imports=imports, artifacts_root=artifacts_root
                )
            ]
        )
    )
    boards, faults = with_ratings(boards, experiment, runs_root=runs_root)
    damaged = [row.reason for board in boards for row in board.rows if row.status == DAMAGED]
    damaged += [f"{run.run_id}: {run.reason}" for run in runs if run.is_unreadable]
    return Leaderboard(
        experiment,
        launch.command,
        boards,
        (*runs, *faults),
        artifacts_root,
        runs_root,
        damaged=tuple(dict.fromkeys(filter(None, damaged))),
    )


@dataclass(frozen=True, slots=True)
class _TestSet:
    """A test set of a task; main_metric is None where no run says which metric counts."""

    task: str
    name: str
    language: str
    main_metric: str | None
    margin: float | None = None
    """Of equivalence by the main metric."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One system on one test set: its row without numbers, and its numbers by subset."""

    row: BoardRow
    subsets: Mapping[str, SubsetScores] = field(default_factory=dict)
    remark: str | None = None
    """What a reader must know beside the numbers."""


def _test_sets(runs: Sequence[RunRecord], margins: Mapping[str, float]) -> list[_TestSet]:
    """Every test set that a run names, in order of first mention; one of unknown name where none
    does and a run does not say its tasks. A margin given here replaces that of the runs.
    """
    test_sets: dict[tuple[str, str], _TestSet] = {}
    for run in runs:
        for test_set in _test_sets_of(run):
            known = test_sets.setdefault((test_set.task, test_set.name), test_set)
            margin = margins.get(known.main_metric or "", known.margin or test_set.margin)
            test_sets[known.task, known.name] = replace(known, margin=margin)
    if not test_sets and any(not run.tasks for run in runs):
        return [_TestSet(UNKNOWN, UNKNOWN, "", None)]
    return list(test_sets.values())


def _test_sets_of(run: RunRecord) -> Iterator[_TestSet]:
    for task in run.tasks:
        for name in task.test_sets:
            yield _TestSet(
                task.task, name, task.language, task.main_metric, task.equivalence_margin
            )
    for score in run.scores:
        yield _TestSet(score.task, score.test_set, score.language, None)


def _subsets_of(
    test_set: _TestSet,
    *,
    runs: Sequence[RunRecord],
    imports: Sequence[ImportRecord],
    artifacts_root: Path,
) -> Iterator[tuple[str, list[_Entry]]]:
    """The subsets of a test set that have a board, with the systems on it."""
    entries = _without_repeats(
        entry
        for run in runs
        if _belongs(run, test_set)
        for entry in _entries_of(run, test_set, artifacts_root=artifacts_root)
    )
    entries += [
        _imported_entry(record, artifacts_root=artifacts_root)
        for record in imports
        if _is_of(record, test_set)
    ]
    known = [name for name in SUBSETS if any(name in entry.subsets for entry in entries)]
    for subset in (ALL, *known):
        yield subset, _without_equal_baselines(entries, subset)


def _belongs(run: RunRecord, test_set: _TestSet) -> bool:
    """True for a run of this test set, and for a run whose tasks are unknown."""
    if not run.tasks and not run.scores:
        return True
    names = {(known.task, known.name) for known in _test_sets_of(run)}
    return (test_set.task, test_set.name) in names


def _is_of(score: ScoreRecord, test_set: _TestSet) -> bool:
    return (score.task, score.test_set) == (test_set.task, test_set.name)


def _entries_of(run: RunRecord, test_set: _TestSet, *, artifacts_root: Path) -> Iterator[_Entry]:
    """The systems that a run scored on the test set; a run that did not finish stands for its
    trained systems itself.
    """
    row = BoardRow(
        run.system,
        run.kind,
        run.status,
        run.reason,
        runs=(run.run_id,),
        seeds=() if run.seed is None else (run.seed,),
        decoding=run.decoding,
        overrides=run.overrides,
    )
    records = [score for score in run.scores if _is_of(score, test_set)]
    if run.status != "finished":
        records = [score for score in records if score.kind == "baseline"]
        yield _Entry(row)
    elif all(score.kind == "baseline" for score in records):
        reason = "the run finished without a score here"
        yield _Entry(replace(row, status="failed", reason=reason))
    for record in records:
        is_trained = record.kind == "trained"
        scored = row if record.kind != "baseline" else replace(row, seeds=(), overrides=())
        model = run.model if is_trained else None
        entry = _scored_entry(scored, record, model, artifacts_root=artifacts_root)
        if record.kind == "external":
            prompt = (record.decoding or "").partition(", ")[2]
            remarks = (f"contamination {record.contamination.rule}", prompt, record.note)
            entry = replace(entry, remark="; ".join(filter(None, remarks)))
        yield entry


def _imported_entry(record: ImportRecord, *, artifacts_root: Path) -> _Entry:
    row = BoardRow(record.system, "external", "finished")
    entry = _scored_entry(row, record, None, artifacts_root=artifacts_root)
    remarks = (f"contamination {record.contamination.rule}", record.note, record.url)
    return replace(entry, remark="; ".join(remark for remark in remarks if remark))


def _scored_entry(
    row: BoardRow, record: ScoreRecord, model: str | None, *, artifacts_root: Path
) -> _Entry:
    row = replace(
        row,
        system=record.system,
        kind=record.kind,
        status="finished",
        reason=None,
        decoding=record.decoding,
        cost=record.cost,
        contamination=record.contamination,
        predictions=() if record.predictions is None else (record.predictions,),
        scores=() if record.scores is None else (record.scores,),
        scored_rows=record.scored_rows,
    )
    if fault := damage_of(record, model, artifacts_root=artifacts_root):
        return _Entry(replace(row, status=DAMAGED, reason=fault))
    subsets = read_scores(record.scores, artifacts_root=artifacts_root)
    if isinstance(subsets, str):
        return _Entry(replace(row, status="failed", reason=subsets))
    return _Entry(row, subsets)


def _without_repeats(entries: Iterable[_Entry]) -> list[_Entry]:
    """The entries, where those of several runs with the same scores, such as a baseline, are one
    with all of these runs.
    """
    kept: dict[tuple[object, ...], _Entry] = {}
    for entry in entries:
        row = entry.row
        identity = (row.kind, row.system, row.decoding, row.scores or row.runs)
        kept[identity] = _with_runs_of(kept[identity], entry) if identity in kept else entry
    return list(kept.values())


def _with_runs_of(first: _Entry, second: _Entry) -> _Entry:
    runs = tuple(dict.fromkeys((*first.row.runs, *second.row.runs)))
    return replace(first, row=replace(first.row, runs=runs))


def _without_equal_baselines(entries: Iterable[_Entry], subset: str) -> list[_Entry]:
    """The entries, where baselines of equal numbers and intervals are one.

    Models that were trained on different data give the rows of a baseline different contamination
    signals, and so different score files. On all rows it is then one row of the board; on clean
    rows, of which each run has its own, it stays one for each run.
    """
    kept: list[_Entry] = []
    for entry in entries:
        for index, earlier in enumerate(kept):
            if _is_same(earlier, entry, subset):
                kept[index] = _with_signals_of(earlier, entry)
                break
        else:
            kept.append(entry)
    return kept


def _is_same(left: _Entry, right: _Entry, subset: str) -> bool:
    if left.row.kind != "baseline" or not (left.subsets and right.subsets):
        return False
    names = [(row.kind, row.system, row.decoding, row.scored_rows) for row in (left.row, right.row)]
    return names[0] == names[1] and left.subsets.get(subset) == right.subsets.get(subset)


def _with_signals_of(first: _Entry, second: _Entry) -> _Entry:
    """The first with the runs of both, and without a count of signals where theirs differ."""
    merged = _with_runs_of(first, second)
    if first.row.contamination == second.row.contamination:
        return merged
    unknown = replace(first.row.contamination, flagged=None)
    return replace(merged, row=replace(merged.row, contamination=unknown), remark=DIFFERENT_SIGNALS)


def _board(
    test_set: _TestSet,
    subset: str,
    entries: Sequence[_Entry],
    *,
    artifacts_root: Path,
    has_paired_bootstrap: bool,
) -> Board:
    """The board of one subset: its rows ranked, named, and compared by the main metric."""
    names = _metric_names(test_set, subset, entries)
    main_metric = next(iter(names), None)
    evidence = board_evidence(subset, main_metric=main_metric, artifacts_root=artifacts_root)
    rows = [_numbered(entry, subset, names) for entry in entries]
    rows = [_with_output_notes(row, test_set.language, artifacts_root) for row in rows]
    rows = merge_seeds(rows, evidence=evidence)
    rows = rank_rows(rows, metric_names=names)
    labels = distinct_labels(
        [
            Identity(row.system, row.decoding, row.overrides, row.kind, row.seeds, row.runs)
            for row in rows
        ]
    )
    rows = [replace(row, label=label) for row, label in zip(rows, labels, strict=True)]
    board = Board(test_set.task, test_set.name, subset, test_set.language, tuple(rows), names)
    if main_metric is None:
        return board
    return compare_rows(
        board,
        main_metric,
        evidence=evidence,
        margin=test_set.margin,
        has_paired_bootstrap=has_paired_bootstrap,
    )


def _with_output_notes(row: BoardRow, language: str, artifacts_root: Path) -> BoardRow:
    """The row with a word about empty, constant or copied outputs, which baselines may have, and
    about other scripts; none where its predictions are not all there, as on a published board.
    """
    scored = max((metric.num_examples for metric in row.metrics.values()), default=0)
    if row.kind == "baseline" or not row.predictions or not scored:
        return row
    try:
        outputs = read_outputs(row, artifacts_root=artifacts_root)
    except (MtnlgError, OSError):
        return row
    if len(outputs) < scored:
        return row
    texts = Texts(
        [output.prediction for output in outputs],
        [output.references for output in outputs],
        language=language,
        sources=[output.source for output in outputs],
    )
    remarks = [row.reason, *degenerate_notes(texts), *misfit_notes(texts)]
    return replace(row, reason="; ".join(filter(None, remarks)) or None)


def _metric_names(test_set: _TestSet, subset: str, entries: Sequence[_Entry]) -> tuple[str, ...]:
    """The main metric, then the others in the order of the score files."""
    names = [] if test_set.main_metric is None else [test_set.main_metric]
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
    row = replace(row, left_out=scores.left_out)
    if not names or names[0] not in scores.metrics:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in scores.left_out.items())
        main = names[0] if names else "a metric"
        return replace(row, status="failed", reason=reasons or f"its scores do not have {main}")
    metrics = {name: scores.metrics[name] for name in names if name in scores.metrics}
    remarks = [remark for remark in (left_out_text(row), entry.remark) if remark]
    return replace(row, metrics=metrics, reason="; ".join(remarks) or None)
