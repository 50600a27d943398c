"""Values as plain text that each format escapes in its own way: scores, counts, durations."""

from __future__ import annotations

import re
from datetime import datetime

from mtnlg.leaderboard.model import Board, RowComparison
from mtnlg.records.scores import MetricScore

ABSENT = "–"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
OVERRIDE = re.compile(r"(?:[\w.]+\.)?(\w+)=\[?(?:[\w.-]+/)*([^\[\]]*)\]?")
"""A setting in a label: its name without the group, and its value without brackets and folders."""
GROUPS = ("task", "model", "decoding", "experiment")
"""Settings whose values say what they are."""
SUBSETS = {
    "all": "",
    "clean": ", rows without a contamination signal",
    "new_dialogues": ", rows whose whole dialogue is not in training",
}


def board_title(board: Board) -> str:
    """Task, test set and, if it is not all of it, the subset."""
    subset = SUBSETS.get(board.subset, f", {board.subset} subset")
    return f"{board.task} · {board.test_set}{subset}"


def short_label(label: str) -> str:
    """A label whose settings are without folders, and without names that go without saying."""

    def short(match: re.Match[str]) -> str:
        return match[2] if match[1] in GROUPS else f"{match[1]}={match[2]}"

    return OVERRIDE.sub(short, label)


def number_text(value: float, *, unit: str) -> str:
    """Two decimals for a score out of a hundred, four digits for anything else; no -0."""
    return f"{value:z.2f}" if unit == "0-100" else f"{value:z.4g}"


def value_text(metric: MetricScore) -> str:
    """The value alone; its interval, n and signature must be shown near it."""
    return number_text(metric.value, unit=metric.unit)


def interval_text(metric: MetricScore) -> str:
    """The interval in brackets, or "no interval"; the board's notes give the reason."""
    if metric.low is None or metric.high is None:
        return "no interval"
    low, high = (number_text(end, unit=metric.unit) for end in (metric.low, metric.high))
    return f"[{low}, {high}]"


def spread_text(metric: MetricScore) -> str:
    """The standard deviation over seeds and their number; empty for a score of one training."""
    if metric.seed_deviation is None:
        return ""
    deviation = number_text(metric.seed_deviation, unit=metric.unit)
    return f"± {deviation} over {len(metric.seed_values)} seeds"


def score_text(metric: MetricScore) -> str:
    """Value, spread over seeds and interval, for a cell of a table."""
    parts = (value_text(metric), spread_text(metric), interval_text(metric))
    return " ".join(filter(None, parts))


def pair_text(metric: MetricScore) -> str:
    """Value, spread over seeds and interval, for a sentence that has stated n."""
    comma = "" if metric.interval else ","
    value = " ".join(filter(None, (value_text(metric), spread_text(metric))))
    return f"{value}{comma} {interval_text(metric)}"


def full_text(metric: MetricScore) -> str:
    """Value, spread over seeds, interval and n, for a sentence."""
    return f"{pair_text(metric)}, n = {metric.num_examples}"


def evidence_text(metric: MetricScore, name: str) -> str:
    """The score and what it rests on, a line each, to be shown beside it."""
    interval = metric.interval or f"no interval: {metric.interval_reason}"
    lines = [
        f"{name} {pair_text(metric)}",
        f"n = {metric.num_examples}",
        interval,
        f"signature: {metric.signature}",
        seeds_text(metric),
    ]
    return "\n".join(filter(None, lines))


def seeds_text(metric: MetricScore) -> str:
    """The value of each seed; empty for a score that is no mean over seeds."""
    values = (
        f"{seed}: {number_text(value, unit=metric.unit)}"
        for seed, value in metric.seed_values.items()
    )
    return "by seed: " + ", ".join(values) if metric.seed_values else ""


def p_text(p: float) -> str:
    """A p-value with two significant digits, or two decimals from 0.1 on."""
    return f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def difference_text(comparison: RowComparison, *, unit: str) -> str:
    """The difference of two rows with its interval."""
    difference, low, high = (
        number_text(value, unit=unit)
        for value in (comparison.difference, comparison.low, comparison.high)
    )
    return f"{difference} [{low}, {high}]"


def count_text(value: float | None) -> str:
    """A count in thousands, millions and so on, with three digits."""
    if value is None:
        return ABSENT
    for limit, suffix in ((1e15, "Q"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= limit:
            return f"{value / limit:#.3g}".rstrip(".") + suffix
    return f"{value:.4g}"


def flops_text(value: float | None) -> str:
    """Floating-point operations in powers of ten."""
    if value is None:
        return ABSENT
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{mantissa}×10{power}" if value else "0"


def duration_text(seconds: float | None) -> str:
    """Seconds, minutes or hours and minutes, whichever fits."""
    if seconds is None:
        return ABSENT
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 100 else f"{hours} h"


def bytes_text(value: float | None) -> str:
    """Bytes in powers of 1024."""
    if value is None:
        return ABSENT
    for limit, suffix in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= limit:
            return f"{value / limit:.1f} {suffix}"
    return f"{value:.0f} B"


def moment_text(moment: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return ABSENT if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def share_text(flagged: int | None, checked: int | None) -> str:
    """Flagged of checked examples."""
    return ABSENT if flagged is None or checked is None else f"{flagged} / {checked}"
