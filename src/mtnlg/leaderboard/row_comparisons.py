"""Which rows of a board are significantly different: paired tests on the statistics of scoring.

A row that cannot be tested says why, and never fails the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation import Resampling
from mtnlg.evaluation.significance.bootstrap import DEFAULT_RESAMPLING, FloatArray
from mtnlg.evaluation.significance.comparison import (
    MAX_COMPARED,
    TESTS,
    Comparison,
    PairedTest,
    compact_letter_display,
    detectable_difference,
)
from mtnlg.evaluation.significance.seeds import compare_with_seeds, standard_error
from mtnlg.leaderboard.evidence import Evidence, EvidenceOf
from mtnlg.leaderboard.model import Board, BoardRow, PairedTests, RowComparison
from mtnlg.leaderboard.ranking import badness

TEST = PairedTest.approximate_randomization
SEEDS_TEST_NAME = (
    "pairs with several seeds: two-level test, seeds by Welch's t and examples by the jackknife"
)
ALONE = "no other system can be tested"


def compare_rows(
    board: Board,
    name: str,
    *,
    evidence: EvidenceOf,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
    has_paired_bootstrap: bool = False,
) -> Board:
    """The board with its rows compared by one metric, where they are over the same examples and
    have statistics that give the score shown.
    """
    tested, reasons = _testable(_candidates(board, name), name, evidence)
    comparisons = _comparisons(name, tested, num_trials=num_trials, resampling=resampling)
    if isinstance(comparisons, str):
        reasons |= dict.fromkeys(tested, comparisons)
        return _with_tests(board, name, PairedTests((), reasons), {})
    labels = list(tested)
    cld = dict(zip(labels, compact_letter_display(len(labels), comparisons), strict=True))
    rows = tuple(
        _row_comparison(comparison, name, tested, num_trials=num_trials, seed=resampling.seed)
        for comparison in comparisons
    )
    if has_paired_bootstrap:
        rows = _with_bootstrap(rows, tested)
    return _with_tests(board, name, PairedTests(rows, reasons), cld)


def _candidates(board: Board, name: str) -> list[BoardRow]:
    """The rows with a number that can be compared, best first by the metric: those with a rank, and
    those that lack one only because they lack the main metric.
    """
    rows = [
        row
        for row in board.rows
        if name in row.metrics and (row.is_comparable or board.main_metric not in row.metrics)
    ]
    return sorted(rows, key=lambda row: badness(row.metrics[name]))


def _testable(
    rows: list[BoardRow], name: str, evidence: EvidenceOf
) -> tuple[dict[str, Evidence], dict[str, str]]:
    """Label -> evidence, best first, and label -> why a row cannot be tested."""
    if len(rows) < 2:
        return {}, {row.label: ALONE for row in rows}
    tested: dict[str, Evidence] = {}
    reasons: dict[str, str] = {}
    for row in rows:
        row_evidence = evidence(row, name)
        if isinstance(row_evidence, str):
            reasons[row.label] = row_evidence
        elif row_evidence.metric.higher_is_better is None:
            reasons[row.label] = "neither direction of it is better"
        elif len(tested) == MAX_COMPARED:
            reasons[row.label] = f"only the first {MAX_COMPARED} systems are"
        else:
            tested[row.label] = row_evidence
    reasons |= _over_different_rows(tested)
    return {label: tested[label] for label in tested if label not in reasons}, reasons


def _over_different_rows(tested: Mapping[str, Evidence]) -> dict[str, str]:
    """Label -> reason for those over other rows of the test set than most: models that were trained
    on different data have different clean rows.
    """
    rows = {
        label: (evidence.seeds[0].shape, evidence.mask.tobytes())
        for label, evidence in tested.items()
    }
    usual = Counter(rows.values()).most_common(1)
    reason = "it is over other rows of the test set than most"
    return {label: reason for label, identity in rows.items() if identity != usual[0][0]}


def _comparisons(
    name: str, tested: Mapping[str, Evidence], *, num_trials: int, resampling: Resampling
) -> list[Comparison] | str:
    """All pairs, or the reason why they cannot be tested."""
    rows = list(tested.values())
    if len(rows) < 2:
        return ALONE
    with np.errstate(all="ignore"):
        comparisons = compare_with_seeds(
            [row.seeds for row in rows],
            rows[0].metric.aggregate,
            values=[row.value for row in rows],
            test=TEST,
            num_trials=num_trials,
            resampling=resampling,
        )
    numbers = [(pair.difference, pair.low, pair.high) for pair in comparisons]
    if not np.isfinite(numbers).all():
        return f"{name} of resampled examples is no finite number"
    return comparisons


def _row_comparison(
    pair: Comparison, name: str, tested: Mapping[str, Evidence], *, num_trials: int, seed: int
) -> RowComparison:
    labels, rows = list(tested), list(tested.values())
    better, worse = rows[pair.better], rows[pair.worse]
    is_of_one_seed = len(better.seeds) == len(worse.seeds) == 1
    return RowComparison(
        name,
        labels[pair.better],
        labels[pair.worse],
        pair.difference,
        pair.low,
        pair.high,
        pair.p,
        pair.p_holm,
        f"{TEST.value}, {num_trials} trials, seed {seed}" if is_of_one_seed else SEEDS_TEST_NAME,
        _detectable(better.value.influences - worse.value.influences),
    )


def _with_bootstrap(
    comparisons: tuple[RowComparison, ...], tested: Mapping[str, Evidence]
) -> tuple[RowComparison, ...]:
    """The comparisons, with p-values of the paired bootstrap too where both rows have one seed."""
    single = {label: row for label, row in tested.items() if len(row.seeds) == 1}
    labels = list(single)
    pairs = list(combinations(range(len(labels)), 2))
    if not pairs:
        return comparisons
    p_values = TESTS[PairedTest.paired_bootstrap](
        [row.seeds[0] for row in single.values()],
        single[labels[0]].metric.aggregate,
        pairs,
        num_trials=NUM_TRIALS,
        seed=DEFAULT_RESAMPLING.seed,
    )
    by_labels = {
        (labels[left], labels[right]): p for (left, right), p in zip(pairs, p_values, strict=True)
    }
    return tuple(
        replace(pair, p_bootstrap=by_labels.get((pair.better, pair.worse))) for pair in comparisons
    )


def _detectable(influences: FloatArray) -> float | None:
    if len(influences) == 1 or not np.isfinite(influences).all():
        return None
    return detectable_difference(standard_error(influences))


def _with_tests(board: Board, name: str, tests: PairedTests, cld: Mapping[str, str]) -> Board:
    rows = tuple(
        replace(row, cld={**row.cld, name: cld[row.label]}) if row.label in cld else row
        for row in board.rows
    )
    return replace(board, rows=rows, tests={**board.tests, name: tests})
