"""Human ratings as tables and notes of plain text, which each format escapes in its own way.

Refuses to know: markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE
from mtnlg.leaderboard.model import Board
from mtnlg.records.ratings import HumanRatings, Rater, Value
from mtnlg.report.display import ABSENT


@dataclass(frozen=True, slots=True)
class TextTable:
    """Cells of plain text; the first column has names."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RatingSection:
    """What a report shows of the ratings under one question."""

    title: str
    systems: TextTable
    metrics: TextTable
    notes: dict[str, list[str]]


def rating_sections(board: Board) -> list[RatingSection]:
    """A section for each question that people were asked of a board's systems."""
    return [_section(ratings) for ratings in board.ratings]


def _section(ratings: HumanRatings) -> RatingSection:
    """The systems by their ratings, the metrics by their agreement with them, and what the numbers
    stand on.
    """
    systems = TextTable(
        ("system", "group", "mean rating", "sources", "answers"),
        tuple(
            (
                one.label,
                one.group or ABSENT,
                value_text(one.mean),
                str(one.mean.count),
                str(one.num_answers),
            )
            for one in ratings.systems
        ),
    )
    metrics = TextTable(
        ("metric", "tau-b over systems", "systems", "tau-b within sources", "pairs of outputs"),
        tuple(
            (
                one.metric,
                value_text(one.systems),
                str(one.systems.count),
                value_text(one.outputs),
                str(one.outputs.count),
            )
            for one in ratings.metrics
        ),
    )
    notes = {heading: list(lines) for heading, lines in _notes(ratings)}
    return RatingSection(f"Human ratings: {ratings.name}", systems, metrics, notes)


def value_text(found: Value) -> str:
    """The number with its interval, or why there is none."""
    if found.value is None:
        return f"{ABSENT} ({found.reason})" if found.reason else ABSENT
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _notes(ratings: HumanRatings) -> Iterator[tuple[str, list[str]]]:
    scale = (
        f"{ratings.least} ({ratings.lowest}) to {ratings.greatest} ({ratings.highest}), higher is "
        "better"
    )
    yield "question", [f'"{ratings.question}"', scale, f"interval: {ratings.interval}"]
    if ratings.test is not None:
        shared = f"systems that share a letter are not told apart ({ratings.test}, at "
        yield "group", [f"{shared}{SIGNIFICANCE:.0%})"]
    elif ratings.test_reason is not None:
        yield "group", [f"not tested: {ratings.test_reason}"]
    yield "agreement", [_agreement(ratings)]
    yield "raters", [_rater(one) for one in ratings.raters]
    yield (
        "tau-b",
        [
            "Kendall's, of the ratings and a metric that knew nothing of them: 1 where they order "
            "alike, -1 where they order the other way round; systems by the board's scores, "
            "outputs by their own value"
        ],
    )
    if ratings.remarks:
        yield "remarks", list(ratings.remarks)
    yield "signature", [ratings.signature]


def _agreement(ratings: HumanRatings) -> str:
    if ratings.alpha.value is None:
        return f"of raters with each other: not told, {ratings.alpha.reason}"
    distances = ratings.interval_alpha
    also = "" if distances is None else f", of values with distances {distances:.2f}"
    return (
        f"of raters with each other: Krippendorff's alpha of ordered values "
        f"{value_text(ratings.alpha)}{also}, over {ratings.alpha.count} outputs with two answers "
        "or more; 1 is full agreement, 0 that of chance"
    )


def _rater(rater: Rater) -> str:
    answered = f"{rater.name} answered {rater.num_answered} of {rater.num_asked} items"
    if rater.mean is not None:
        answered += f", mean {rater.mean:.2f}"
    if not rater.num_repeated or rater.mean_change is None:
        return answered
    return (
        f"{answered}, and of {rater.num_repeated} shown twice {rater.num_same} alike (mean change "
        f"{rater.mean_change:.2f})"
    )
