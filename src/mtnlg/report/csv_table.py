"""The leaderboard as CSV: one line for each system and metric, with its n and signature. A system
without numbers has one line with its status and reason. `system` is the same for no two systems of
a board, as a pivot table needs it; `model` is its name without what distinguishes the two.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, PairedTests
from mtnlg.records.ratings import HumanRatings
from mtnlg.records.runs import Cost
from mtnlg.records.scores import MetricScore
from mtnlg.report.notes import test_text
from mtnlg.text.display import visible

Cell = str | int | float | bool | None

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What makes a spreadsheet calculate a cell instead of showing it (OWASP, CSV injection)."""
COLUMNS = (
    *("experiment", "task", "test_set", "subset", "language", "rank", "system", "label", "model"),
    *(
        "kind",
        "status",
        "reason",
        "runs",
        "seeds",
        "decoding",
        "metric",
        "value",
        "low",
        "high",
        "n",
    ),
    *("unit", "higher_is_better", "interval", "interval_reason", "signature"),
    *("seed_values", "seed_deviation"),
    *("cld", "cld_test", "families"),
    *Cost.__slots__,
    *("contamination_checked", "contamination_flagged", "contamination_rule"),
)


def render_csv(leaderboard: Leaderboard) -> str:
    """The table with its header line; every text cell is quoted and none can be a formula."""
    stream, records = io.StringIO(), [*table_records(leaderboard)]
    is_adapted = any(record.get("trained_parameters") is not None for record in records)
    columns = [name for name in COLUMNS if is_adapted or name != "trained_parameters"]
    writer = csv.DictWriter(stream, columns, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: harmless(record[name]) for name in columns if name in record})
    return stream.getvalue()


def table_records(leaderboard: Leaderboard) -> Iterator[dict[str, Cell]]:
    """Column -> cell of each line, without the columns that it leaves empty."""
    for board in leaderboard.boards:
        for record in _records(board):
            yield record | {
                "experiment": leaderboard.experiment,
                "task": board.task,
                "test_set": board.test_set,
                "subset": board.subset,
                "language": board.language,
            }


def _records(board: Board) -> Iterator[dict[str, Cell]]:
    for row in board.rows:
        cells = _row_cells(row)
        for name, metric in row.metrics.items():
            yield cells | {"metric": name} | _metric_cells(metric) | _group_cells(name, row, board)
        if not row.metrics:
            yield cells
    for ratings in board.ratings:
        yield from _rating_records(ratings)


def _rating_records(ratings: HumanRatings) -> Iterator[dict[str, Cell]]:
    """The mean rating of each system, which does not affect its rank."""
    for system in ratings.systems:
        mean = system.mean
        yield {
            "system": system.label,
            "label": system.label,
            "kind": system.kind,
            "status": "finished",
            "metric": f"human {ratings.name}",
            "value": mean.value,
            "low": mean.low,
            "high": mean.high,
            "n": mean.count,
            "unit": f"{ratings.least}-{ratings.greatest}",
            "higher_is_better": "true",
            "interval": None if mean.low is None else ratings.interval,
            "interval_reason": (mean.reason or "one source") if mean.low is None else None,
            "signature": ratings.signature,
            "cld": system.group,
            "cld_test": ratings.test or f"not tested: {ratings.test_reason}",
        }


def _row_cells(row: BoardRow) -> dict[str, Cell]:
    names = ("rank", "label", "kind", "status", "reason", "decoding")
    searched = ("checked", "flagged", "rule")
    return {
        **{name: getattr(row, name) for name in names},
        "system": row.label,
        "model": row.system,
        "runs": " ".join(row.runs),
        "seeds": " ".join(map(str, row.seeds)),
        **{f"contamination_{name}": getattr(row.contamination, name) for name in searched},
        **asdict(row.cost),
    }


def _metric_cells(metric: MetricScore) -> dict[str, Cell]:
    names = ("value", "low", "high", "unit", "interval", "interval_reason", "signature")
    is_better = metric.higher_is_better
    return {
        **{name: getattr(metric, name) for name in names},
        "n": metric.num_examples,
        "higher_is_better": "" if is_better is None else str(is_better).lower(),
        "seed_values": " ".join(f"{seed}:{value!r}" for seed, value in metric.seed_values.items()),
        "seed_deviation": metric.seed_deviation,
    }


def _group_cells(name: str, row: BoardRow, board: Board) -> dict[str, Cell]:
    """The letters or mark, the families that the row is in and their tests, or why it was not
    tested; empty for a metric without tests.
    """
    tests = board.tests.get(name, PairedTests())
    families = [
        family
        for family, comparisons in tests.families.items()
        if any(row.label in (pair.better, pair.worse) for pair in comparisons)
    ]
    if families:
        group = board.group(row, name)
        return {"cld": group, "cld_test": test_text(tests), "families": "; ".join(families)}
    if row.label in tests.not_tested:
        return {"cld_test": f"not tested: {tests.not_tested[row.label]}"}
    return {}


def harmless(cell: Cell) -> Cell:
    """A number as it is; text without hidden characters, and never one that is a formula."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    return "'" + visible(cell) if cell.startswith(FORMULA_STARTS) else visible(cell)
