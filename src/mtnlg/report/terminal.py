"""The leaderboard for a terminal: for each board an aligned table, and below it what the numbers
stand on.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.report.display import (
    ABSENT,
    board_title,
    interval_text,
    spread_text,
    value_text,
)
from mtnlg.report.notes import board_notes
from mtnlg.report.summary import no_board_sentence
from mtnlg.text.terminal import aligned, one_line


def render_terminal(leaderboard: Leaderboard) -> str:
    """All boards; those of a launch with their titles."""
    parts = [] if leaderboard.boards else [no_board_sentence(len(leaderboard.runs))]
    for board in leaderboard.boards:
        parts += [] if leaderboard.is_of_files else [one_line(board_title(board))]
        parts += ["\n".join(_table(board)), "\n".join(map(one_line, _notes(board)))]
    return "\n\n".join(parts) + "\n"


def _table(board: Board) -> list[str]:
    header = ["system"]
    for name in board.metric_names:
        header += [name, "interval", "group"]
    rows = [[one_line(row.label), *_cells(row, board)] for row in board.rows]
    return aligned([header, *rows], numbers=range(1, len(header), 3))


def _cells(row: BoardRow, board: Board) -> Iterator[str]:
    for name in board.metric_names:
        metric = row.metrics.get(name)
        if metric is None:
            yield from (ABSENT, "not computed" if name in row.left_out else ABSENT, ABSENT)
        else:
            yield f"{value_text(metric)} {spread_text(metric)}".rstrip()
            yield interval_text(metric)
            yield row.cld.get(name, ABSENT)


def _notes(board: Board) -> Iterator[str]:
    for heading, notes in board_notes(board).items():
        yield f"{heading}: {'; '.join(notes)}"
    for row in board.rows:
        if row.reason:
            state = "" if row.status == "finished" else f"{row.status}: "
            yield f"{row.label}: {state}{row.reason}"
