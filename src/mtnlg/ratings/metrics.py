"""How far the metrics of a board agree with the raters: Kendall's tau-b over systems, and over
pairs of outputs of one source.

Pairs are of one source alone, since which sources are hard is no question of systems (the grouping
by item of Deutsch et al. 2023, "Ties Matter", with all pairs in one ratio).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtnlg.evaluation.significance.agreement import pair_counts, tau_b
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.samples import exact_values, read_outputs
from mtnlg.ratings.analysis import ratio
from mtnlg.ratings.key import Key
from mtnlg.records.ratings import RatedMetric, RatedSystem, Value

MIN_SYSTEMS = 3
"""Two systems are one pair, whose tau is 1 or -1 by chance alone."""

RowValues = Mapping[str, Mapping[str, float]]
"""System -> row of the test set -> a number, higher being better."""


def rate_metrics(
    key: Key,
    board: Board,
    rated: Sequence[RatedSystem],
    scores: RowValues,
    *,
    artifacts_root: Path,
) -> list[RatedMetric]:
    """Every metric of the board against the ratings."""
    rows = rows_of(key, board)
    values = {
        label: _values(row, key.rows, artifacts_root=artifacts_root) for label, row in rows.items()
    }
    means = {one.label: one.mean.value for one in rated if one.mean.value is not None}
    return [
        RatedMetric(
            name,
            _over_systems({label: _score(row, name) for label, row in rows.items()}, means),
            _over_outputs(
                key,
                {label: own[name] for label, own in values.items() if name in own},
                scores,
            ),
        )
        for name in board.metric_names
    ]


def rows_of(key: Key, board: Board) -> dict[str, BoardRow]:
    """The rows whose outputs are still those that were rated, by the labels of the key."""
    rows: dict[str, BoardRow] = {}
    for system in key.systems:
        for row in board.rows:
            if row.metrics and row.predictions[:1] == (system.predictions,):
                rows.setdefault(system.label, row)
    return rows


def _score(row: BoardRow, name: str) -> float | None:
    """The value of the outputs that were rated, of several seeds the first, higher being better."""
    metric = row.metrics.get(name)
    if metric is None:
        return None
    value = next(iter(metric.seed_values.values()), metric.value)
    return value if metric.higher_is_better else -value


def _over_systems(found: Mapping[str, float | None], means: Mapping[str, float]) -> Value:
    values = {label: one for label, one in found.items() if one is not None and label in means}
    if len(values) < MIN_SYSTEMS:
        return Value(
            None,
            count=len(values),
            reason=f"not told of fewer than {MIN_SYSTEMS} systems that have both numbers",
        )
    sums = pair_counts([means[label] for label in values], list(values.values()))
    with np.errstate(all="ignore"):
        tau = float(tau_b(sums))
    if not np.isfinite(tau):
        return Value(None, count=len(values), reason="one side tells no two systems apart")
    return Value(tau, count=len(values))


def _over_outputs(key: Key, values: RowValues, scores: RowValues) -> Value:
    """Outputs that several systems share are one."""
    by_row: dict[str, list[str]] = {}
    for output in key.outputs:
        label = next((one for one in output.systems if output.row in values.get(one, {})), None)
        if label is not None and output.row in scores[label]:
            by_row.setdefault(output.row, []).append(label)
    counts = [
        pair_counts(
            [scores[label][row] for label in labels], [values[label][row] for label in labels]
        )
        for row, labels in by_row.items()
    ]
    num_pairs = sum(len(labels) * (len(labels) - 1) // 2 for labels in by_row.values())
    if not values:
        return Value(None, reason="it has no values of single outputs")
    if not num_pairs:
        return Value(None, reason="no source has two outputs with both numbers")
    tau = ratio(np.array(counts), tau_b, count=num_pairs)
    if tau.value is None:
        return Value(None, count=num_pairs, reason="one side tells no two outputs apart")
    return tau


def _values(
    row: BoardRow, wanted: Sequence[str], *, artifacts_root: Path
) -> dict[str, dict[str, float]]:
    """Metric -> row of the test set -> value of its output, higher being better."""
    predictions = read_outputs(row, artifacts_root=artifacts_root)
    indices = {prediction.id: index for index, prediction in enumerate(predictions)}
    known = [name for name in wanted if name in indices]
    columns = exact_values(
        row,
        [indices[name] for name in known],
        num_examples=len(predictions),
        artifacts_root=artifacts_root,
    )
    return {
        name: {
            row_id: value if row.metrics[name].higher_is_better else -value
            for row_id, value in zip(known, column, strict=True)
        }
        for name, column in columns.items()
    }
