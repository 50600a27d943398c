"""How values read on a page: numbers with their interval, counts, durations, and text with nothing
hidden in it.

Refuses to know: markup. What comes out is plain text that each format escapes in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE
from mtnlg.leaderboard.model import Board, RowComparison
from mtnlg.records.scores import MetricScore

ABSENT = "–"


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number_text(value: float, *, unit: str) -> str:
    """Two decimals for a score out of a hundred, four digits for anything else."""
    return f"{value:.2f}" if unit == "0-100" else f"{value:.4g}"


def value_text(metric: MetricScore) -> str:
    """The value alone; whoever shows it shows the interval, n and signature with it."""
    return number_text(metric.value, unit=metric.unit)


def interval_text(metric: MetricScore) -> str:
    """The interval in brackets, or that there is none; the reason stands in the board's notes."""
    if metric.low is None or metric.high is None:
        return "no interval"
    low, high = (number_text(end, unit=metric.unit) for end in (metric.low, metric.high))
    return f"[{low}, {high}]"


def spread_text(metric: MetricScore) -> str:
    """The spread over seeds and their number; empty for a score of one training."""
    if metric.seed_deviation is None:
        return ""
    deviation = number_text(metric.seed_deviation, unit=metric.unit)
    return f"± {deviation} over {len(metric.seed_values)} seeds"


def full_text(metric: MetricScore) -> str:
    """Value, interval and n, for use in a sentence."""
    return f"{pair_text(metric)}, n = {metric.num_examples}"


def pair_text(metric: MetricScore) -> str:
    """Value, spread over seeds and interval, for use in a sentence that has told n."""
    comma = "" if metric.interval else ","
    spread = f" {spread}" if (spread := spread_text(metric)) else ""
    return f"{value_text(metric)}{spread}{comma} {interval_text(metric)}"


def score_text(metric: MetricScore) -> str:
    """Value, spread over seeds and interval, for a cell of a table."""
    parts = (value_text(metric), spread_text(metric), interval_text(metric))
    return " ".join(filter(None, parts))


def evidence_text(metric: MetricScore, name: str) -> str:
    """What one number stands on, to be shown beside it."""
    interval = metric.interval or f"no interval: {metric.interval_reason}"
    by_seed = seeds_text(metric)
    parts = [f"n = {metric.num_examples}", interval, f"signature: {metric.signature}"]
    return f"{name} {pair_text(metric)}\n" + "\n".join(parts + ([by_seed] if by_seed else []))


def seeds_text(metric: MetricScore) -> str:
    """The value of each seed; empty for a score that is no mean over seeds."""
    values = (
        f"{seed}: {number_text(value, unit=metric.unit)}"
        for seed, value in metric.seed_values.items()
    )
    return "by seed: " + ", ".join(values) if metric.seed_values else ""


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
    """Seconds, minutes and hours, the two largest that apply."""
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


DIRECTIONS = {
    True: "higher is better",
    False: "lower is better",
    None: "it describes, and neither direction is better",
}


SUBSETS = {
    "all": "",
    "clean": ", rows without a contamination signal",
    "new_dialogues": ", rows whose whole dialogue is not in training",
}


def board_title(board: Board) -> str:
    """Task, test set and, where it is not all of it, subset."""
    subset = SUBSETS.get(board.subset, f", {board.subset} subset")
    return f"{board.task} · {board.test_set}{subset}"


def contamination_notes(board: Board) -> list[str]:
    """How many of the rows checked have contamination signals, and by which rule, by system where
    systems differ; and whether the ranking changes on the clean rows.
    """
    checks = {row.label: row.contamination for row in board.rows if row.contamination.rule}
    signals = _together(
        {
            label: f"signals found in {one.flagged} of {one.checked} rows checked; {one.rule}"
            for label, one in checks.items()
            if one.flagged is not None and one.checked is not None
        }
    )
    return [*signals, board.clean_ranking] if signals and board.clean_ranking else signals


def metric_notes(board: Board) -> dict[str, list[str]]:
    """Metric -> what its numbers stand on: unit, n, interval and signature, told apart by system
    where they differ.
    """
    return {name: _notes_of(name, board) for name in board.metric_names}


def group_notes(board: Board) -> list[str]:
    """What the letters of the rows mean, and which rows were not tested and why; empty for a board
    with one row.
    """
    notes = []
    if board.comparisons:
        notes.append(
            f"rows that share a letter are not told apart by {board.main_metric} "
            f"({test_text(board)}, at {SIGNIFICANCE:.0%})"
        )
    reasons: dict[str, list[str]] = {}
    for label, reason in board.not_tested.items():
        reasons.setdefault(reason, []).append(label)
    for reason, labels in reasons.items():
        notes.append(f"not tested: {', '.join(labels)}: {reason}")
    return notes


def test_text(board: Board) -> str:
    """The tests behind a board's letters, and over how many comparisons they are corrected."""
    count = len(board.comparisons)
    corrected = f"Holm-corrected over {count} comparisons" if count > 1 else "one comparison"
    tests = dict.fromkeys(one.test for one in board.comparisons)
    return f"{'; '.join(tests)}, {corrected}"


def p_text(p: float) -> str:
    """A p-value with two digits that say something."""
    return f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def difference_text(comparison: RowComparison, *, unit: str) -> str:
    """How far two rows are apart, with the interval."""
    difference, low, high = (
        number_text(value, unit=unit)
        for value in (comparison.difference, comparison.low, comparison.high)
    )
    return f"{difference} [{low}, {high}]"


def _notes_of(name: str, board: Board) -> list[str]:
    scores = {row.label: row.metrics[name] for row in board.rows if name in row.metrics}
    directions = {
        label: f"{score.unit}, {DIRECTIONS[score.higher_is_better]}"
        for label, score in scores.items()
    }
    sizes = {label: f"n = {score.num_examples}" for label, score in scores.items()}
    intervals = {
        label: f"interval: {score.interval}"
        if score.interval
        else f"no interval: {score.interval_reason}"
        for label, score in scores.items()
    }
    signatures = {label: f"signature: {score.signature}" for label, score in scores.items()}
    seeds = [f"{label} {text}" for label, score in scores.items() if (text := seeds_text(score))]
    return [
        note for facts in (directions, sizes, intervals, signatures) for note in _together(facts)
    ] + seeds


def _together(facts: Mapping[str, str]) -> list[str]:
    """Each fact once; with the systems that it holds for, unless it holds for all."""
    holders: dict[str, list[str]] = {}
    for label, fact in facts.items():
        holders.setdefault(fact, []).append(label)
    if len(holders) == 1:
        return list(holders)
    return [f"{fact} ({', '.join(labels)})" for fact, labels in holders.items()]
