"""Charts: where lines, scatters, slices and intervals lie in drawing units, for charts.svg.j2.

Legend of names: `right` and `up` are data; `x` and `y` are drawing units, and y grows downward.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from os.path import commonprefix
from typing import NamedTuple

from markupsafe import Markup

from mtnlg.leaderboard.curves import Point
from mtnlg.leaderboard.ranking import Mark
from mtnlg.leaderboard.sweep import Setting, finite_number
from mtnlg.report.display import count_text
from mtnlg.report.templates import environment, escape
from mtnlg.text.display import visible

WIDTH, PLOT_HEIGHT = 440, 190
LEFT, RIGHT, TOP, BOTTOM = 54, 14, 12, 42
"""Margins around the plot."""
BASE = TOP + PLOT_HEIGHT
"""y of the lower end of the plot."""
LINES_END, MARKS_END = WIDTH - RIGHT, WIDTH - 28
"""x where the plot ends; marks end earlier, since their names stand to the right of them."""
LEGEND_LINE = 18
LEGEND_CHARACTERS = 56
FOREST_ROW, FOREST_CHARACTERS = 36, 40
BAR_WIDTH = 92
TICK_ROOM = 22
"""Half the width of a value below the axis."""
TICK_CHARACTERS = 22
"""Longest name below the axis; the whole name is in the title of its dots."""
CHARACTER_WIDTH, TEXT_HEIGHT = 7.0, 12.0
"""Of the names beside marks."""
MARGIN = 0.06
"""Share of the width that stays free on each side of the outermost marks."""
WIDEST_LINEAR = 20.0
"""Ratio of the largest value to the smallest above which a scale is logarithmic."""
MOST_DOTS = 30
"""Points of a line above which it has no dots."""
NUM_COLORS = 8
"""The stylesheet has the classes c0, c1, and so on."""


class Labels(NamedTuple):
    """The name of a chart and of its two axes."""

    title: str
    right: str
    up: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart. Gray lines have no entry in the legend."""

    label: str
    points: Sequence[Point]
    color: int | None
    """None: gray, behind the others."""

    @property
    def classes(self) -> str:
        """What the stylesheet knows of it."""
        return "gray" if self.color is None else f"c{self.color % NUM_COLORS}"


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
    text: Callable[[float], str] = count_text
    """A value below or beside the axis."""

    def at(self, value: float) -> float:
        """The drawing unit of a value."""
        number = math.log10(value) if self.is_log else value
        return self.start + (number - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values between the ends: their drawing units and their text."""
        values = self._log_ticks() if self.is_log else ticks_between(self.low, self.high)
        return [(self.at(value), self.text(value)) for value in values]

    def _log_ticks(self) -> list[float]:
        """Powers of ten, and multiples of them where there are too few."""
        ends = 10.0**self.low, 10.0**self.high
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        for factors in ((1,), (1, 3), (1, 2, 5)):
            values = [factor * 10.0**power for power in powers for factor in factors]
            values = [value for value in values if ends[0] <= value <= ends[1]]
            if len(values) > 2:
                return values
        return ticks_between(*ends, most=4)


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


def mark_scale(
    values: Sequence[float], *, is_log: bool, text: Callable[[float], str] = count_text
) -> Scale:
    """From left to right with a margin beside the outermost marks."""
    numbers = [math.log10(value) for value in values] if is_log else values
    exact = exact_scale(numbers, start=LEFT, end=MARKS_END)
    margin = (exact.high - exact.low) * MARGIN / (1 - 2 * MARGIN)
    return Scale(exact.low - margin, exact.high + margin, LEFT, MARKS_END, is_log, text)


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
        lines=[
            (line, positions(line.points))
            for line in sorted(drawn, key=lambda line: line.color is not None)
        ],
        legend=[
            (line, _shortened(line.label.replace("\n", " "), LEGEND_CHARACTERS))
            for line in drawn
            if line.color is not None
        ],
    )


def scatter_chart(
    marks: Sequence[Mark],
    front: Sequence[Mark],
    labels: Labels,
    *,
    text: Callable[[float], str] = count_text,
) -> Markup:
    """A chart of at least one mark, with the marks of the front joined by a line; logarithmic in
    the cost where every cost has a logarithm.
    """
    costs = [mark.right for mark in marks]
    ends = [end for mark in marks for end in (mark.up, mark.low, mark.high) if end is not None]
    across = mark_scale(costs, is_log=min(costs) > 0, text=text)
    upward = upward_scale(ends)
    positions = [(across.at(mark.right), upward.at(mark.up)) for mark in marks]
    names = name_positions(positions, [mark.name for mark in marks])
    return _draw(
        "scatter_chart",
        across,
        upward,
        labels,
        marks=[
            (mark, *position, mark in front, name)
            for mark, position, name in zip(marks, positions, names, strict=True)
        ],
        front=[(across.at(mark.right), upward.at(mark.up)) for mark in front],
    )


def name_positions(positions: Sequence[Point], names: Sequence[str]) -> list[Point | None]:
    """Where the left end of each mark's name stands: the nearest of some places at which it covers
    no mark and no other name; None where there is none, and only its title says it.
    """
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in positions]
    chosen: list[Point | None] = []
    for (x, y), name in zip(positions, names, strict=True):
        width = CHARACTER_WIDTH * len(name)
        choices = [
            (left, y + drop)
            for drop in (-6.0, 4.0, 15.0, -19.0, 28.0, -32.0)
            for left in (x + 6, x - 6 - width)
            if left >= LEFT and left + width <= WIDTH and TOP <= y + drop <= BASE
        ]
        boxes = [(left, base - TEXT_HEIGHT + 2, left + width, base + 2) for left, base in choices]
        free = [not any(_overlap(box, other) for other in taken) for box in boxes]
        index = free.index(True) if any(free) else None
        chosen.append(None if index is None else choices[index])
        taken += [] if index is None else [boxes[index]]
    return chosen


def _overlap(left: Sequence[float], right: Sequence[float]) -> bool:
    """Whether two boxes (x, y, x, y) share an area."""
    return all(left[at] < right[at + 2] and right[at] < left[at + 2] for at in (0, 1))


def slice_chart(setting: Setting) -> Markup:
    """The score of each run by the value of one setting, with the means joined by a line."""
    names = [name for name, _, _ in setting.means]
    numbers = [number for name in names if (number := finite_number(name)) is not None]
    if len(numbers) == len(names) and len(set(numbers)) > 1:
        across = mark_scale(numbers, is_log=is_far_apart(numbers))
    else:
        numbers = [float(index) for index in range(len(names))]
        across = Scale(-0.5, len(names) - 0.5, LEFT, MARKS_END)
    upward = upward_scale([trial.score for trial in setting.trials])
    x = {name: across.at(number) for name, number in zip(names, numbers, strict=True)}
    room = int((MARKS_END - LEFT) / len(names) / CHARACTER_WIDTH) - 2
    return _draw(
        "slice_chart",
        across,
        upward,
        Labels(
            f"{setting.measure} by {setting.name}", setting.name, setting.measure.split(" of ")[0]
        ),
        ticks=[(x[name], _shortened(name, max(min(room, TICK_CHARACTERS), 4))) for name in names],
        means=[(x[name], upward.at(mean)) for name, _, mean in setting.means],
        dots=[(trial, x[trial.value], upward.at(trial.score)) for trial in setting.trials],
    )


class Interval(NamedTuple):
    """A row of a forest plot."""

    label: str
    text: str
    """The value with its interval."""
    value: float
    low: float | None
    high: float | None
    color: int = 0


def fitted_ends(intervals: Sequence[Interval]) -> Point:
    """The ends of a scale that these intervals fill, but for a margin that crosses no zero."""
    ends = [end for item in intervals for end in (item.value, item.low, item.high)]
    known = [end for end in ends if end is not None]
    scale = exact_scale(known or [0.0, 1.0], start=0.0, end=1.0)
    margin = (scale.high - scale.low) * MARGIN
    least = scale.low - margin
    return max(least, 0.0) if scale.low >= 0 else least, scale.high + margin


def interval_bar(interval: Interval, *, ends: Point) -> Markup:
    """A value with its interval, if it has one, on a scale that a column shares."""
    return _draw("interval_bar", interval, *_across(interval, Scale(*ends, 2, BAR_WIDTH - 2)))


def forest_chart(intervals: Sequence[Interval], labels: Labels, *, ends: Point) -> Markup:
    """Rows of values with intervals over one axis; an arrow stands for a value beyond its ends."""
    scale = Scale(*ends, 12, WIDTH - 12)
    return _draw(
        "forest_chart",
        scale,
        labels,
        [
            (item, shown, *_across(item, scale))
            for item, shown in zip(intervals, _told_apart(intervals), strict=True)
        ],
    )


def _told_apart(intervals: Sequence[Interval]) -> list[str]:
    """The labels, shortened at the end; in the middle, where the end is what differs."""
    shown = [_shortened(item.label, FOREST_CHARACTERS) for item in intervals]
    for text in {text for text in shown if shown.count(text) > 1}:
        same = [number for number, label in enumerate(shown) if label == text]
        labels = [visible(intervals[number].label) for number in same]
        prefix = commonprefix(labels)  # noqa: RUF071, as it is of no paths
        head = FOREST_CHARACTERS // 2
        start = max(prefix.rfind(" ") + 1, prefix.rfind("|") + 1, head)
        for number, label in zip(same, labels, strict=True):
            middle = f"{label[: head - 1]}…{label[start:]}"
            shown[number] = _shortened(middle, FOREST_CHARACTERS)
    return shown


def _across(interval: Interval, scale: Scale) -> tuple[float, float, float, str]:
    """x of the value and of the interval's ends, and on which side the value is off the scale."""

    def at(value: float | None) -> float:
        value = interval.value if value is None else value
        return min(max(scale.at(value), scale.start), scale.end)

    side = "left" if interval.value < scale.low else "right" if interval.value > scale.high else ""
    return at(interval.value), at(interval.low), at(interval.high), side


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
        "forest_row": FOREST_ROW,
        "num_colors": NUM_COLORS,
        "most_dots": MOST_DOTS,
    }
    return environment(escape).get_template("charts.svg.j2", globals=sizes).module


def _shortened(text: str, length: int) -> str:
    text = visible(text)
    return text if len(text) <= length else text[: length - 1] + "…"
