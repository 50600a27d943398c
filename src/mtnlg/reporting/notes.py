"""What stands below a board's table, by what it is about: what the numbers rest on, what the
letters mean, how many seeds there are.

Refuses to know: markup. What comes out is plain text that each format escapes in its own way.
"""

from __future__ import annotations

from mtnlg.reporting.display import group_notes, metric_notes
from mtnlg.reporting.leaderboard import Board


def board_notes(board: Board) -> dict[str, list[str]]:
    """The notes by their heading, without headings that have nothing to say."""
    notes = metric_notes(board) | {"group": group_notes(board), "seeds": seed_notes(board)}
    return {heading: lines for heading, lines in notes.items() if lines}


def seed_notes(board: Board) -> list[str]:
    """Which numbers are means over seeds, and which systems were trained with one alone, so that
    how far another seed would be is not known.
    """
    trained = [row for row in board.rows if row.metrics and row.kind == "trained"]
    several = [row.label for row in trained if len(row.seeds) > 1]
    single = [row.label for row in trained if len(row.seeds) == 1]
    notes = []
    if several:
        notes.append(
            f"means of several seeds ± their standard deviation: {', '.join(several)}; the "
            "interval sees the spread of the seeds and of the examples"
        )
    if single:
        notes.append(f"1 seed: the interval is over examples alone ({', '.join(single)})")
    return notes
