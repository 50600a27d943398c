"""Which rows of a board are told apart by its main metric: paired tests on the statistics that
scoring kept.

Refuses to know: how it is said. A row that cannot be tested says why, and never fails the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation import (
    DEFAULT_RESAMPLING,
    Metric,
    PairedTest,
    Resampling,
    SeededValue,
    compact_letter_display,
    compare_with_seeds,
    detectable_difference,
    seeded_value,
)
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.significance.comparison import MAX_COMPARED, TESTS
from mtnlg.evaluation.significance.seeds import standard_error
from mtnlg.leaderboard.evidence import BoardEvidence, Evidence, installed_metric
from mtnlg.leaderboard.model import Board, RowComparison

TEST = PairedTest.approximate_randomization
TEST_NAME = f"{TEST.value}, {NUM_TRIALS} trials, seed {DEFAULT_RESAMPLING.seed}"

SEEDS_TEST_NAME = (
    "pairs with several seeds: two-level test, seeds by Welch's t and examples by the jackknife"
)


@dataclass(frozen=True, slots=True)
class Groups:
    """All pairs of some systems, tested, and the letters that the tests give them."""

    comparisons: tuple[RowComparison, ...]
    letters: Mapping[str, str]


def compare_rows(
    board: Board, *, evidence: BoardEvidence, has_paired_bootstrap: bool = False
) -> Board:
    """The board with its ranked rows compared by the main metric, as far as they can be: on the
    same examples, and with statistics that give the score shown.
    """
    if len(board.ranked) < 2 or board.main_metric is None:
        return board
    metric = installed_metric(board.main_metric)
    if isinstance(metric, str):
        return replace(board, not_tested={row.label: metric for row in board.ranked})
    reasons: dict[str, str] = {}
    found: dict[str, Evidence] = {}
    for row in board.ranked:
        own = evidence.of(row, metric)
        if isinstance(own, str):
            reasons[row.label] = own
        elif len(found) == MAX_COMPARED:
            reasons[row.label] = f"only the first {MAX_COMPARED} rows are"
        else:
            found[row.label] = own
    reasons |= _odd_ones(found)
    labels = [label for label in found if label not in reasons]
    compared = _with_groups(board, metric, {label: found[label] for label in labels}, reasons)
    if not has_paired_bootstrap or not compared.comparisons:
        return compared
    return _with_bootstrap(
        compared,
        metric,
        {label: found[label].seeds[0] for label in labels if len(found[label].seeds) == 1},
    )


def _odd_ones(found: dict[str, Evidence]) -> dict[str, str]:
    """Label -> reason for those whose rows are not those of most: models that were trained on other
    data have other clean rows.
    """
    rows = {label: (one.seeds[0].shape, one.mask.tobytes()) for label, one in found.items()}
    usual = Counter(rows.values()).most_common(1)
    reason = "it is over other rows of the test set than most"
    return {label: reason for label, own in rows.items() if own != usual[0][0]}


def _with_groups(
    board: Board,
    metric: Metric,
    found: Mapping[str, Evidence],
    reasons: dict[str, str],
) -> Board:
    if len(found) < 2:
        alone = dict.fromkeys(found, "no other row can be tested")
        return replace(board, not_tested=reasons | alone)
    grouped = group_labels(
        metric,
        list(found),
        [one.seeds for one in found.values()],
        values=[one.value for one in found.values()],
    )
    if isinstance(grouped, str):
        return replace(board, not_tested=reasons | dict.fromkeys(found, grouped))
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
    statistics: Sequence[Sequence[FloatArray]],
    *,
    values: Sequence[SeededValue] | None = None,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Groups | str:
    """At least two systems, given best first with statistics of the same examples for each of their
    seeds, tested against each other; or the reason why they cannot be. Where their values are at
    hand, they are not computed again.
    """
    with np.errstate(all="ignore"):
        values = values or [seeded_value(seeds, metric.aggregate) for seeds in statistics]
        compared = compare_with_seeds(
            statistics,
            metric.aggregate,
            values=values,
            test=TEST,
            num_trials=num_trials,
            resampling=resampling,
        )
    if not all(np.isfinite([one.difference, one.low, one.high]).all() for one in compared):
        return f"{metric.name} of resampled examples is no finite number"
    single_test = f"{TEST.value}, {num_trials} trials, seed {resampling.seed}"
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
            single_test
            if len(statistics[one.better]) == len(statistics[one.worse]) == 1
            else SEEDS_TEST_NAME,
            _detectable(values[one.better].influences - values[one.worse].influences),
        )
        for one in compared
    )
    letters = zip(labels, compact_letter_display(len(labels), compared), strict=True)
    return Groups(comparisons, dict(letters))


def _with_bootstrap(board: Board, metric: Metric, single: dict[str, FloatArray]) -> Board:
    """The board with the p-values of another test beside its own, for rows of one seed."""
    labels = list(single)
    pairs = list(combinations(range(len(labels)), 2))
    p_values = TESTS[PairedTest.paired_bootstrap](
        list(single.values()),
        metric.aggregate,
        pairs,
        num_trials=NUM_TRIALS,
        seed=DEFAULT_RESAMPLING.seed,
    )
    found = {
        (labels[one], labels[other]): p for (one, other), p in zip(pairs, p_values, strict=True)
    }
    comparisons = tuple(
        replace(one, p_bootstrap=found.get((one.better, one.worse))) for one in board.comparisons
    )
    return replace(board, comparisons=comparisons)


def _detectable(influences: FloatArray) -> float | None:
    if len(influences) == 1 or not np.isfinite(influences).all():
        return None
    return detectable_difference(standard_error(influences))
