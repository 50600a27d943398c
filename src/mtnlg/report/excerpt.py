"""The boards of a launch in few lines of Markdown, for a README: each system's main metric, and
what the numbers stand on.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtnlg.leaderboard.model import BoardRow, Leaderboard
from mtnlg.report.display import (
    ABSENT,
    board_title,
    count_text,
    duration_text,
    interval_text,
    metric_notes,
    spread_text,
    value_text,
)
from mtnlg.report.markdown import escape, table


def excerpt(leaderboard: Leaderboard) -> str:
    """One table over the boards of all examples, then the signatures."""
    boards = [board for board in leaderboard.boards if board.subset == "all"]
    rows = [
        [escape(board_title(board)) if place == 0 else "", *_cells(row, board.main_metric or "")]
        for board in boards
        for place, row in enumerate(board.rows)
    ]
    header = ["board", "system", "metric", "score [95 %]", "n", "parameters", "training"]
    notes: dict[str, None] = {}
    for board in boards:
        for name, lines in metric_notes(board).items():
            if name == board.main_metric:
                signatures = [line for line in lines if line.startswith("signature")]
                notes |= dict.fromkeys(f"{name}, {board.language}: {line}" for line in signatures)
    return "\n".join([table(header, rows), "", *_lines(notes)]) + "\n"


def _cells(row: BoardRow, main: str) -> list[str]:
    metric = row.metrics.get(main)
    name = escape(row.label) if row.kind == "baseline" else f"**{escape(row.label)}**"
    if metric is None:
        return [name, escape(main), f"{row.status}: {escape(row.reason or '')}", *[ABSENT] * 3]
    words = [value_text(metric), spread_text(metric), escape(interval_text(metric))]
    return [
        name,
        escape(main),
        " ".join(word for word in words if word),
        str(metric.num_examples),
        count_text(row.cost.parameters),
        duration_text(row.cost.training_seconds),
    ]


def _lines(notes: dict[str, None]) -> Iterator[str]:
    for note in notes:
        yield f"- {escape(note)}"
