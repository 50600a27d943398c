"""Quality against cost as inline SVG: one mark for each system, and the front of those that no
other system beats in both.

Refuses to know: boards. All text is escaped here. Legend of names: right is cost and up is quality
where they are data; x and y are places in the drawing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtnlg.reporting.charts import (
    BOTTOM,
    LEFT,
    PLOT_HEIGHT,
    TOP,
    WIDTH,
    Span,
    axis_upward,
    round_span,
)
from mtnlg.reporting.display import count_text, visible

END = WIDTH - 34
"""Where costs end: the names of the dearest marks still find their place."""
MARGIN = 0.06
"""Share of the width that stays free beside the outermost marks."""
WIDEST_LINEAR = 20.0
"""Largest cost over smallest from which the costs are drawn by their powers of ten."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One system: its cost, its quality with interval, and the short and the long name."""

    name: str
    details: str
    right: float
    up: float
    low: float | None
    high: float | None


def pareto_front(
    marks: Sequence[Mark], *, is_less_cost: bool = True, is_more_quality: bool = True
) -> list[Mark]:
    """The marks that no other equals or beats in both and beats in one, cheapest first."""
    cost, quality = (1 if is_less_cost else -1), (-1 if is_more_quality else 1)
    costs = [(cost * mark.right, quality * mark.up) for mark in marks]
    kept = [
        place
        for place, (right, up) in enumerate(costs)
        if not any(
            other_right <= right and other_up <= up and (other_right, other_up) != (right, up)
            for other_right, other_up in costs
        )
    ]
    return [marks[place] for place in sorted(kept, key=lambda place: (*costs[place], place))]


def scatter_chart(
    marks: Sequence[Mark],
    front: Sequence[Mark],
    *,
    title: str,
    right_label: str,
    up_label: str,
) -> Markup:
    """A chart of marks with the front joined by a line; `marks` has at least one."""
    across = _CostAxis.over([mark.right for mark in marks])
    ends = [end for mark in marks for end in (mark.up, mark.low, mark.high) if end is not None]
    upward = round_span(min(ends), max(ends), start=TOP + PLOT_HEIGHT, end=TOP)
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, TOP + PLOT_HEIGHT + BOTTOM, visible(title)
        ),
        across.drawing(right_label),
        axis_upward(upward, up_label),
        _front_line(front, across, upward),
        *(_mark(mark, across, upward, is_front=mark in front) for mark in marks),
        Markup("</svg>"),
    ]
    return Markup("\n").join(parts)


@dataclass(frozen=True, slots=True)
class _CostAxis:
    """Costs from left to right, by their logarithm where they are far apart."""

    span: Span
    ticks: tuple[float, ...]
    is_log: bool

    @classmethod
    def over(cls, costs: Sequence[float]) -> _CostAxis:
        low, high = min(costs), max(costs)
        is_log = low > 0 and high / low > WIDEST_LINEAR
        if not is_log:
            span = round_span(min(0.0, low), high, start=LEFT, end=END)
            return cls(span, span.ticks(), is_log)
        first, last = math.log10(low), math.log10(high)
        free = MARGIN * (last - first)
        span = Span(first - free, last + free, LEFT, END)
        powers = range(math.ceil(span.low), math.floor(span.high) + 1)
        return cls(span, tuple(10.0**power for power in powers), is_log)

    def place(self, cost: float) -> float:
        return self.span.place(math.log10(cost) if self.is_log else cost)

    def drawing(self, label: str) -> Markup:
        base = TOP + PLOT_HEIGHT
        tick = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
        parts = [tick.format(self.place(cost), base + 17, count_text(cost)) for cost in self.ticks]
        middle = (LEFT + END) / 2
        text = Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>')
        return Markup("").join([*parts, text.format(middle, base + 35, visible(label))])


def _front_line(front: Sequence[Mark], across: _CostAxis, upward: Span) -> Markup:
    points = " ".join(
        f"{across.place(mark.right):.1f},{upward.place(mark.up):.1f}" for mark in front
    )
    return Markup('<polyline class="front" points="{}"/>').format(points)


def _mark(mark: Mark, across: _CostAxis, upward: Span, *, is_front: bool) -> Markup:
    x, y = across.place(mark.right), upward.place(mark.up)
    reach = Markup("")
    if mark.low is not None and mark.high is not None:
        reach = Markup('<line class="reach" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>')
        reach = reach.format(x, upward.place(mark.low), upward.place(mark.high))
    return Markup(
        '<g class="mark{}"><title>{}</title>{}<circle cx="{:.1f}" cy="{:.1f}" r="4"/>'
        '<text x="{:.1f}" y="{:.1f}">{}</text></g>'
    ).format(
        " best" if is_front else "",
        visible(mark.details),
        reach,
        x,
        y,
        x + 7,
        y - 6,
        visible(mark.name),
    )
