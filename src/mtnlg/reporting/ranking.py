"""Which rows of a board are one system, which can be compared, and which is better.

Refuses to know: files. Rows come in unranked and go out in the order in which a board shows them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace

from mtnlg.reporting.labels import without_seed
from mtnlg.reporting.leaderboard import BoardRow
from mtnlg.reporting.manifests import KINDS, STATUSES, Cost
from mtnlg.reporting.scores import MetricScore

SEEDS_REASON = "mean of {} seeds: seed-aware intervals need evaluation of the seed spread"


def merge_seeds(rows: Iterable[BoardRow]) -> list[BoardRow]:
    """Rows of trained systems that differ only in their seed as one row each, at the place of the
    first.

    A system counts as the same where name, decoding, overrides without the seed, metrics,
    signatures and n agree. Rows without numbers stay as they are, and so does a second row of the
    same seed.
    """
    groups: dict[tuple[object, ...], list[BoardRow]] = {}
    for place, row in enumerate(rows):
        key = _seedless(row, place)
        while any(held.seeds == row.seeds for held in groups.get(key, ())):
            key = (*key, "again")
        groups.setdefault(key, []).append(row)
    return [_mean_row(group) for group in groups.values()]


def _seedless(row: BoardRow, place: int) -> tuple[object, ...]:
    if row.kind != "trained" or not row.seeds or not row.metrics:
        return (place,)
    measures = tuple((name, *_measure(metric)) for name, metric in row.metrics.items())
    return (row.system, row.decoding, without_seed(row.overrides), measures)


def _measure(metric: MetricScore) -> tuple[str, int]:
    """What two numbers must share to be compared."""
    return metric.signature, metric.num_examples


def _mean_row(group: Sequence[BoardRow]) -> BoardRow:
    """One row for the seeds of one system; costs are means too, but of memory the largest."""
    if len(group) == 1:
        return group[0]
    group = sorted(group, key=lambda row: row.seeds)
    first = group[0]
    reasons = dict.fromkeys(row.reason for row in group if row.reason)
    return replace(
        first,
        reason="; ".join(reasons) or None,
        runs=tuple(run for row in group for run in row.runs),
        seeds=tuple(seed for row in group for seed in row.seeds),
        predictions=tuple(key for row in group for key in row.predictions),
        scores=tuple(key for row in group for key in row.scores),
        metrics={name: _mean_metric(name, group) for name in first.metrics},
        cost=_mean_cost([row.cost for row in group]),
        contamination=max(
            (row.contamination for row in group), key=lambda found: found.flagged or 0
        ),
    )


def _mean_metric(name: str, group: Sequence[BoardRow]) -> MetricScore:
    values = {row.seeds[0]: row.metrics[name].value for row in group}
    return replace(
        group[0].metrics[name],
        value=math.fsum(values.values()) / len(values),
        low=None,
        high=None,
        interval=None,
        interval_reason=SEEDS_REASON.format(len(values)),
        seed_values=values,
    )


def _mean_cost(costs: Sequence[Cost]) -> Cost:
    means: dict[str, float | None] = {}
    for cost_field in fields(Cost):
        values: list[float] = [
            value for cost in costs if (value := getattr(cost, cost_field.name)) is not None
        ]
        if len(values) < len(costs):
            means[cost_field.name] = None
        elif len(set(values)) == 1 or cost_field.name == "peak_memory_bytes":
            means[cost_field.name] = max(values)
        else:
            means[cost_field.name] = math.fsum(values) / len(values)
    return Cost(**means)


def rank_rows(rows: Iterable[BoardRow], *, metric_names: Sequence[str]) -> list[BoardRow]:
    """The rows in a board's order: ranked by the main metric and then the others, best first; then
    those without rank.

    A row measured otherwise than most (another signature, another n) keeps its numbers, has no rank
    and says so.
    """
    rows = sorted(rows, key=lambda row: KINDS.index(row.kind))
    usual = _usual_measures(rows, metric_names)
    compared: list[BoardRow] = []
    others: list[BoardRow] = []
    for row in rows:
        differences = _differences(row, usual)
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


def _usual_measures(
    rows: Sequence[BoardRow], metric_names: Sequence[str]
) -> dict[str, tuple[str, int]]:
    """Metric -> the signature and n of most rows; among equals, of the first, which is a trained
    one.
    """
    usual: dict[str, tuple[str, int]] = {}
    for name in metric_names:
        counts = Counter(_measure(row.metrics[name]) for row in rows if name in row.metrics)
        if counts:
            usual[name] = counts.most_common(1)[0][0]
    return usual


def _differences(row: BoardRow, usual: Mapping[str, tuple[str, int]]) -> str:
    found: list[str] = []
    for name, metric in row.metrics.items():
        signature, num_examples = usual[name]
        if metric.signature != signature:
            found.append(f"{name} has signature {metric.signature}, most rows have {signature}")
        if metric.num_examples != num_examples:
            found.append(
                f"{name} is over {metric.num_examples} examples, most rows over {num_examples}"
            )
    return "; ".join(found)


def _order(metric_names: Sequence[str]) -> Callable[[BoardRow], tuple[float, ...]]:
    """A sort key: smaller is better, and a metric that a row does not have is worst."""

    def key(row: BoardRow) -> tuple[float, ...]:
        return tuple(
            math.inf if (metric := row.metrics.get(name)) is None else badness(metric)
            for name in metric_names
        )

    return key


def badness(metric: MetricScore) -> float:
    """The value with its sign turned so that smaller is better."""
    return -metric.value if metric.higher_is_better else metric.value


def _with_ranks(rows: Sequence[BoardRow], metric_names: Sequence[str]) -> list[BoardRow]:
    scores = [badness(row.metrics[metric_names[0]]) for row in rows]
    return [
        replace(row, rank=1 + sum(other < score for other in scores))
        for row, score in zip(rows, scores, strict=True)
    ]
