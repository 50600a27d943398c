"""What the test of two rows says, in words: better, no significant difference or equivalent.

A verdict on a trained system with one seed speaks of its model file.
"""

from __future__ import annotations

from mtnlg.evaluation.significance.comparison import POWER
from mtnlg.leaderboard.model import Board, BoardRow, RowComparison
from mtnlg.report.display import difference_text, number_text, p_text

ANOTHER_TRAINING = "another training may differ"


def is_one_training(row: BoardRow) -> bool:
    """True for a trained system with one seed: its number is that of a model file."""
    return row.kind == "trained" and len(row.seeds) == 1


def short_verdict(comparison: RowComparison, board: Board) -> str:
    """The verdict beside numbers: which of the two is better, if any."""
    better, worse = _rows(comparison, board)
    remark = _seed_remark(better, worse)
    equivalent = _equivalent(comparison, board)
    if comparison.is_significant:
        return " and ".join(filter(None, (f"{_named(better)} is better", equivalent))) + remark
    if equivalent:
        return equivalent + remark
    return (
        "; ".join(filter(None, ("no significant difference", _power(comparison, board)))) + remark
    )


def verdict(comparison: RowComparison, board: Board, *, worse_name: str) -> str:
    """A clause about the better row, with the worse one as `worse_name`."""
    better, worse = _rows(comparison, board)
    is_file = is_one_training(better)
    if is_one_training(worse):
        worse_name = f"this model file of {worse_name}"
    unit = comparison_unit(comparison, board)
    difference = difference_text(comparison, unit=unit)
    p = p_text(comparison.p_holm)
    remark = _seed_remark(better, worse)
    equivalent = _equivalent(comparison, board)
    subject = f"{_named(better)} is " if is_file else ""
    if comparison.is_significant:
        clauses = (f"{subject}better than {worse_name}, by {difference}, {p}", equivalent)
        return ", and ".join(filter(None, clauses)) + remark
    if equivalent:
        return f"{subject}{equivalent} to {worse_name}: {difference}{remark}"
    numbers = "; ".join(filter(None, (difference, _power(comparison, board))))
    pair = f"between {_named(better)} and" if is_file else "from"
    return f"no significant difference {pair} {worse_name} ({numbers}), {p}{remark}"


def comparison_unit(comparison: RowComparison, board: Board) -> str:
    """The unit of the metric by which two rows were compared."""
    return _rows(comparison, board)[0].metrics[comparison.metric].unit


def _rows(comparison: RowComparison, board: Board) -> tuple[BoardRow, BoardRow]:
    rows = {row.label: row for row in board.rows}
    return rows[comparison.better], rows[comparison.worse]


def _named(row: BoardRow) -> str:
    return f"this model file of {row.label}" if is_one_training(row) else row.label


def _seed_remark(better: BoardRow, worse: BoardRow) -> str:
    count = is_one_training(better) + is_one_training(worse)
    seeds = {0: "", 1: "one seed", 2: "one seed each"}[count]
    return f" ({seeds}: {ANOTHER_TRAINING})" if seeds else ""


def _power(comparison: RowComparison, board: Board) -> str:
    """What the test could have shown; empty where that is unknown, as for equal outputs."""
    if not comparison.detectable:
        return ""
    size = number_text(comparison.detectable, unit=comparison_unit(comparison, board))
    return f"a difference of {size} would have been found in {100 * POWER:g} %"


def _equivalent(comparison: RowComparison, board: Board) -> str:
    """What the equivalence test says; empty unless it finds that the two are equivalent."""
    if comparison.margin is None or comparison.p_equivalent is None:
        return ""
    if not comparison.is_equivalent:
        return ""
    margin = number_text(comparison.margin, unit=comparison_unit(comparison, board))
    return f"equivalent within {margin} (two one-sided tests, {p_text(comparison.p_equivalent)})"
