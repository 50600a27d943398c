"""A slice plot as inline SVG: what a score was for each value of one setting, whatever the others
were; the line joins the means.

Refuses to know: runs. All text is escaped here. Numbers have a scale, by their powers of ten where
they are far apart; words stand side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtnlg.reporting.charts import BOTTOM, LEFT, PLOT_HEIGHT, TOP, WIDTH, axis_upward, round_span
from mtnlg.reporting.display import visible

END = WIDTH - 34
WIDEST_LINEAR = 20.0
"""Largest number over smallest from which the scale is by powers of ten."""
LONGEST_TICK = 22
"""Characters of a value below the axis; all of it is told where it is pointed at."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One value of the setting and the score that a run had with it."""

    value: str
    score: float
    details: str


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


def mean_of(trials: Sequence[Trial], value: str) -> float | None:
    """The mean score of one value; None where no trial has it."""
    scores = [trial.score for trial in trials if trial.value == value]
    return math.fsum(scores) / len(scores) if scores else None


def ordered_values(values: Sequence[str]) -> list[str]:
    """Each value once: numbers by their size, words as they came."""
    distinct = list(dict.fromkeys(values))
    numbers = {value: _number(value) for value in distinct}
    if all(number is not None for number in numbers.values()):
        return sorted(distinct, key=lambda value: numbers[value] or 0.0)
    return distinct


def _places(values: Sequence[str]) -> dict[str, float]:
    """Where each value is from left to right."""
    numbers = [number for value in values if (number := _number(value)) is not None]
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


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _short(value: str) -> str:
    text = visible(value)
    return text if len(text) <= LONGEST_TICK else text[: LONGEST_TICK - 1] + "…"
