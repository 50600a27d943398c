"""Charts as inline SVG, written by hand: axes, ticks, lines and a legend. Colors are classes that
the page defines.

Refuses to know: what is drawn. All text is escaped here, so that a label can hold anything. Legend
of names: right and up are data; x and y are places in the drawing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtnlg.leaderboard.curves import Point
from mtnlg.leaderboard.pareto import Mark
from mtnlg.leaderboard.sweep import Trial, finite_number, mean_of, ordered_values
from mtnlg.report.display import count_text
from mtnlg.text.visible import visible

NUM_COLORS = 8
"""Colors that the page defines as classes c0, c1 and so on."""


WIDTH, PLOT_HEIGHT = 600, 240


LEFT, RIGHT, TOP, BOTTOM = 62, 16, 14, 46


LEGEND_LINE = 20


BAR_WIDTH = 90


LEGEND_CHARACTERS = 72


TICK_ROOM = 24
"""Half the width of a value below the axis."""


DASHES = ("solid", "dashed", "dotted", "dash-dotted")
"""How lines of one color are told apart, as classes d0, d1 and so on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart. Lines of one color belong together; a faint one is the background of
    the other, and those of one label share their entry in the legend.
    """

    label: str
    points: Sequence[Point]
    color: int
    is_faint: bool = False
    dash: int = 0
    name: str = ""
    """What this line alone is; told where it is pointed at."""
    is_of_several: bool = False
    """Thin, since others of its label are beside it."""


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two curves over the same places, behind the lines of its color."""

    low: Sequence[Point]
    high: Sequence[Point]
    color: int


@dataclass(frozen=True, slots=True)
class Span:
    """The values between two ends of an axis, and the places that they are drawn at."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where a value is drawn, in drawing units."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> tuple[float, ...]:
        """Round values between the ends."""
        return tuple(ticks_between(self.low, self.high))


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    right_label: str,
    up_label: str,
    bands: Sequence[Band] = (),
) -> Markup:
    """A chart of lines; empty markup where there is no point to draw."""
    drawn = [line for line in lines if line.points]
    if not drawn:
        return Markup("")
    rights = [right for line in drawn for right, _ in line.points]
    ups = [up for line in drawn for _, up in line.points]
    across = round_span(
        min(0.0, *rights), max(rights), start=LEFT, end=WIDTH - RIGHT, is_exact=True
    )
    upward = round_span(min(ups), max(ups), start=TOP + PLOT_HEIGHT, end=TOP)
    legend = {line.label: line for line in reversed(drawn)}
    entries = [legend[label] for label in dict.fromkeys(line.label for line in drawn)]
    height = TOP + PLOT_HEIGHT + BOTTOM + LEGEND_LINE * len(entries)
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, height, visible(title)
        ),
        _axis_across(across, right_label),
        axis_upward(upward, up_label),
        *(_area(band, across, upward) for band in bands if len(band.low) > 1),
        *(_polyline(line, across, upward) for line in drawn),
        *(_legend_entry(line, place) for place, line in enumerate(entries)),
        Markup("</svg>"),
    ]
    return Markup("\n").join(parts)


def interval_bar(value: float, *, low: float | None, high: float | None, ends: Point) -> Markup:
    """A value and its interval on a scale that the rows of a board share; without interval the
    value alone.
    """
    span = round_span(*ends, start=1, end=BAR_WIDTH - 1, is_exact=True)
    reach = Markup("")
    if low is not None and high is not None:
        first, last = span.place(low), span.place(high)
        reach = Markup('<rect class="reach" x="{:.1f}" y="3" width="{:.1f}" height="6"/>').format(
            first, max(last - first, 1)
        )
    return Markup(
        '<svg class="bar" viewBox="0 0 {0} 12" width="{0}" height="12" aria-hidden="true">'
        '<line x1="0" x2="{0}" y1="6" y2="6"/>{1}'
        '<rect class="value" x="{2:.1f}" y="1" width="2" height="10"/></svg>'
    ).format(BAR_WIDTH, reach, span.place(value) - 1)


def ticks_between(low: float, high: float, *, most: int = 6) -> list[float]:
    """Round values that cover a range in at most so many steps of 1, 2 or 5 powers of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def round_span(
    low: float, high: float, *, start: float, end: float, is_exact: bool = False
) -> Span:
    """A span that is not empty; unless exact, widened to round values."""
    if not high - low > 1e-12 * max(abs(low), abs(high)):
        middle, reach = (low + high) / 2, max(abs(low), 1.0) / 2
        low, high = middle - reach, middle + reach
    if not is_exact:
        step = ticks_between(low, high)
        size = step[1] - step[0] if len(step) > 1 else high - low
        low, high = math.floor(low / size) * size, math.ceil(high / size) * size
    return Span(low, high, start, end)


def _axis_across(span: Span, label: str) -> Markup:
    base = TOP + PLOT_HEIGHT
    parts = [
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
            place,
            base + 17,
            "middle" if place + TICK_ROOM < WIDTH else "end",
            count_text(tick),
        )
        for tick in span.ticks()
        for place in [span.place(tick)]
    ]
    parts.append(
        Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, base + 35, visible(label)
        )
    )
    return Markup("").join(parts)


def axis_upward(span: Span, label: str) -> Markup:
    """Lines at round values, with the values and the name of the axis to the left."""
    parts = []
    for tick in ticks_between(span.low, span.high):
        y = span.place(tick)
        parts.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, count_text(tick))
        )
    middle = TOP + PLOT_HEIGHT / 2
    parts.append(
        Markup(
            '<text class="axis" transform="translate(14 {}) rotate(-90)" text-anchor="middle">'
            "{}</text>"
        ).format(middle, visible(label))
    )
    return Markup("").join(parts)


def _area(band: Band, across: Span, upward: Span) -> Markup:
    around = [*band.low, *reversed(band.high)]
    return Markup('<polygon class="c{}" points="{}"/>').format(
        band.color % NUM_COLORS,
        " ".join(f"{across.place(right):.1f},{upward.place(up):.1f}" for right, up in around),
    )


def _polyline(line: Line, across: Span, upward: Span) -> Markup:
    places = [(across.place(right), upward.place(up)) for right, up in line.points]
    drawn = Markup('<polyline class="{}" points="{}"{}').format(
        _classes(line),
        " ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        Markup("><title>{}</title></polyline>").format(visible(line.name))
        if line.name
        else Markup("/>"),
    )
    if line.is_faint or len(places) > 30:
        return drawn
    dots = [
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2.4"/>').format(_classes(line), x, y)
        for x, y in places
    ]
    return drawn + Markup("").join(dots)


def _legend_entry(line: Line, place: int) -> Markup:
    y = TOP + PLOT_HEIGHT + BOTTOM + LEGEND_LINE * place + 8
    label = visible(line.label).replace("\n", " ")
    if len(label) > LEGEND_CHARACTERS:
        label = label[: LEGEND_CHARACTERS - 1] + "…"
    return Markup(
        '<polyline class="{}" points="{},{} {},{}"/><text class="legend" x="{}" y="{}">{}</text>'
    ).format(_classes(line), LEFT, y, LEFT + 26, y, LEFT + 34, y + 4, label)


def _classes(line: Line) -> str:
    dash = line.dash % len(DASHES)
    return (
        f"c{line.color % NUM_COLORS}"
        + (f" d{dash}" if dash else "")
        + (" faint" if line.is_faint else "")
        + (" seed" if line.is_of_several else "")
    )


END = WIDTH - 34
"""Where costs end: the names of the dearest marks still find their place."""


MARGIN = 0.06
"""Share of the width that stays free beside the outermost marks."""


WIDEST_LINEAR = 20.0
"""Largest cost over smallest from which the costs are drawn by their powers of ten."""


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


END = WIDTH - 34


WIDEST_LINEAR = 20.0
"""Largest number over smallest from which the scale is by powers of ten."""


LONGEST_TICK = 22
"""Characters of a value below the axis; all of it is told where it is pointed at."""


def slice_chart(trials: Sequence[Trial], *, name: str, up_label: str) -> Markup:
    """A chart of at least one trial."""
    values = ordered_values([trial.value for trial in trials])
    places = _places(values)
    scores = [trial.score for trial in trials]
    upward = round_span(min(scores), max(scores), start=TOP + PLOT_HEIGHT, end=TOP)
    means = " ".join(
        f"{places[value]:.1f},{upward.place(mean):.1f}"
        for value in values
        if (mean := mean_of(trials, value)) is not None
    )
    tick = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    dot = Markup(
        '<g class="mark best"><title>{}</title><circle cx="{:.1f}" cy="{:.1f}" r="4"/></g>'
    )
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, TOP + PLOT_HEIGHT + BOTTOM, visible(f"{up_label} by {name}")
        ),
        *(tick.format(places[value], TOP + PLOT_HEIGHT + 17, _short(value)) for value in values),
        Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            (LEFT + END) / 2, TOP + PLOT_HEIGHT + 35, visible(name)
        ),
        axis_upward(upward, up_label),
        Markup('<polyline class="front" points="{}"/>').format(means),
        *(
            dot.format(visible(trial.details), places[trial.value], upward.place(trial.score))
            for trial in trials
        ),
        Markup("</svg>"),
    ]
    return Markup("\n").join(parts)


def _places(values: Sequence[str]) -> dict[str, float]:
    """Where each value is from left to right."""
    numbers = [number for value in values if (number := finite_number(value)) is not None]
    width = END - LEFT
    if len(numbers) < len(values) or len(set(numbers)) < 2:
        step = width / len(values)
        return {value: LEFT + step * (place + 0.5) for place, value in enumerate(values)}
    if min(numbers) > 0 and max(numbers) / min(numbers) > WIDEST_LINEAR:
        numbers = [math.log10(number) for number in numbers]
    low, high = min(numbers), max(numbers)
    shares = [(number - low) / (high - low) for number in numbers]
    return {
        value: LEFT + width * (0.06 + 0.88 * share)
        for value, share in zip(values, shares, strict=True)
    }


def _short(value: str) -> str:
    text = visible(value)
    return text if len(text) <= LONGEST_TICK else text[: LONGEST_TICK - 1] + "…"
