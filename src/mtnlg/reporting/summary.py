"""One sentence for each board: who leads, by how much it can be told, and what is missing."""

from __future__ import annotations

from collections import Counter

from mtnlg.reporting.display import full_text, pair_text
from mtnlg.reporting.leaderboard import Board, BoardRow
from mtnlg.reporting.manifests import KINDS
from mtnlg.reporting.scores import MetricScore

NAMES_OF_KINDS = {
    "trained": "trained system",
    "baseline": "baseline",
    "external": "external system",
}


def board_sentence(board: Board) -> str:
    """Who leads the board and whether its interval overlaps those of the next systems; then what
    has no rank.
    """
    ranked = board.ranked
    lead = "No system has a rank here." if not ranked else _lead(board, ranked[0])
    return " ".join(part for part in (lead, _unranked(board)) if part)


def _lead(board: Board, leader: BoardRow) -> str:
    main = board.metric_names[0]
    score = leader.metrics[main]
    kind = "" if leader.kind == "trained" else f", {_with_article(leader.kind)},"
    sentence = f"{leader.label}{kind} leads with {main} {full_text(score)}"
    comparisons = [
        _comparison(score, rival, main=main, leader=leader)
        for kind_name in KINDS
        if (rival := _best(board, kind_name, besides=leader)) is not None
    ]
    return "; ".join([sentence, *comparisons]) + "."


def _best(board: Board, kind: str, *, besides: BoardRow) -> BoardRow | None:
    return next((row for row in board.ranked if row.kind == kind and row is not besides), None)


def _comparison(score: MetricScore, rival: BoardRow, *, main: str, leader: BoardRow) -> str:
    other = rival.metrics[main]
    degree = "next" if rival.kind == leader.kind else "best"
    name = f"the {degree} {NAMES_OF_KINDS[rival.kind]}, {rival.label} ({pair_text(other)})"
    if rival.rank == leader.rank:
        return f"it shares the lead with {name}"
    overlaps = intervals_overlap(score, other)
    if overlaps is None:
        return f"without two intervals it cannot be told how far it is from {name}"
    verb = "overlaps that of" if overlaps else "lies clear of that of"
    return f"its interval {verb} {name}"


def intervals_overlap(one: MetricScore, other: MetricScore) -> bool | None:
    """Whether two intervals share a point; None where one of them is missing. This is no test of
    significance.
    """
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    return one.low <= other.high and other.low <= one.high


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {NAMES_OF_KINDS[kind]}"


def _unranked(board: Board) -> str:
    """What the rows without rank are; empty where every row has one."""
    counts = Counter(_state(row) for row in board.rows if not row.is_comparable)
    if not counts:
        return ""
    return "Without rank: " + ", ".join(f"{count} {state}" for state, count in counts.items()) + "."


def _state(row: BoardRow) -> str:
    if row.metrics:
        return "not comparable"
    return row.status if row.status != "finished" else "without a score"
