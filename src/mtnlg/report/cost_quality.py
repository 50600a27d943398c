"""Which systems of a board give the most quality for their cost: charts, and the same in words.

Refuses to know: how a chart is drawn (scatter.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.pareto import Mark, pareto_front
from mtnlg.report.charts import scatter_chart
from mtnlg.report.display import count_text, duration_text, flops_text, full_text


@dataclass(frozen=True, slots=True)
class _Measure:
    """One cost of a system, and how it reads."""

    name: str
    field: str
    is_less_cheaper: bool
    text: Callable[[float | None], str]


MEASURES = (
    _Measure("parameters", "parameters", True, count_text),
    _Measure("training FLOPs", "training_flops", True, flops_text),
    _Measure("training time", "training_seconds", True, duration_text),
    _Measure("decoding tokens per second", "decoding_tokens_per_second", False, count_text),
)


@dataclass(frozen=True, slots=True)
class CostChart:
    """A drawing, its title, and what it shows in words."""

    title: str
    drawing: Markup
    sentence: str


def cost_charts(board: Board) -> Iterator[CostChart]:
    """A chart for each cost in which at least two ranked systems of a board differ."""
    for measure in MEASURES:
        marks = [mark for row in board.ranked if (mark := _mark(row, measure, board)) is not None]
        if len({mark.right for mark in marks}) > 1:
            yield _chart(board, measure, marks)


def _mark(row: BoardRow, measure: _Measure, board: Board) -> Mark | None:
    """None for a system whose cost is not known, such as a baseline."""
    cost: float | None = getattr(row.cost, measure.field)
    if cost is None:
        return None
    score = row.metrics[board.metric_names[0]]
    details = f"{row.label}: {full_text(score)}; {measure.name} {measure.text(cost)}"
    return Mark(str(row.rank), details, cost, score.value, score.low, score.high)


def _chart(board: Board, measure: _Measure, marks: list[Mark]) -> CostChart:
    main = board.metric_names[0]
    is_more_quality = board.ranked[0].metrics[main].higher_is_better is not False
    front = pareto_front(
        marks, is_less_cost=measure.is_less_cheaper, is_more_quality=is_more_quality
    )
    title = f"{main} against {measure.name}"
    right_label = measure.field.replace("_", " ")
    drawing = scatter_chart(marks, front, title=title, right_label=right_label, up_label=main)
    best = "; ".join(mark.details for mark in front)
    left_out = len(board.ranked) - len(marks)
    sentence = f"On the front, cheapest first: {best}."
    if left_out:
        sentence += f" Without this cost, and left out: {left_out} ranked system"
        sentence += "." if left_out == 1 else "s."
    return CostChart(title, drawing, sentence)
