"""A few sentences for each board: who leads, which systems have no significant difference, and what
has no rank.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from mtnlg.leaderboard.families import AGAINST_BEST, ALL_PAIRS
from mtnlg.leaderboard.model import Board, BoardRow, RowComparison
from mtnlg.records.runs import KINDS
from mtnlg.report.display import full_text, pair_text
from mtnlg.report.notes import test_text
from mtnlg.report.verdicts import verdict

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


class Rival(NamedTuple):
    """The best other row of one kind, and how the paired test compares the leader with it."""

    row: BoardRow
    comparison: RowComparison | None
    """None where the two were not tested."""
    clause: str


@dataclass(frozen=True, slots=True)
class Lead:
    """The first row of a board, and how the paired test compares it with the best other rows."""

    row: BoardRow
    score: str
    """The main metric's name, value, interval and n."""
    rivals: tuple[Rival, ...]


def board_lead(board: Board) -> Lead | None:
    """Who leads the board; None where no row has a rank. Baselines are no rivals of each other."""
    if not board.ranked:
        return None
    leader, main = board.ranked[0], board.metric_names[0]
    best = (
        _best(board, kind, besides=leader)
        for kind in KINDS
        if (leader.kind, kind) != ("baseline", "baseline")
    )
    rivals = tuple(_against(board, leader, rival) for rival in best if rival is not None)
    return Lead(leader, f"{main} {full_text(leader.metrics[main])}", rivals)


def board_sentence(board: Board) -> str:
    """Who leads the board and how it compares, which systems have no significant difference, and
    what has no rank.
    """
    lead = board_lead(board)
    first = "No system has a rank here." if lead is None else lead_sentence(lead, board)
    return " ".join(filter(None, (first, groups(board))))


def groups(board: Board) -> str:
    """Which systems have no significant difference by which test, and what has no rank; empty if
    there is neither.
    """
    return " ".join(filter(None, (_groups(board), _unranked(board))))


def lead_sentence(lead: Lead, board: Board) -> str:
    """Who leads, and how it compares with its rivals."""
    kind = _with_article(_kind_name(lead.row, board))
    kind = "" if kind in ("a trained system", "a system") else f", {kind},"
    clauses = (rival.clause for rival in lead.rivals)
    return "; ".join([f"{lead.row.label}{kind} leads with {lead.score}", *clauses]) + "."


def _best(board: Board, kind: str, *, besides: BoardRow) -> BoardRow | None:
    return next((row for row in board.ranked if row.kind == kind and row is not besides), None)


def _against(board: Board, leader: BoardRow, rival: BoardRow) -> Rival:
    """How the paired test compares the leader with another row."""
    score = rival.metrics[board.metric_names[0]]
    degree = "next" if rival.kind == leader.kind else "best"
    name = f"the {degree} {_kind_name(rival, board)}, {rival.label} ({pair_text(score)})"
    for comparison in board.comparisons:
        if (comparison.better, comparison.worse) == (leader.label, rival.label):
            return Rival(rival, comparison, verdict(comparison, board, worse_name=name))
    untested = next(row for row in (leader, rival) if row.label in board.not_tested)
    subject = "" if untested is rival else f"{untested.label}: "
    reason = f"{subject}{board.not_tested[untested.label]}"
    return Rival(rival, None, f"not tested against {name}: {reason}")


def _groups(board: Board) -> str:
    """Which systems have no significant difference, and by which tests; empty if nothing was
    tested.
    """
    if not board.comparisons:
        return ""
    tests = board.tests[board.metric_names[0]]
    if ALL_PAIRS in tests.families:
        text = _letter_groups(board)
    elif AGAINST_BEST in tests.families:
        pairs = tests.families[AGAINST_BEST]
        alike, worse = (
            _joined([pair.worse for pair in pairs if pair.is_significant is is_worse])
            for is_worse in (False, True)
        )
        parts = [f"no significant difference from {alike}"] if alike else []
        parts += [f"better than {worse}"] if worse else []
        text = f"{pairs[0].better} against the other systems: {'; '.join(parts)}"
    else:
        return f"Tested by {test_text(tests)}."
    return f"{text} ({test_text(tests)})."


def _letter_groups(board: Board) -> str:
    members: dict[str, list[str]] = {}
    for row in board.rows:
        for letter in LETTER.findall(row.cld.get(board.metric_names[0], "")):
            members.setdefault(letter, []).append(row.label)
    alike = [_joined(labels) for labels in members.values() if len(labels) > 1]
    if alike:
        return f"No significant difference within: {'; '.join(alike)}"
    return "The systems among each other are all significantly different"


def _joined(labels: list[str]) -> str:
    return ", ".join(labels[:-1]) + f" and {labels[-1]}" if len(labels) > 1 else "".join(labels)


def _kind_name(row: BoardRow, board: Board) -> str:
    """The kind of a row, which goes without saying where all are external, as those of files."""
    is_of_files = all(each.kind == "external" for each in board.rows)
    return "system" if is_of_files else NAMES_OF_KINDS[row.kind]


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


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
