"""The first screen of a page: who wins each test set, by how much and how sure that is; and systems
by test sets, where each column is a forest plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from markupsafe import Markup

from mtnlg.leaderboard.labels import Identity, distinct_labels, parse_override, without_seed
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.records.scores import MetricScore
from mtnlg.report.charts import Interval, Labels, fitted_ends, forest_chart, interval_bar
from mtnlg.report.display import difference_text, interval_text, short_label, value_text
from mtnlg.report.summary import Lead, Rival, board_lead
from mtnlg.report.verdicts import comparison_unit

KIND_COLORS = {"trained": 0, "external": 5, "baseline": 7}
ALIKE = "not significant"


class Duel(NamedTuple):
    """The leader against one rival, in a few words."""

    label: str
    difference: str
    """With its sign and interval; empty where the two were not tested."""
    outcome: str
    clause: str
    """The same as a whole sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Who wins a test set, and how sure that is."""

    lead: Lead | None
    score: str
    system: Duel | None
    """Against the best other system that is no baseline."""
    baseline: Duel | None
    best_baseline: str
    """Its name and score; empty where there is none."""
    flagged_share: float
    clean_leader: str
    """The leader on the rows without a contamination signal, where it is another."""


def by_test_set(leaderboard: Leaderboard) -> list[list[Board]]:
    """The boards of each test set, that of all rows first."""
    groups: dict[tuple[str, str], list[Board]] = {}
    for board in leaderboard.boards:
        groups.setdefault((board.task, board.test_set), []).append(board)
    return list(groups.values())


def short_title(board: Board) -> str:
    """The name of the task without its kind, and the test set unless that is the usual one."""
    name, test_set = board.task.rpartition("/")[2], board.test_set
    return name if test_set == "test" else f"{name} · {test_set.removeprefix('test_')}"


def answer_of(boards: Sequence[Board]) -> Answer:
    """The answer of a test set, whose first board is of all rows or of most."""
    board = boards[0]
    lead = board_lead(board)
    if lead is None:
        return Answer(None, "", None, None, "", 0.0, "")
    score = lead.row.metrics[board.metric_names[0]]
    systems = sorted(
        (rival for rival in lead.rivals if rival.row.kind != "baseline"),
        key=lambda rival: board.rows.index(rival.row),
    )
    baselines = [rival for rival in lead.rivals if rival.row.kind == "baseline"]
    check = lead.row.contamination
    return Answer(
        lead,
        f"{value_text(score)} {interval_text(score)}",
        _duel(systems[0], board) if systems else None,
        _duel(baselines[0], board) if baselines else None,
        _baseline_text(board),
        (check.flagged or 0) / (check.checked or 1),
        _clean_leader(lead.row, boards),
    )


def _baseline_text(board: Board) -> str:
    cell = _best_baseline(board)
    return "" if cell is None else f"{cell.row.label} {value_text(cell.metric)}"


def _duel(rival: Rival, board: Board) -> Duel:
    comparison = rival.comparison
    if comparison is None:
        return Duel(rival.row.label, "", "not tested", rival.clause)
    text = difference_text(comparison, unit=comparison_unit(comparison, board))
    sign = "+" if comparison.difference > 0 else ""
    return Duel(rival.row.label, sign + text, outcome_of(comparison), rival.clause)


def outcome_of(comparison: RowComparison) -> str:
    """What the test of two systems says, in a word or three."""
    if comparison.is_significant:
        return "better"
    return "equivalent" if comparison.is_equivalent else ALIKE


def _clean_leader(leader: BoardRow, boards: Sequence[Board]) -> str:
    for board in boards:
        if board.subset == "clean" and board.ranked:
            best = board.ranked[0]
            is_same = (best.kind, best.system) == (leader.kind, leader.system)
            is_same &= leader.kind == "baseline" or best.runs == leader.runs
            return "" if is_same else best.label
    return ""


class Cell(NamedTuple):
    """The main metric of one system on one test set."""

    row: BoardRow
    metric: MetricScore
    bar: Markup
    group: str
    is_best: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One system over all test sets; None where it has no number."""

    label: str
    kind: str
    cells: tuple[Cell | None, ...]

    @property
    def mean_rank(self) -> float | None:
        """Over the test sets on which it has a rank."""
        ranks = [cell.row.rank for cell in self.cells if cell and cell.row.rank is not None]
        return fmean(ranks) if ranks else None

    @property
    def num_ranks(self) -> int:
        """On how many test sets it has one."""
        return sum(cell is not None and cell.row.rank is not None for cell in self.cells)


def matrix_of(boards: Sequence[Board]) -> list[MatrixRow]:
    """The trained and external systems with numbers, best mean rank first, and as the last row the
    best baseline of each test set.
    """
    systems = [
        [row for row in board.rows if row.kind != "baseline" and board.main_metric in row.metrics]
        for board in boards
    ]
    identities = [list(map(_without_task, rows)) for rows in systems]
    if any(len(set(column)) < len(column) for column in identities):
        identities = [list(map(_identity, rows)) for rows in systems]
    columns = [
        {identity: _cell(row, board) for identity, row in zip(column, rows, strict=True)}
        for board, column, rows in zip(boards, identities, systems, strict=True)
    ]
    every = list(dict.fromkeys(identity for column in identities for identity in column))
    rows = [
        MatrixRow(label, identity.kind, tuple(column.get(identity) for column in columns))
        for identity, label in zip(every, distinct_labels(every), strict=True)
    ]
    rows.sort(key=lambda row: (-row.num_ranks, row.mean_rank or len(rows)))
    best = tuple(map(_best_baseline, boards))
    return [*rows, *([MatrixRow("best baseline", "baseline", best)] if any(best) else [])]


def group_marks(matrix: Sequence[MatrixRow]) -> set[str]:
    """The significance groups that the matrix shows; an empty text stands for none."""
    return {cell.group for row in matrix for cell in row.cells if cell is not None}


def _identity(row: BoardRow) -> Identity:
    settings = without_seed(row.overrides)
    return Identity(row.system, row.decoding, settings, row.kind, row.seeds, row.runs)


def _without_task(row: BoardRow) -> Identity:
    """What trainings of one system on different tasks share."""
    settings = (word for word in row.overrides if parse_override(word)[0] != "task")
    return Identity(row.system, row.decoding, without_seed(settings), row.kind)


def _best_baseline(board: Board) -> Cell | None:
    row = _best_baseline_row(board)
    return None if row is None else _cell(row, board)


def _best_baseline_row(board: Board) -> BoardRow | None:
    return next((row for row in board.ranked if row.kind == "baseline"), None)


def _cell(row: BoardRow, board: Board) -> Cell:
    name = board.main_metric or ""
    bar = interval_bar(_interval(row, board), ends=_ends(board))
    is_best = board.is_among_best(row, name) or row.rank == 1
    return Cell(row, row.metrics[name], bar, board.group(row, name), is_best)


def _interval(row: BoardRow, board: Board) -> Interval:
    metric = row.metrics[board.main_metric or ""]
    color = KIND_COLORS[row.kind]
    text = f"{value_text(metric)} {interval_text(metric)}"
    label = short_label(row.label)
    return Interval(label, text, metric.value, metric.low, metric.high, color)


def _ends(board: Board) -> tuple[float, float]:
    """The scale of a board's forest plot, which its systems fill. The best baseline counts where it
    leads, and beside a system that is alone; all baselines count where there is nothing else.
    """
    rows = [row for row in board.rows if board.main_metric in row.metrics]
    systems = [row for row in rows if row.kind != "baseline"]
    best = _best_baseline_row(board)
    if best and systems and (best is board.ranked[0] or len(systems) == 1):
        systems.append(best)
    return fitted_ends([_interval(row, board) for row in systems or rows])


def forest_of(board: Board) -> Markup:
    """The main metric of the board's systems and of the best baseline as a forest plot."""
    name = board.main_metric
    if name is None:
        return Markup("")
    baselines = [row for row in board.rows if row.kind == "baseline" and name in row.metrics]
    intervals = [
        _interval(row, board)
        for row in board.rows
        if name in row.metrics and (row.kind != "baseline" or row is baselines[0])
    ]
    title = f"{name}, {board.task} {board.test_set}"
    return forest_chart(intervals, Labels(title, name, ""), ends=_ends(board))


def scale_text(board: Board) -> str:
    """The ends of the scale of a column, in words."""
    row = next((row for row in board.rows if board.main_metric in row.metrics), None)
    if row is None:
        return ""
    low, high = (f"{end:.3g}" for end in _ends(board))
    return f"{low} to {high}"
