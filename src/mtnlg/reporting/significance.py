"""Which rows of a board are told apart by its main metric: paired tests on the statistics that
scoring kept.

Refuses to know: how it is said. A row that cannot be tested says why, and never fails the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.evaluation import (
    Metric,
    PairedTest,
    Resampling,
    compare_systems,
    find_metric,
    group_letters,
    load_statistics,
)
from mtnlg.evaluation.comparison import MAX_COMPARED, NUM_TRIALS
from mtnlg.evaluation.statistics import BoolArray, FloatArray
from mtnlg.reporting.leaderboard import Board, BoardRow, RowComparison

TEST = PairedTest.approximate_randomisation
DEFAULT_RESAMPLING = Resampling()
TEST_NAME = f"{TEST.value}, {NUM_TRIALS} trials, seed {DEFAULT_RESAMPLING.seed}"

SEEDS = "a mean of {} seeds: a test over the examples would not see how far these are apart"
VALUE_TOLERANCE = 1e-6
"""Furthest that a score may be from what its statistics give."""


@dataclass(frozen=True, slots=True)
class Groups:
    """All pairs of some systems, tested, and the letters that the tests give them."""

    comparisons: tuple[RowComparison, ...]
    letters: Mapping[str, str]


def compare_rows(board: Board, *, artifacts_root: Path) -> Board:
    """The board with its ranked rows compared by the main metric, as far as they can be: on the
    same examples, and with statistics that give the score shown.
    """
    if len(board.ranked) < 2 or board.main_metric is None:
        return board
    try:
        metric = find_metric(board.main_metric)
    except ConfigError:
        reason = f"{board.main_metric} is no metric that is installed here"
        return replace(board, not_tested={row.label: reason for row in board.ranked})
    reasons: dict[str, str] = {}
    found: dict[str, tuple[FloatArray, BoolArray]] = {}
    for row in board.ranked:
        statistics = _statistics_of(row, metric, board.subset, artifacts_root=artifacts_root)
        if isinstance(statistics, str):
            reasons[row.label] = statistics
        elif len(found) == MAX_COMPARED:
            reasons[row.label] = f"only the first {MAX_COMPARED} rows are"
        else:
            found[row.label] = statistics
    reasons |= _odd_ones(found)
    labels = [label for label in found if label not in reasons]
    return _with_groups(board, metric, labels, [found[label][0] for label in labels], reasons)


def _statistics_of(
    row: BoardRow, metric: Metric, subset: str, *, artifacts_root: Path
) -> tuple[FloatArray, BoolArray] | str:
    """Statistics of the subset's rows and the mask (N,) of these, or why there are none."""
    score = row.metrics[metric.name]
    if len(row.scores) != 1:
        return SEEDS.format(len(row.scores))
    if not metric.is_resampleable:
        return metric.reason_not
    folder = artifacts_root / "scores" / row.scores[0]
    try:
        arrays, masks = load_statistics(folder, metric.name)
        everything = np.ones(len(arrays[metric.name]), np.bool_)
        mask = everything if subset == "all" else masks[subset]
        statistics = arrays[metric.name][mask]
        with np.errstate(all="ignore"):
            value = float(metric.aggregate(statistics.sum(axis=0)))
    except ArtifactError as error:
        return f"its {str(error).replace(str(folder) + '/', '')}"
    except KeyError:
        return f"its statistics do not say which rows are {subset}"
    except (ValueError, IndexError, TypeError, ArithmeticError) as error:
        return f"its statistics.npz is broken ({error})"
    if statistics.ndim != 2 or len(statistics) != score.num_examples:
        return f"its statistics have {len(statistics)} rows and its score {score.num_examples}"
    if not abs(value - score.value) <= VALUE_TOLERANCE:
        return f"its statistics give {value:.6g} and not its score"
    return statistics, mask


def _odd_ones(found: dict[str, tuple[FloatArray, BoolArray]]) -> dict[str, str]:
    """Label -> reason for those whose rows are not those of most: models that were trained on other
    data have other clean rows.
    """
    rows = {label: (one.shape, mask.tobytes()) for label, (one, mask) in found.items()}
    usual = Counter(rows.values()).most_common(1)
    reason = "it is over other rows of the test set than most"
    return {label: reason for label, own in rows.items() if own != usual[0][0]}


def _with_groups(
    board: Board,
    metric: Metric,
    labels: Sequence[str],
    statistics: Sequence[FloatArray],
    reasons: dict[str, str],
) -> Board:
    if len(labels) < 2:
        alone = dict.fromkeys(labels, "no other row can be tested")
        return replace(board, not_tested=reasons | alone)
    grouped = group_labels(metric, labels, statistics)
    if isinstance(grouped, str):
        return replace(board, not_tested=reasons | dict.fromkeys(labels, grouped))
    rows = [
        replace(row, groups={metric.name: grouped.letters[row.label]})
        if row.label in grouped.letters
        else row
        for row in board.rows
    ]
    return replace(board, rows=tuple(rows), comparisons=grouped.comparisons, not_tested=reasons)


def group_labels(
    metric: Metric,
    labels: Sequence[str],
    statistics: Sequence[FloatArray],
    *,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Groups | str:
    """At least two systems, given best first with statistics of the same examples, tested against
    each other; or the reason why they cannot be.
    """
    compared = compare_systems(
        statistics, metric.aggregate, test=TEST, num_trials=num_trials, **vars(resampling)
    )
    if not all(np.isfinite([one.difference, one.low, one.high]).all() for one in compared):
        return f"{metric.name} of resampled examples is no finite number"
    comparisons = tuple(
        RowComparison(
            metric.name,
            labels[one.better],
            labels[one.worse],
            one.difference,
            one.low,
            one.high,
            one.p,
            one.p_holm,
            f"{TEST.value}, {num_trials} trials, seed {resampling.seed}",
        )
        for one in compared
    )
    letters = zip(labels, group_letters(len(labels), compared), strict=True)
    return Groups(comparisons, dict(letters))
