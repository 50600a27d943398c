"""What stands below a board's table, by what it is about: what the numbers rest on, what the
letters mean, how many seeds there are, how small a difference could have been found.

Refuses to know: markup. What comes out is plain text that each format escapes in its own way.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from mtnlg.evaluation.significance.comparison import POWER, SIGNIFICANCE
from mtnlg.leaderboard.model import Board
from mtnlg.report.display import group_notes, metric_notes, number_text, p_text


def board_notes(board: Board) -> dict[str, list[str]]:
    """The notes by their heading, without headings that have nothing to say."""
    notes = metric_notes(board) | {
        "group": group_notes(board),
        "seeds": seed_notes(board),
        "power": power_notes(board),
        "bootstrap": bootstrap_notes(board),
    }
    return {heading: lines for heading, lines in notes.items() if lines}


def seed_notes(board: Board) -> list[str]:
    """Which numbers are means over seeds, and which systems were trained with one alone, so that
    how far another seed would be is not known.
    """
    trained = [row for row in board.rows if row.metrics and row.kind == "trained"]
    several = [row.label for row in trained if len(row.seeds) > 1]
    single = [row.label for row in trained if len(row.seeds) == 1]
    notes = []
    if several:
        notes.append(
            f"means of several seeds ± their standard deviation: {', '.join(several)}; the "
            "interval sees the spread of the seeds and of the examples"
        )
    if single:
        notes.append(f"1 seed: the interval is over examples alone ({', '.join(single)})")
    return notes


def power_notes(board: Board) -> list[str]:
    """How small a true difference the test set shows, from the pairs that were compared: those
    without a baseline where there are any, since the question is seldom whether one of these is
    better. Empty where none were compared.
    """
    baselines = {row.label for row in board.rows if row.kind == "baseline"}
    found = {
        (one.better, one.worse): one.detectable
        for one in board.comparisons
        if one.detectable is not None
    }
    if not found or board.main_metric is None:
        return []
    between = [size for pair, size in found.items() if not baselines.intersection(pair)]
    sizes = between or list(found.values())
    metric = board.ranked[0].metrics[board.main_metric]
    least, middle, most = (
        number_text(size, unit=metric.unit) for size in (min(sizes), median(sizes), max(sizes))
    )
    span = f" (median of {len(sizes)} pairs, {least} to {most})" if len(sizes) > 1 else ""
    return [
        f"minimum detectable difference: with these {metric.num_examples} examples a true "
        f"difference of {middle} {board.main_metric} between two systems like these{span} is found "
        f"in {POWER:.0%} of test sets by a paired test at {SIGNIFICANCE:.0%}, before correction; "
        "(z(0.975) + z(0.8)) x standard error of the paired differences (Bloom 1995)"
    ]


def bootstrap_notes(board: Board) -> list[str]:
    """The paired bootstrap of neighbours in the ranking, where it was asked for; all pairs are in
    leaderboard.json.
    """
    labels = [row.label for row in board.ranked]
    neighbours = set(pairwise(labels))
    found = [
        f"{one.better} and {one.worse} {p_text(one.p_bootstrap)} (the board's own test "
        f"{p_text(one.p)})"
        for one in board.comparisons
        if one.p_bootstrap is not None and (one.better, one.worse) in neighbours
    ]
    if not found:
        return []
    return [
        "paired bootstrap (Koehn 2004) of neighbours, before correction: "
        + ", ".join(found)
        + "; it rejects true nulls about twice as often as its level says, and gives no letters"
    ]
