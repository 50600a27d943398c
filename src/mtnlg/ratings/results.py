"""The ratings of a board's systems, and how far its metrics agree with them.

A metric agrees by Kendall's tau-b over systems, and over pairs of outputs of one source: which
sources are hard says nothing about systems (the grouping by item of Deutsch et al. 2023, "Ties
Matter", with all pairs in one ratio).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from mtnlg.evaluation.significance.agreement import pair_counts, tau_b
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.samples import exact_values, read_outputs
from mtnlg.ratings.analysis import (
    INTERVAL,
    agreement,
    first_answers,
    rate_systems,
    rater_records,
    ratio,
    system_scores,
)
from mtnlg.ratings.key import Key
from mtnlg.ratings.sheets import read_answers
from mtnlg.records.ratings import HumanRatings, RatedMetric, RatedSystem, Value

MIN_SYSTEMS = 3
"""Two systems are one pair, whose tau is 1 or -1 by chance alone."""

RowValues = Mapping[str, Mapping[str, float]]
"""System -> row of the test set -> a number; higher is better."""


def rate(key: Key, folder: Path, board: Board, artifacts_root: Path) -> HumanRatings:
    """The ratings that the answers in a folder of sheets give to the systems of a board."""
    answers = read_answers(folder, key)
    first = first_answers(key, answers)
    rated, tested = rate_systems(key, first)
    scores = system_scores(key, first)
    alpha, distances = agreement(key, first)
    return HumanRatings(
        task=key.task,
        test_set=key.test_set,
        name=key.question.name,
        question=key.question.text,
        lowest=key.question.lowest,
        highest=key.question.highest,
        least=key.scale[0],
        greatest=key.scale[1],
        signature=(
            f"scale:{key.scale[0]}-{key.scale[1]}|sources:{len(key.rows)}|"
            f"raters:{len(key.sheets)}|per_item:{key.raters_per_item}|seed:{key.seed}|"
            f"export:{key.export}"
        ),
        interval=INTERVAL,
        test=tested.test,
        test_reason=tested.reason,
        systems=tuple(rated),
        alpha=alpha,
        interval_alpha=distances,
        raters=tuple(rater_records(key, answers)),
        metrics=tuple(_metrics(key, board, rated, scores, artifacts_root=artifacts_root)),
        remarks=tuple(_remarks(key)),
    )


def _remarks(key: Key) -> list[str]:
    """How often two systems gave the same output and shared its ratings."""
    shared = {
        pair: sum(set(pair) <= set(output.systems) for output in key.outputs)
        for pair in combinations([system.label for system in key.systems], 2)
    }
    pairs = [f"{left} and {right} {count}" for (left, right), count in shared.items() if count]
    if not pairs:
        return []
    return [
        f"outputs that were the same, and rated once for both: {', '.join(pairs)} "
        f"of {len(key.rows)} sources"
    ]


def _metrics(
    key: Key,
    board: Board,
    rated: Sequence[RatedSystem],
    scores: RowValues,
    *,
    artifacts_root: Path,
) -> list[RatedMetric]:
    """Every metric of the board against the ratings."""
    rows = _rated_rows(key, board)
    values = {
        label: _values(row, key.rows, artifacts_root=artifacts_root) for label, row in rows.items()
    }
    means = {system.label: system.mean.value for system in rated if system.mean.value is not None}
    metrics = []
    for name in board.metric_names:
        by_system = {label: _score(row, name) for label, row in rows.items()}
        by_output = {label: columns[name] for label, columns in values.items() if name in columns}
        metrics.append(
            RatedMetric(
                name, _over_systems(by_system, means), _over_outputs(key, by_output, scores)
            )
        )
    return metrics


def _rated_rows(key: Key, board: Board) -> dict[str, BoardRow]:
    """Label in the key -> the row that still has the outputs that were rated."""
    rows: dict[str, BoardRow] = {}
    for system in key.systems:
        for row in board.rows:
            if row.metrics and row.predictions[:1] == (system.predictions,):
                rows.setdefault(system.label, row)
    return rows


def _score(row: BoardRow, name: str) -> float | None:
    """The value of the outputs that were rated, those of the first seed; higher is better."""
    metric = row.metrics.get(name)
    if metric is None:
        return None
    value = next(iter(metric.seed_values.values()), metric.value)
    return value if metric.higher_is_better else -value


def _over_systems(scores: Mapping[str, float | None], means: Mapping[str, float]) -> Value:
    """How far a metric's scores of the systems agree with the means of their ratings."""
    values = {
        label: score for label, score in scores.items() if score is not None and label in means
    }
    if len(values) < MIN_SYSTEMS:
        return Value(
            None,
            count=len(values),
            reason=f"needs at least {MIN_SYSTEMS} systems that have both numbers",
        )
    sums = pair_counts([means[label] for label in values], list(values.values()))
    with np.errstate(all="ignore"):
        tau = float(tau_b(sums))
    if not np.isfinite(tau):
        return Value(None, count=len(values), reason="all systems are equal on one side")
    return Value(tau, count=len(values))


def _over_outputs(key: Key, values: RowValues, scores: RowValues) -> Value:
    """How far a metric's values of outputs agree with their ratings. An output of several systems
    counts once.
    """
    if not values:
        return Value(None, reason="it has no values of single outputs")
    by_row: dict[str, list[str]] = {}
    for output in key.outputs:
        labels = [label for label in output.systems if output.row in values.get(label, {})]
        if labels and output.row in scores[labels[0]]:
            by_row.setdefault(output.row, []).append(labels[0])
    counts = [
        pair_counts(
            [scores[label][row] for label in labels], [values[label][row] for label in labels]
        )
        for row, labels in by_row.items()
    ]
    num_pairs = sum(len(labels) * (len(labels) - 1) // 2 for labels in by_row.values())
    if not num_pairs:
        return Value(None, reason="no source has two outputs with both numbers")
    tau = ratio(np.array(counts), tau_b, count=num_pairs)
    if tau.value is None:
        return Value(None, count=num_pairs, reason="all outputs are equal on one side")
    return tau


def _values(
    row: BoardRow, wanted: Sequence[str], *, artifacts_root: Path
) -> dict[str, dict[str, float]]:
    """Metric -> row of the test set -> value of the output; higher is better."""
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
