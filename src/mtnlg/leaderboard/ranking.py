"""Which rows of a board can be compared, which is better, what changes on clean rows, and which
systems are worth their cost.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from mtnlg.errors import ConfigError
from mtnlg.evaluation import METRICS, Metric, find_metric
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.records.runs import KINDS, STATUSES
from mtnlg.records.scores import MetricScore

NOT_COMPARABLE = "not comparable"
"""The start of the reason of a row with numbers and without a rank."""
NO_SIGNAL = "no row has a signal, so the ranking is that of the clean rows"


def find_main_metric(name: str, *, key: str) -> Metric:
    """The metric of that name; raises ConfigError where there is none, or where no value of it is
    better than another.
    """
    metric = find_metric(name, key=key)
    if metric.higher_is_better is None:
        known = [known for known, metric in METRICS.items() if metric.higher_is_better is not None]
        raise ConfigError(
            f"{key} has {name!r}, of which neither more nor less is better; metrics that can rank "
            f"systems: {', '.join(known)}"
        )
    return metric


def rank_rows(rows: Iterable[BoardRow], *, metric_names: Sequence[str]) -> list[BoardRow]:
    """The rows in a board's order: ranked by the main metric and then the others, best first; then
    those without rank.

    A row that is measured unlike most (another signature, another n, other rows of the test set)
    keeps its numbers, has no rank and says so. So does a row without the main metric.
    """
    rows = sorted(rows, key=lambda row: KINDS.index(row.kind))
    usual = _usual_measures(rows, metric_names)
    digests = Counter(row.scored_rows for row in rows if row.metrics and row.scored_rows)
    usual_rows = next((digest for digest, _ in digests.most_common(1)), None)
    ranked: list[BoardRow] = []
    unranked: list[BoardRow] = []
    for row in rows:
        differences = "; ".join([*_differences(row, usual), *_other_rows(row, usual_rows)])
        if differences:
            reason = f"{NOT_COMPARABLE}: {differences}" + (f"; {row.reason}" if row.reason else "")
            unranked.append(replace(row, reason=reason))
        elif row.metrics and metric_names[0] in row.metrics:
            ranked.append(row)
        else:
            unranked.append(row)
    ranked.sort(key=lambda row: _badness_of(row, metric_names))
    unranked.sort(key=lambda row: (not row.metrics, STATUSES.index(row.status)))
    return (with_ranks(ranked, metric_names[0]) if ranked else []) + unranked


def measure_of(metric: MetricScore) -> tuple[str, int]:
    """What two numbers must share to be compared."""
    return metric.signature, metric.num_examples


def _usual_measures(
    rows: Sequence[BoardRow], metric_names: Sequence[str]
) -> dict[str, tuple[str, int]]:
    """Metric -> the signature and n of most rows; of equally many, those of the first row."""
    usual: dict[str, tuple[str, int]] = {}
    for name in metric_names:
        counts = Counter(measure_of(row.metrics[name]) for row in rows if name in row.metrics)
        if counts:
            usual[name] = counts.most_common(1)[0][0]
    return usual


def _differences(row: BoardRow, usual: Mapping[str, tuple[str, int]]) -> list[str]:
    differences: list[str] = []
    for name, metric in row.metrics.items():
        signature, num_examples = usual[name]
        if metric.signature != signature:
            differences.append(
                f"{name} has signature {metric.signature}, most rows have {signature}"
            )
        if metric.num_examples != num_examples:
            differences.append(
                f"{name} is over {metric.num_examples} examples, most rows over {num_examples}"
            )
    return differences


def _other_rows(row: BoardRow, usual_rows: str | None) -> list[str]:
    """The reason where a row was scored on other data."""
    if not row.metrics or row.scored_rows in (None, usual_rows):
        return []
    return ["its test set has other ids, sources or references than that of most rows"]


def _badness_of(row: BoardRow, metric_names: Sequence[str]) -> list[float]:
    """A sort key: smaller is better, and a metric that the row lacks is worst."""
    return [
        badness(row.metrics[name]) if name in row.metrics else math.inf for name in metric_names
    ]


def badness(metric: MetricScore) -> float:
    """The value, or its negative, so that smaller is better; 0 where no direction is."""
    if metric.higher_is_better is None:
        return 0.0
    return -metric.value if metric.higher_is_better else metric.value


def with_ranks(rows: Sequence[BoardRow], main_metric: str) -> list[BoardRow]:
    """The rows, all of which have the main metric, with their ranks."""
    scores = [badness(row.metrics[main_metric]) for row in rows]
    return [
        replace(row, rank=1 + sum(better < score for better in scores))
        for row, score in zip(rows, scores, strict=True)
    ]


def with_clean_rankings(boards: Sequence[Board]) -> list[Board]:
    """The boards of one test set, where those of all rows and of the clean ones say whether their
    rankings differ.
    """
    by_subset = {board.subset: board for board in boards}
    note = _clean_ranking(by_subset["all"], by_subset.get("clean"))
    return [
        replace(board, clean_ranking=note) if board.subset in ("all", "clean") else board
        for board in boards
    ]


def _clean_ranking(everything: Board, clean: Board | None) -> str | None:
    """In words, whether the ranking changes on the clean rows; None where that is unknown. Systems
    are the same where their score files are.
    """
    if clean is None:
        flagged = [row.contamination.flagged for row in everything.ranked]
        known = [count for count in flagged if count is not None]
        is_clean = bool(known) and not any(known)
        return NO_SIGNAL if is_clean else None
    ranks = {row.scores: row.rank or 0 for row in clean.ranked}
    both = [row for row in everything.ranked if row.scores in ranks]
    gone = [row.label for row in everything.ranked if row.scores not in ranks]
    if len(both) < 2:
        return None
    turned = [
        f"{worse.label} is before {better.label}"
        for better, worse in combinations(both, 2)
        if better.rank != worse.rank and ranks[worse.scores] < ranks[better.scores]
    ]
    verdict = (
        f"on the clean rows the ranking changes: {', '.join(turned)}"
        if turned
        else f"on the clean rows the ranking of the {len(both)} systems that have one is the same"
    )
    return f"{verdict}; without a rank there: {', '.join(gone)}" if gone else verdict


@dataclass(frozen=True, slots=True)
class Mark:
    """One system by its cost and its quality, with the interval of the latter."""

    name: str
    details: str
    right: float
    """The cost."""
    up: float
    """The quality."""
    low: float | None
    high: float | None


def pareto_front(
    marks: Sequence[Mark], *, is_less_cost: bool = True, is_more_quality: bool = True
) -> list[Mark]:
    """The marks that no other equals or beats in both and beats in one, cheapest first."""

    def losses(mark: Mark) -> tuple[float, float]:
        cost = mark.right if is_less_cost else -mark.right
        return cost, -mark.up if is_more_quality else mark.up

    def beats(rival: Mark, mark: Mark) -> bool:
        pairs = list(zip(losses(rival), losses(mark), strict=True))
        return all(left <= right for left, right in pairs) and losses(rival) != losses(mark)

    front = [mark for mark in marks if not any(beats(rival, mark) for rival in marks)]
    return sorted(front, key=losses)
