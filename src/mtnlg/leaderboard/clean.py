"""Whether the ranking changes on the rows without a contamination signal.

Systems are the same where their scores are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from mtnlg.leaderboard.model import Board

NO_SIGNAL = "no row has a signal, so the ranking is that of the clean rows"


def with_clean_rankings(boards: Sequence[Board]) -> list[Board]:
    """The boards of one test set, those of all rows and of the clean ones saying whether their
    rankings differ.
    """
    by_subset = {board.subset: board for board in boards}
    note = _clean_ranking(by_subset["all"], by_subset.get("clean"))
    return [
        replace(board, clean_ranking=note) if board.subset in ("all", "clean") else board
        for board in boards
    ]


def _clean_ranking(everything: Board, clean: Board | None) -> str | None:
    """In words; None where no ranking of clean rows is known."""
    if clean is None:
        flagged = [row.contamination.flagged for row in everything.ranked]
        known = [count for count in flagged if count is not None]
        is_clean = bool(known) and not any(known)
        return NO_SIGNAL if is_clean else None
    ranks = {row.scores: row.rank or 0 for row in clean.ranked}
    both = [row for row in everything.ranked if row.scores in ranks]
    gone = [row.label for row in everything.ranked if row.scores not in ranks]
    if len(both) < 2:
        return None
    turned = [
        f"{worse.label} is before {better.label}"
        for better, worse in combinations(both, 2)
        if better.rank != worse.rank and ranks[worse.scores] < ranks[better.scores]
    ]
    verdict = (
        f"on the clean rows the ranking changes: {', '.join(turned)}"
        if turned
        else f"on the clean rows the ranking of the {len(both)} systems that have one is the same"
    )
    return f"{verdict}; without a rank there: {', '.join(gone)}" if gone else verdict
