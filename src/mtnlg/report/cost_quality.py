"""Which systems of a board give the most quality for their cost: charts, and the same in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from markupsafe import Markup

from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.ranking import Mark, pareto_front
from mtnlg.report.charts import Labels, scatter_chart
from mtnlg.report.display import count_text, duration_text, flops_text, full_text


class _Cost(NamedTuple):
    """One kind of cost, and how its values read."""

    name: str
    field: str
    is_less_cheaper: bool
    text: Callable[[float | None], str]

    @property
    def axis(self) -> str:
        """The name with the unit of its values."""
        return self.field.replace("_", " ").replace("flops", "FLOPs")


COSTS = (
    _Cost("parameters", "parameters", True, count_text),
    _Cost("training FLOPs", "training_flops", True, flops_text),
    _Cost("training time", "training_seconds", True, duration_text),
    _Cost("decoding tokens per second", "decoding_tokens_per_second", False, count_text),
)


class CostChart(NamedTuple):
    """A drawing, its title, and what it shows in words."""

    title: str
    drawing: Markup
    sentence: str


def cost_charts(board: Board) -> Iterator[CostChart]:
    """A chart for each cost in which at least two ranked systems of the board differ."""
    for cost in COSTS:
        marks = [mark for row in board.ranked if (mark := _mark(row, cost, board)) is not None]
        if len({mark.right for mark in marks}) > 1:
            yield _chart(board, cost, marks)


def _mark(row: BoardRow, cost: _Cost, board: Board) -> Mark | None:
    """None for a system without this cost, such as a baseline."""
    value: float | None = getattr(row.cost, cost.field)
    if value is None:
        return None
    score = row.metrics[board.metric_names[0]]
    details = f"{row.label}: {full_text(score)}; {cost.name} {cost.text(value)}"
    return Mark(str(row.rank), details, value, score.value, score.low, score.high)


def _chart(board: Board, cost: _Cost, marks: list[Mark]) -> CostChart:
    main = board.metric_names[0]
    is_more_quality = board.ranked[0].metrics[main].higher_is_better is not False
    front = pareto_front(marks, is_less_cost=cost.is_less_cheaper, is_more_quality=is_more_quality)
    labels = Labels(f"{main} against {cost.name}", cost.axis, main)
    sentence = f"On the front, cheapest first: {'; '.join(mark.details for mark in front)}."
    left_out = len(board.ranked) - len(marks)
    if left_out:
        plural = "" if left_out == 1 else "s"
        sentence += f" Not shown: {left_out} ranked system{plural} without this cost."
    drawing = scatter_chart(marks, front, labels, text=cost.text)
    return CostChart(labels.title, drawing, sentence)
