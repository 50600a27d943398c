"""The leaderboard as CSV: one line for each system and metric, so that no number stands without its
n and signature.

A system without numbers has one line with its status and reason.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.records.ratings import HumanRatings
from mtnlg.records.runs import Cost
from mtnlg.records.scores import MetricScore
from mtnlg.report.display import test_text
from mtnlg.text.visible import visible

Cell = str | int | float | bool | None

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What makes a spreadsheet program calculate a cell instead of showing it (OWASP, CSV injection).
"""
COLUMNS = (
    *("experiment", "task", "test_set", "subset", "language", "rank", "system", "label", "kind"),
    *("status", "reason", "runs", "seeds", "decoding", "metric", "value", "low", "high", "n"),
    *("unit", "higher_is_better", "interval", "interval_reason", "signature"),
    *("seed_values", "seed_deviation"),
    *("group", "group_test"),
    *Cost.__slots__,
    *("contamination_checked", "contamination_flagged", "contamination_rule"),
)


def render_csv(leaderboard: Leaderboard) -> str:
    """The table with its header line; every text cell is quoted and none can be a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    for board in leaderboard.boards:
        for row in board.rows:
            for record in _records(leaderboard.experiment, board, row):
                writer.writerow([harmless(record.get(name)) for name in COLUMNS])
        for ratings in board.ratings:
            for record in _rating_records(leaderboard.experiment, board, ratings):
                writer.writerow([harmless(record.get(name)) for name in COLUMNS])
    return stream.getvalue()


def _records(experiment: str, board: Board, row: BoardRow) -> Iterator[dict[str, Cell]]:
    shared = _row_cells(experiment, board, row)
    for name, metric in row.metrics.items():
        yield shared | {"metric": name} | _metric_cells(metric) | _group_cells(name, row, board)
    if not row.metrics:
        yield shared


def _rating_records(
    experiment: str, board: Board, ratings: HumanRatings
) -> Iterator[dict[str, Cell]]:
    """The mean rating of each system, which has no part in its rank."""
    for one in ratings.systems:
        yield {
            "experiment": experiment,
            "task": board.task,
            "test_set": board.test_set,
            "subset": board.subset,
            "language": board.language,
            "system": one.label,
            "label": one.label,
            "kind": one.kind,
            "status": "finished",
            "metric": f"human {ratings.name}",
            "value": one.mean.value,
            "low": one.mean.low,
            "high": one.mean.high,
            "n": one.mean.count,
            "unit": f"{ratings.least}-{ratings.greatest}",
            "higher_is_better": "true",
            "interval": None if one.mean.low is None else ratings.interval,
            "interval_reason": None
            if one.mean.low is not None
            else one.mean.reason or "one source",
            "signature": ratings.signature,
            "group": one.group,
            "group_test": ratings.test or f"not tested: {ratings.test_reason}",
        }


def _row_cells(experiment: str, board: Board, row: BoardRow) -> dict[str, Cell]:
    return {
        "experiment": experiment,
        "task": board.task,
        "test_set": board.test_set,
        "subset": board.subset,
        "language": board.language,
        "rank": row.rank,
        "system": row.system,
        "label": row.label,
        "kind": row.kind,
        "status": row.status,
        "reason": row.reason,
        "runs": " ".join(row.runs),
        "seeds": " ".join(map(str, row.seeds)),
        "decoding": row.decoding,
        "contamination_checked": row.contamination.checked,
        "contamination_flagged": row.contamination.flagged,
        "contamination_rule": row.contamination.rule,
    } | asdict(row.cost)


def _metric_cells(metric: MetricScore) -> dict[str, Cell]:
    return {
        "value": metric.value,
        "low": metric.low,
        "high": metric.high,
        "n": metric.num_examples,
        "unit": metric.unit,
        "higher_is_better": ""
        if metric.higher_is_better is None
        else str(metric.higher_is_better).lower(),
        "interval": metric.interval,
        "interval_reason": metric.interval_reason,
        "signature": metric.signature,
        "seed_values": " ".join(f"{seed}:{value!r}" for seed, value in metric.seed_values.items()),
        "seed_deviation": metric.seed_deviation,
    }


def _group_cells(name: str, row: BoardRow, board: Board) -> dict[str, Cell]:
    """The letters, and the test behind them or why there was none; empty for other metrics."""
    if name in row.groups:
        return {"group": row.groups[name], "group_test": test_text(board)}
    if name == board.main_metric and row.label in board.not_tested:
        return {"group_test": f"not tested: {board.not_tested[row.label]}"}
    return {}


def harmless(cell: Cell) -> Cell:
    """Text that starts like a formula gets an apostrophe before it; numbers stay numbers."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    return "'" + visible(cell) if cell.startswith(FORMULA_STARTS) else visible(cell)
