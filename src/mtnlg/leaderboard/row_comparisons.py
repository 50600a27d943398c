"""Which rows of a board are significantly different: paired tests on the statistics of scoring.

A row that cannot be tested says why, and never fails the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation import Resampling
from mtnlg.evaluation.significance.bootstrap import DEFAULT_RESAMPLING
from mtnlg.evaluation.significance.comparison import (
    MAX_COMPARED,
    SIGNIFICANCE,
    TESTS,
    Comparison,
    PairedTest,
    compact_letter_display,
    correct_by_holm,
    trials_needed,
)
from mtnlg.evaluation.significance.seeds import (
    Component,
    compare_with_seeds,
    components_between,
    detectable_difference,
    equivalence_p,
)
from mtnlg.leaderboard.evidence import Evidence, EvidenceOf
from mtnlg.leaderboard.families import ALL_PAIRS, Family, declare_families
from mtnlg.leaderboard.model import Board, BoardRow, PairedTests, RowComparison
from mtnlg.leaderboard.ranking import badness

TEST = PairedTest.approximate_randomization
SEEDS_TEST_NAME = (
    "pairs with several seeds: two-level test, seeds by Welch's t and examples by the jackknife"
)
ALONE = "no other system can be tested"
ONLY_BASELINES = "trivial baselines are not tested among themselves"
LOWER_BASELINE = "of the trivial baselines, only the best is tested"


def compare_rows(
    board: Board,
    name: str,
    *,
    evidence: EvidenceOf,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
    margin: float | None = None,
    has_paired_bootstrap: bool = False,
) -> Board:
    """The board with its rows compared by one metric, where they are over the same examples and
    have statistics that give the score shown.

    With a margin, pairs are also tested for equivalence. Trials too few for the number of
    comparisons are raised to those that these need.
    """
    candidates = _candidates(board, name)
    tested, reasons = _testable(candidates, name, evidence)
    baselines = [row.label for row in candidates if row.kind == "baseline"]
    baseline = next((index for index, label in enumerate(tested) if label in baselines), None)
    families = declare_families(
        [len(row.seeds) for row in tested.values()],
        baseline=baseline,
        num_baselines=len(baselines),
    )
    if not families:
        reason = ONLY_BASELINES if set(tested) <= set(baselines) else ALONE
        return _with_tests(board, name, PairedTests((), reasons | dict.fromkeys(tested, reason)))
    num_trials = max(num_trials, *(trials_needed(len(family.pairs)) for family in families))
    results = _compared(name, tested, families, num_trials=num_trials, resampling=resampling)
    if isinstance(results, str):
        return _with_tests(board, name, PairedTests((), reasons | dict.fromkeys(tested, results)))
    rows: list[RowComparison] = []
    cld: dict[str, str] = {}
    test = f"{TEST.value}, {num_trials} trials, seed {resampling.seed}"
    for family in families:
        pairs = [results[pair] for pair in family.pairs]
        corrected = family.correct(pairs)
        pairs = [replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True)]
        rows += _row_comparisons(family, pairs, name, tested, test=test, margin=margin)
        if family.name == ALL_PAIRS:
            cld = _letters(list(tested), pairs)
    comparisons = _with_bootstrap(tuple(rows), tested) if has_paired_bootstrap else tuple(rows)
    return _with_tests(board, name, PairedTests(comparisons, reasons), cld)


def _letters(labels: Sequence[str], comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Label -> letters of the rows in these comparisons."""
    rows = sorted({row for pair in comparisons for row in (pair.better, pair.worse)})
    display = compact_letter_display(
        len(rows),
        [
            replace(pair, better=rows.index(pair.better), worse=rows.index(pair.worse))
            for pair in comparisons
        ],
    )
    return {labels[row]: letters for row, letters in zip(rows, display, strict=True)}


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
    """Label -> evidence, best first, and label -> why a row is not tested: of the baselines, only
    the first that can be.
    """
    if len(rows) < 2:
        return {}, {row.label: ALONE for row in rows}
    tested: dict[str, Evidence] = {}
    reasons: dict[str, str] = {}
    num_systems = 0
    for row in rows:
        row_evidence = evidence(row, name)
        if isinstance(row_evidence, str):
            reasons[row.label] = row_evidence
        elif row_evidence.metric.higher_is_better is None:
            reasons[row.label] = "neither direction of it is better"
        elif row.kind != "baseline" and num_systems == MAX_COMPARED:
            reasons[row.label] = f"only the first {MAX_COMPARED} systems are"
        else:
            tested[row.label] = row_evidence
            num_systems += row.kind != "baseline"
    reasons |= _over_different_rows(tested)
    baselines = [row.label for row in rows if row.kind == "baseline" and row.label in tested]
    _, *lower = [label for label in baselines if label not in reasons] or [""]
    reasons |= dict.fromkeys(lower, LOWER_BASELINE)
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


def _compared(
    name: str,
    tested: Mapping[str, Evidence],
    families: Sequence[Family],
    *,
    num_trials: int,
    resampling: Resampling,
) -> dict[tuple[int, int], Comparison] | str:
    """The pairs of all families, not yet corrected, or the reason why they cannot be tested."""
    rows = list(tested.values())
    with np.errstate(all="ignore"):
        comparisons = compare_with_seeds(
            [row.seeds for row in rows],
            rows[0].metric.aggregate,
            pairs=[pair for family in families for pair in family.pairs],
            values=[row.value for row in rows],
            test=TEST,
            num_trials=num_trials,
            resampling=resampling,
        )
    numbers = [(pair.difference, pair.low, pair.high) for pair in comparisons]
    if not np.isfinite(numbers).all():
        return f"{name} of resampled examples is no finite number"
    return {(pair.better, pair.worse): pair for pair in comparisons}


def _row_comparisons(
    family: Family,
    pairs: Sequence[Comparison],
    name: str,
    tested: Mapping[str, Evidence],
    *,
    test: str,
    margin: float | None,
) -> list[RowComparison]:
    """The pairs of a family with what they could have shown and, with a margin, whether their rows
    are equivalent.
    """
    labels, rows = list(tested), list(tested.values())
    components = [_components(rows[pair.better], rows[pair.worse]) for pair in pairs]
    equivalence: Sequence[float | None] = [None] * len(pairs)
    if margin is not None and all(components):
        equivalence = correct_by_holm(
            [
                equivalence_p(pair.difference, parts, margin=margin)
                for pair, parts in zip(pairs, components, strict=True)
            ]
        )
    level = SIGNIFICANCE / len(pairs)
    return [
        RowComparison(
            name,
            labels[pair.better],
            labels[pair.worse],
            pair.difference,
            pair.low,
            pair.high,
            pair.p,
            pair.p_holm,
            test
            if len(rows[pair.better].seeds) == len(rows[pair.worse].seeds) == 1
            else SEEDS_TEST_NAME,
            detectable_difference(parts, level=level) if parts else None,
            family=family.name,
            margin=margin,
            p_equivalent=p_equivalent,
        )
        for pair, parts, p_equivalent in zip(pairs, components, equivalence, strict=True)
    ]


def _components(better: Evidence, worse: Evidence) -> list[Component]:
    """The components of the difference of two rows; none where their spread is unknown."""
    if len(better.value.influences) == 1:
        return []
    components = components_between(better.value, worse.value)
    is_known = np.isfinite([component.variance for component in components]).all()
    return components if is_known else []


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


def _with_tests(
    board: Board, name: str, tests: PairedTests, cld: Mapping[str, str] | None = None
) -> Board:
    rows = tuple(
        replace(row, cld={**row.cld, name: cld[row.label]}) if cld and row.label in cld else row
        for row in board.rows
    )
    return replace(board, rows=rows, tests={**board.tests, name: tests})
