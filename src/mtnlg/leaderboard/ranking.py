"""Which rows of a board can be compared, and which is better.

Refuses to know: files. Rows come in unranked and go out in the order in which a board shows them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from mtnlg.errors import ConfigError
from mtnlg.evaluation import METRICS, Metric, find_metric
from mtnlg.leaderboard.model import BoardRow
from mtnlg.records.runs import KINDS, STATUSES
from mtnlg.records.scores import MetricScore


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

    A row measured otherwise than most (another signature, another n, other rows of the test set)
    keeps its numbers, has no rank and says so.
    """
    rows = sorted(rows, key=lambda row: KINDS.index(row.kind))
    usual = _usual_measures(rows, metric_names)
    digests = Counter(row.scored_rows for row in rows if row.metrics and row.scored_rows)
    usual_rows = next((digest for digest, _ in digests.most_common(1)), None)
    compared: list[BoardRow] = []
    others: list[BoardRow] = []
    for row in rows:
        differences = "; ".join([*_differences(row, usual), *_other_rows(row, usual_rows)])
        if row.metrics and not differences:
            compared.append(row)
        elif differences:
            reason = f"not comparable: {differences}" + (f"; {row.reason}" if row.reason else "")
            others.append(replace(row, reason=reason))
        else:
            others.append(row)
    order = _order(metric_names)
    compared.sort(key=order)
    others.sort(key=lambda row: (not row.metrics, STATUSES.index(row.status)))
    return _with_ranks(compared, metric_names) + others


def measure_of(metric: MetricScore) -> tuple[str, int]:
    """What two numbers must share to be compared."""
    return metric.signature, metric.num_examples


def _usual_measures(
    rows: Sequence[BoardRow], metric_names: Sequence[str]
) -> dict[str, tuple[str, int]]:
    """Metric -> the signature and n of most rows; among equals, of the first, which is a trained
    one.
    """
    usual: dict[str, tuple[str, int]] = {}
    for name in metric_names:
        counts = Counter(measure_of(row.metrics[name]) for row in rows if name in row.metrics)
        if counts:
            usual[name] = counts.most_common(1)[0][0]
    return usual


def _differences(row: BoardRow, usual: Mapping[str, tuple[str, int]]) -> list[str]:
    found: list[str] = []
    for name, metric in row.metrics.items():
        signature, num_examples = usual[name]
        if metric.signature != signature:
            found.append(f"{name} has signature {metric.signature}, most rows have {signature}")
        if metric.num_examples != num_examples:
            found.append(
                f"{name} is over {metric.num_examples} examples, most rows over {num_examples}"
            )
    return found


def _other_rows(row: BoardRow, usual_rows: str | None) -> list[str]:
    """That the row was scored on other data, where that is known."""
    if not row.metrics or row.scored_rows in (None, usual_rows):
        return []
    return ["its test set has other ids, sources or references than that of most rows"]


def _order(metric_names: Sequence[str]) -> Callable[[BoardRow], tuple[float, ...]]:
    """A sort key: smaller is better, and a metric that a row does not have is worst."""

    def key(row: BoardRow) -> tuple[float, ...]:
        return tuple(
            math.inf if (metric := row.metrics.get(name)) is None else badness(metric)
            for name in metric_names
        )

    return key


def badness(metric: MetricScore) -> float:
    """The value with its sign turned so that smaller is better; 0 where no direction is."""
    if metric.higher_is_better is None:
        return 0.0
    return -metric.value if metric.higher_is_better else metric.value


def _with_ranks(rows: Sequence[BoardRow], metric_names: Sequence[str]) -> list[BoardRow]:
    scores = [badness(row.metrics[metric_names[0]]) for row in rows]
    return [
        replace(row, rank=1 + sum(other < score for other in scores))
        for row, score in zip(rows, scores, strict=True)
    ]
