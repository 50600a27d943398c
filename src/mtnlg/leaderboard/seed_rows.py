"""Several seeds of one system as one row: means, their spread, and an interval over both the seeds
and the examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

import numpy as np

from mtnlg.config import EvaluationConfig
from mtnlg.leaderboard.evidence import Evidence, EvidenceOf
from mtnlg.leaderboard.labels import without_seed
from mtnlg.leaderboard.model import BoardRow, rounded
from mtnlg.leaderboard.ranking import measure_of
from mtnlg.records.runs import Cost
from mtnlg.records.scores import MetricScore

INTERVAL = "{} seeds by t on {}, and examples by the jackknife, {:g} %"
NO_INTERVAL = "mean of {} seeds: {}"


def merge_seeds(rows: Iterable[BoardRow], *, evidence: EvidenceOf) -> list[BoardRow]:
    """The rows, where trained systems that differ only in their seed are one row, in the position
    of the first.

    Two systems are the same where name, decoding, overrides without the seed, test set, metrics,
    signatures and n agree. Rows without numbers stay as they are, and so does a second row of the
    same seed.
    """
    groups: dict[tuple[object, ...], list[BoardRow]] = {}
    for index, row in enumerate(rows):
        key = _seedless(row, index)
        while any(member.seeds == row.seeds for member in groups.get(key, ())):
            key = (*key, "again")
        groups.setdefault(key, []).append(row)
    return [
        group[0] if len(group) == 1 else _with_intervals(_mean_row(group), evidence)
        for group in groups.values()
    ]


def _seedless(row: BoardRow, index: int) -> tuple[object, ...]:
    if row.kind != "trained" or not row.seeds or not row.metrics:
        return (index,)
    measures = tuple((name, *measure_of(metric)) for name, metric in row.metrics.items())
    return (row.system, row.decoding, without_seed(row.overrides), row.scored_rows, measures)


def _mean_row(group: Sequence[BoardRow]) -> BoardRow:
    """One row for the seeds of one system; costs are means too, except for the peak of memory."""
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
            (row.contamination for row in group), key=lambda counts: counts.flagged or 0
        ),
    )


def _mean_metric(name: str, group: Sequence[BoardRow]) -> MetricScore:
    """The mean over the seeds, without an interval."""
    values = {row.seeds[0]: row.metrics[name].value for row in group}
    return replace(
        group[0].metrics[name],
        value=math.fsum(values.values()) / len(values),
        low=None,
        high=None,
        interval=None,
        interval_reason=None,
        seed_values=values,
    )


def _with_intervals(row: BoardRow, evidence: EvidenceOf) -> BoardRow:
    metrics = {
        name: _with_interval(score, evidence(row, name)) for name, score in row.metrics.items()
    }
    return replace(row, metrics=metrics)


def _with_interval(score: MetricScore, evidence: Evidence | str) -> MetricScore:
    """The score with its two-level interval, or with the reason why it has none."""
    num_seeds = len(score.seed_values)
    if isinstance(evidence, str):
        return replace(score, interval_reason=NO_INTERVAL.format(num_seeds, evidence))
    low, high = map(rounded, evidence.value.interval())
    if not np.isfinite([low, high]).all():
        reason = f"{evidence.metric.name} without an example is no number"
        return replace(score, interval_reason=NO_INTERVAL.format(num_seeds, reason))
    degrees = "1 degree of freedom" if num_seeds == 2 else f"{num_seeds - 1} degrees of freedom"
    method = INTERVAL.format(num_seeds, degrees, 100 * EvaluationConfig.confidence)
    return replace(score, low=low, high=high, interval=method)


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
