"""All pairs of a board that were tested, as rows of a table.

Refuses to know: markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtnlg.reporting.display import difference_text, p_text
from mtnlg.reporting.leaderboard import Board, BoardRow, RowComparison


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows of a board, the better one first."""

    better: str
    worse: str
    comparison: RowComparison
    difference: str
    p: str
    p_holm: str
    settings: tuple[tuple[str, str], ...]
    """What was asked for of the one and of the other, where that differs."""


def board_pairs(board: Board) -> list[Pair]:
    """The pairs in the order of the ranking."""
    rows = {row.label: row for row in board.ranked}
    return [
        Pair(
            one.better,
            one.worse,
            one,
            difference_text(one, unit=rows[one.better].metrics[one.metric].unit),
            p_text(one.p),
            p_text(one.p_holm),
            _settings(rows[one.better], rows[one.worse]),
        )
        for one in board.comparisons
    ]


def _settings(better: BoardRow, worse: BoardRow) -> tuple[tuple[str, str], ...]:
    """Overrides that only one of the two has; none where one is no run of ours."""
    if better.kind != "trained" or worse.kind != "trained":
        return ()
    own, other = ([word for word in row.overrides if not _is_seed(word)] for row in (better, worse))
    return tuple(
        (word, next((one for one in other if _name(one) == _name(word)), ""))
        for word in own
        if word not in other
    )


def _name(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _is_seed(word: str) -> bool:
    return _name(word) == "seed"
