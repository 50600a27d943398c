"""Charts: where lines, scatters, slices and bars lie in drawing units; charts.svg.j2 draws them.

Legend of names: `right` and `up` are data; `x` and `y` are drawing units, and y grows downward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from markupsafe import Markup

from mtnlg.leaderboard.curves import Point
from mtnlg.leaderboard.ranking import Mark
from mtnlg.leaderboard.sweep import Setting, finite_number
from mtnlg.report.display import count_text
from mtnlg.report.templates import environment, escape
from mtnlg.text.display import visible

WIDTH, PLOT_HEIGHT = 600, 240
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 14, 46
"""Margins around the plot."""
BASE = TOP + PLOT_HEIGHT
"""y of the lower end of the plot."""
LINES_END, MARKS_END = WIDTH - RIGHT, WIDTH - 34
"""x where the plot ends; marks end earlier, since their names stand to the right of them."""
LEGEND_LINE = 20
LEGEND_CHARACTERS = 72
BAR_WIDTH = 90
TICK_ROOM = 24
"""Half the width of a value below the axis."""
TICK_CHARACTERS = 22
"""Longest name below the axis; the whole name is in the title of its dots."""
MARGIN = 0.06
"""Share of the width that stays free on each side of the outermost marks."""
WIDEST_LINEAR = 20.0
"""Ratio of the largest value to the smallest above which a scale is logarithmic."""
MOST_DOTS = 30
"""Points of a line above which it has no dots."""
NUM_COLORS = 8
"""The stylesheet has the classes c0, c1, and so on."""
DASHES = ("solid", "dashed", "dotted", "dash-dotted")
"""What distinguishes lines of one color, as the classes d0, d1, and so on."""


class Labels(NamedTuple):
    """The name of a chart and of its two axes."""

    title: str
    right: str
    up: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart. Lines with the same label share a legend entry."""

    label: str
    points: Sequence[Point]
    color: int
    is_faint: bool = False
    """Drawn as background of the other lines of its color."""
    dash: int = 0
    name: str = ""
    """What this line alone is; shown by the browser when the reader points at it."""
    is_of_several: bool = False
    """Thinner, since other lines of its label are beside it."""

    @property
    def classes(self) -> str:
        """What the stylesheet knows of it."""
        dash = self.dash % len(DASHES)
        marks = {f"d{dash}": dash, "faint": self.is_faint, "seed": self.is_of_several}
        return " ".join([f"c{self.color % NUM_COLORS}", *filter(marks.get, marks)])


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two curves over the same points of the axis, behind the lines."""

    low: Sequence[Point]
    high: Sequence[Point]
    color: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values between two ends to drawing units, linearly or by their logarithm."""

    low: float
    """The value at `start`; of a logarithmic scale, its power of ten."""
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """The drawing unit of a value."""
        number = math.log10(value) if self.is_log else value
        return self.start + (number - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values between the ends: their drawing units and their text."""
        if self.is_log:
            powers = range(math.ceil(self.low), math.floor(self.high) + 1)
            values = [10.0**power for power in powers]
        else:
            values = ticks_between(self.low, self.high)
        return [(self.at(value), count_text(value)) for value in values]


def ticks_between(low: float, high: float, *, most: int = 6) -> list[float]:
    """Round values within a range, in at most so many steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def exact_scale(values: Sequence[float], *, start: float, end: float) -> Scale:
    """From the smallest value to the largest; around a single value where all are equal."""
    low, high = min(values), max(values)
    if not high - low > 1e-12 * max(abs(low), abs(high)):
        middle, reach = (low + high) / 2, max(abs(low), 1.0) / 2
        low, high = middle - reach, middle + reach
    return Scale(low, high, start, end)


def round_scale(values: Sequence[float], *, start: float, end: float) -> Scale:
    """An exact scale widened to round values at both ends."""
    exact = exact_scale(values, start=start, end=end)
    ticks = ticks_between(exact.low, exact.high)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else exact.high - exact.low
    low, high = math.floor(exact.low / step) * step, math.ceil(exact.high / step) * step
    return Scale(low, high, start, end)


def mark_scale(values: Sequence[float]) -> Scale:
    """From left to right with a margin beside the outermost marks, of at least two values."""
    is_log = is_far_apart(values)
    low, high = min(values), max(values)
    if is_log:
        low, high = math.log10(low), math.log10(high)
    margin = (high - low) * MARGIN / (1 - 2 * MARGIN)
    return Scale(low - margin, high + margin, LEFT, MARKS_END, is_log)


def is_far_apart(values: Sequence[float]) -> bool:
    """True for positive values that a linear scale would press together."""
    return min(values) > 0 and max(values) / min(values) > WIDEST_LINEAR


def upward_scale(values: Sequence[float]) -> Scale:
    """From the base of the plot to its top, between round values."""
    return round_scale(values, start=BASE, end=TOP)


def line_chart(lines: Sequence[Line], labels: Labels, *, bands: Sequence[Band] = ()) -> Markup:
    """A chart of lines; empty markup where no line has a point."""
    drawn = [line for line in lines if line.points]
    if not drawn:
        return Markup("")
    rights = [right for line in drawn for right, _ in line.points]
    across = exact_scale([min(0.0, *rights), max(rights)], start=LEFT, end=LINES_END)
    upward = upward_scale([up for line in drawn for _, up in line.points])

    def positions(points: Sequence[Point]) -> list[Point]:
        return [(across.at(right), upward.at(up)) for right, up in points]

    first_lines = {line.label: line for line in reversed(drawn)}
    labels_in_order = dict.fromkeys(line.label for line in drawn)
    return _draw(
        "line_chart",
        across,
        upward,
        labels,
        areas=[
            (band, positions([*band.low, *reversed(band.high)]))
            for band in bands
            if len(band.low) > 1
        ],
        lines=[(line, positions(line.points)) for line in drawn],
        legend=[
            (first_lines[label], _shortened(label.replace("\n", " "), LEGEND_CHARACTERS))
            for label in labels_in_order
        ],
    )


def scatter_chart(marks: Sequence[Mark], front: Sequence[Mark], labels: Labels) -> Markup:
    """A chart of at least one mark, with the marks of the front joined by a line."""
    costs = [mark.right for mark in marks]
    ends = [end for mark in marks for end in (mark.up, mark.low, mark.high) if end is not None]
    across = (
        mark_scale(costs)
        if is_far_apart(costs)
        else round_scale([0.0, *costs], start=LEFT, end=MARKS_END)
    )
    upward = upward_scale(ends)
    return _draw(
        "scatter_chart",
        across,
        upward,
        labels,
        marks=[(mark, across.at(mark.right), upward.at(mark.up), mark in front) for mark in marks],
        front=[(across.at(mark.right), upward.at(mark.up)) for mark in front],
    )


def slice_chart(setting: Setting) -> Markup:
    """The score of each run by the value of one setting, with the means joined by a line."""
    names = [name for name, _, _ in setting.means]
    numbers = [number for name in names if (number := finite_number(name)) is not None]
    if len(numbers) == len(names) and len(set(numbers)) > 1:
        across = mark_scale(numbers)
    else:
        numbers = [float(index) for index in range(len(names))]
        across = Scale(-0.5, len(names) - 0.5, LEFT, MARKS_END)
    upward = upward_scale([trial.score for trial in setting.trials])
    x = {name: across.at(number) for name, number in zip(names, numbers, strict=True)}
    return _draw(
        "slice_chart",
        across,
        upward,
        Labels(f"{setting.measure} by {setting.name}", setting.name, setting.measure),
        ticks=[(x[name], _shortened(name, TICK_CHARACTERS)) for name in names],
        means=[(x[name], upward.at(mean)) for name, _, mean in setting.means],
        dots=[(trial, x[trial.value], upward.at(trial.score)) for trial in setting.trials],
    )


def interval_bar(value: float, *, low: float | None, high: float | None, ends: Point) -> Markup:
    """A value with its interval, if it has one, on a scale that the rows of a board share."""
    scale = exact_scale(ends, start=1, end=BAR_WIDTH - 1)
    if low is None or high is None:
        return _draw("interval_bar", scale.at(value), 0, 0)
    start = scale.at(low)
    return _draw("interval_bar", scale.at(value), start, max(scale.at(high) - start, 1))


def _draw(macro: str, *arguments: object, **named: object) -> Markup:
    return Markup(getattr(_drawings(), macro)(*arguments, **named))


@cache
def _drawings() -> object:
    """The macros of the template of charts."""
    sizes = {
        "width": WIDTH,
        "left": LEFT,
        "top": TOP,
        "base": BASE,
        "bottom": BOTTOM,
        "lines_end": LINES_END,
        "tick_room": TICK_ROOM,
        "legend_line": LEGEND_LINE,
        "bar_width": BAR_WIDTH,
        "num_colors": NUM_COLORS,
        "most_dots": MOST_DOTS,
    }
    return environment(escape).get_template("charts.svg.j2", globals=sizes).module


def _shortened(text: str, length: int) -> str:
    text = visible(text)
    return text if len(text) <= length else text[: length - 1] + "…"
