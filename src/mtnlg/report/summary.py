"""A few sentences for each board: who leads, who is tied, and what has no rank."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.records.runs import KINDS
from mtnlg.report.display import difference_text, full_text, p_text, pair_text
from mtnlg.report.notes import test_text

LETTER = re.compile("[a-z][0-9]*")
"""One letter of a significance group; the 27th is a1."""
NAMES_OF_KINDS = {
    "trained": "trained system",
    "baseline": "baseline",
    "external": "external system",
}


def no_board_sentence(num_runs: int) -> str:
    """Why a launch has no board."""
    if num_runs == 0:
        return "The launch lists no run."
    return "No task has a test set, so nothing was decoded or ranked; see curves and runs below."


@dataclass(frozen=True, slots=True)
class Lead:
    """The first row of a board, and how the paired test compares it with the best other rows."""

    row: BoardRow
    score: str
    """The main metric's name, value, interval and n."""
    rivals: tuple[str, ...]
    """A clause for the best other row of each kind."""


def board_lead(board: Board) -> Lead | None:
    """Who leads the board; None where no row has a rank."""
    if not board.ranked:
        return None
    leader, main = board.ranked[0], board.metric_names[0]
    best = (_best(board, kind, besides=leader) for kind in KINDS)
    rivals = tuple(_against(board, leader, rival) for rival in best if rival is not None)
    return Lead(leader, f"{main} {full_text(leader.metrics[main])}", rivals)


def board_sentence(board: Board) -> str:
    """Who leads the board and how it compares, which systems are tied, and what has no rank."""
    lead = board_lead(board)
    first = "No system has a rank here." if lead is None else _sentence(lead)
    return " ".join(filter(None, (first, ties(board))))


def ties(board: Board) -> str:
    """Which systems are tied by which test, and what has no rank; empty if there is neither."""
    return " ".join(filter(None, (_ties(board), _unranked(board))))


def _sentence(lead: Lead) -> str:
    kind = "" if lead.row.kind == "trained" else f", {_with_article(lead.row.kind)},"
    return "; ".join([f"{lead.row.label}{kind} leads with {lead.score}", *lead.rivals]) + "."


def _best(board: Board, kind: str, *, besides: BoardRow) -> BoardRow | None:
    return next((row for row in board.ranked if row.kind == kind and row is not besides), None)


def _against(board: Board, leader: BoardRow, rival: BoardRow) -> str:
    """How the paired test compares the leader with another row."""
    score = rival.metrics[board.metric_names[0]]
    degree = "next" if rival.kind == leader.kind else "best"
    name = f"the {degree} {NAMES_OF_KINDS[rival.kind]}, {rival.label} ({pair_text(score)})"
    for comparison in board.comparisons:
        if (comparison.better, comparison.worse) == (leader.label, rival.label):
            if not comparison.is_significant:
                return f"tied with {name}: {p_text(comparison.p_holm)}"
            difference = difference_text(comparison, unit=score.unit)
            return f"better than {name}, by {difference}, {p_text(comparison.p_holm)}"
    untested = next(row for row in (leader, rival) if row.label in board.not_tested)
    subject = "" if untested is rival else f"{untested.label}: "
    return f"not tested against {name}: {subject}{board.not_tested[untested.label]}"


def _ties(board: Board) -> str:
    """Which systems are tied, and by which test; empty if nothing was tested."""
    if not board.comparisons:
        return ""
    members: dict[str, list[str]] = {}
    for row in board.rows:
        for letter in LETTER.findall(row.cld.get(board.metric_names[0], "")):
            members.setdefault(letter, []).append(row.label)
    groups = [
        ", ".join(labels[:-1]) + f" and {labels[-1]}"
        for labels in members.values()
        if len(labels) > 1
    ]
    tied = f"Tied: {'; '.join(groups)}" if groups else "No two are tied"
    return f"{tied} ({test_text(board.tests[board.metric_names[0]])})."


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {NAMES_OF_KINDS[kind]}"


def _unranked(board: Board) -> str:
    """How many rows have no rank, by state; empty if every row has one."""
    counts = Counter(_state(row) for row in board.rows if not row.is_comparable)
    if not counts:
        return ""
    return "Without rank: " + ", ".join(f"{count} {state}" for state, count in counts.items()) + "."


def _state(row: BoardRow) -> str:
    if row.metrics:
        return "not comparable"
    return row.status if row.status != "finished" else "without a score"
