"""How two runs, A and B, differ: settings, environment, scores by paired tests on the same rows,
and the examples that moved most. What cannot be compared says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtnlg.errors import DamagedError, MtnlgError
from mtnlg.evaluation.significance.comparison import Comparison, compare_systems, correct_by_holm
from mtnlg.leaderboard.damage import damage_of
from mtnlg.leaderboard.evidence import installed_metric
from mtnlg.leaderboard.samples import values_of
from mtnlg.provenance.manifest import Run
from mtnlg.records.places import predictions_file, scores_folder
from mtnlg.records.rows import Prediction, read_predictions
from mtnlg.records.run_config import Difference, differences
from mtnlg.records.runs import ScoreRecord
from mtnlg.records.scores import FloatArray, MetricScore, load_statistics, read_scores

NUM_MOVED = 5
"""Examples shown each way."""


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One metric of both runs; the difference is B less A."""

    name: str
    first: MetricScore
    second: MetricScore
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    reason: str | None = None
    """Why it is not tested."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One example whose value changed."""

    id: str
    source: str
    references: tuple[str, ...]
    first: str
    second: str
    values: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TestSetChange:
    """One test set that both runs have scores of."""

    task: str
    test_set: str
    metrics: tuple[MetricChange, ...]
    main_metric: str | None
    better: tuple[Moved, ...] = ()
    """Examples that B does better than A, the most first."""
    worse: tuple[Moved, ...] = ()
    reason: str | None = None
    """Why no examples are shown."""


@dataclass(frozen=True, slots=True)
class RunDifference:
    """Everything that differs between A and B."""

    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    test_sets: tuple[TestSetChange, ...]
    missing: tuple[str, ...]
    """What cannot be compared, in words."""


def compare_runs(first: Run, second: Run, *, artifacts_root: Path) -> RunDifference:
    """How A and B differ; whatever one of them lacks is named as missing."""
    no_settings = [
        f"settings: {name} has none to compare: {run.config_reason}"
        for name, run in (("A", first), ("B", second))
        if run.config_reason
    ]
    of_first, of_second = (_scores(run) for run in (first, second))
    missing = [
        f"{task}, {test_set}: only {name} has scores of it"
        for name, scores, others in (("A", of_first, of_second), ("B", of_second, of_first))
        for task, test_set in scores
        if (task, test_set) not in others
    ]
    if not of_first and not of_second:
        missing.append("scores: neither run has any")
    return RunDifference(
        () if no_settings else tuple(differences([first.config, second.config])),
        tuple(differences([first.record.environment, second.record.environment])),
        tuple(
            _test_set(of_first[name], of_second[name], first, artifacts_root=artifacts_root)
            for name in of_first
            if name in of_second
        ),
        (*no_settings, *missing),
    )


def _scores(run: Run) -> dict[tuple[str, str], ScoreRecord]:
    return {
        (score.task, score.test_set): score
        for score in run.record.scores
        if score.kind == "trained"
    }


def _test_set(
    first: ScoreRecord, second: ScoreRecord, run: Run, *, artifacts_root: Path
) -> TestSetChange:
    main = next((task.main_metric for task in run.record.tasks if task.task == first.task), None)
    for score in (first, second):
        if fault := damage_of(score, None, artifacts_root=artifacts_root):
            raise DamagedError(f"{fault}; run the experiment again to build it")
    read = [read_scores(score.scores, artifacts_root=artifacts_root) for score in (first, second)]
    metrics = []
    for name, subsets in zip("AB", read, strict=True):
        if isinstance(subsets, str) or "all" not in subsets:
            why = subsets if isinstance(subsets, str) else "its scores have no subset 'all'"
            return TestSetChange(first.task, first.test_set, (), main, reason=f"{name}: {why}")
        metrics.append(subsets["all"].metrics)
    names = [name for name in metrics[0] if name in metrics[1]]
    texts = _texts(first, second, artifacts_root)
    changes = [
        _change(name, metrics[0][name], metrics[1][name], (first, second), texts, artifacts_root)
        for name in names
    ]
    change = TestSetChange(first.task, first.test_set, tuple(_corrected(changes)), main)
    if isinstance(texts, str):
        return replace(change, reason=texts)
    shown = main or next(iter(names), "")
    moved = _moved(shown, (first, second), texts, artifacts_root)
    if isinstance(moved, str):
        return replace(change, reason=moved)
    rises = sorted(moved, key=lambda pair: pair[0])
    return replace(
        change,
        better=tuple(row for gain, row in reversed(rises) if gain > 0)[:NUM_MOVED],
        worse=tuple(row for gain, row in rises if gain < 0)[:NUM_MOVED],
    )


def _texts(
    first: ScoreRecord, second: ScoreRecord, artifacts_root: Path
) -> list[tuple[Prediction, Prediction]] | str:
    """The outputs of both by example, or why they cannot be put side by side."""
    both = []
    for name, score in zip("AB", (first, second), strict=True):
        path = predictions_file(artifacts_root, str(score.predictions))
        try:
            both.append(read_predictions(path))
        except MtnlgError as error:
            return f"the outputs of {name} cannot be read: {error}"
    identities = [[(row.id, row.references) for row in rows] for rows in both]
    if identities[0] != identities[1]:
        return "their examples are not the same ones in the same order"
    return list(zip(*both, strict=True))


def _change(
    name: str,
    first: MetricScore,
    second: MetricScore,
    scores: tuple[ScoreRecord, ScoreRecord],
    texts: list[tuple[Prediction, Prediction]] | str,
    artifacts_root: Path,
) -> MetricChange:
    change = MetricChange(name, first, second, second.value - first.value)
    if first.signature != second.signature:
        reason: str | None = f"other signatures: {first.signature} and {second.signature}"
    elif first.num_examples != second.num_examples:
        reason = f"other examples: {first.num_examples} and {second.num_examples}"
    else:
        reason = texts if isinstance(texts, str) else None
    compared = reason or _compare(name, first, second, scores, artifacts_root)
    if isinstance(compared, str):
        return replace(change, reason=compared)
    # The better system comes first; what is asked for is B less A.
    is_turned = compared.better == 0
    low, high = (-compared.high, -compared.low) if is_turned else (compared.low, compared.high)
    return replace(change, low=low, high=high, p=compared.p)


def _compare(
    name: str,
    first: MetricScore,
    second: MetricScore,
    scores: tuple[ScoreRecord, ScoreRecord],
    artifacts_root: Path,
) -> Comparison | str:
    metric = installed_metric(name)
    if isinstance(metric, str):
        return metric
    if not metric.is_resampleable:
        return metric.interval_reason
    statistics = _statistics(name, scores, artifacts_root)
    if isinstance(statistics, str):
        return statistics
    if statistics[0].shape != statistics[1].shape:
        return f"their statistics have the shapes {statistics[0].shape} and {statistics[1].shape}"
    order = [0, 1] if first.value >= second.value else [1, 0]
    with np.errstate(all="ignore"):
        (comparison,) = compare_systems(
            [statistics[position] for position in order], metric.aggregate
        )
    return replace(comparison, better=order[0], worse=order[1])


def _statistics(
    name: str, scores: tuple[ScoreRecord, ScoreRecord], artifacts_root: Path
) -> list[FloatArray] | str:
    """A metric's statistics of both runs, or why they cannot be read."""
    arrays = []
    for label, score in zip("AB", scores, strict=True):
        folder = scores_folder(artifacts_root, str(score.scores))
        try:
            arrays.append(load_statistics(folder, name)[0][name])
        except MtnlgError as error:
            return f"{label}: {error}"
    return arrays


def _corrected(changes: Sequence[MetricChange]) -> Iterator[MetricChange]:
    """The changes with p-values corrected over the metrics of one test set."""
    tested = [change.p for change in changes if change.p is not None]
    corrected = iter(correct_by_holm(tested))
    for change in changes:
        yield change if change.p is None else replace(change, p_holm=next(corrected))


def _moved(
    main: str,
    scores: tuple[ScoreRecord, ScoreRecord],
    texts: list[tuple[Prediction, Prediction]],
    artifacts_root: Path,
) -> list[tuple[float, Moved]] | str:
    """Each example with how much better B does than A."""
    metric = installed_metric(main)
    if isinstance(metric, str):
        return metric
    statistics = _statistics(main, scores, artifacts_root)
    if isinstance(statistics, str):
        return statistics
    values = []
    for array in statistics:
        of_rows = values_of(main, array)
        if of_rows is None or len(of_rows) != len(texts):
            return f"{main} has no value for each example"
        values.append(of_rows)
    sign = -1 if metric.higher_is_better is False else 1
    return [
        (
            sign * (after - before),
            Moved(
                old.id, old.source, old.references, old.prediction, new.prediction, (before, after)
            ),
        )
        for (old, new), before, after in zip(texts, *values, strict=True)
    ]
