"""Human ratings as tables and notes of plain text, which each format escapes in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE
from mtnlg.leaderboard.model import Board
from mtnlg.records.ratings import HumanRatings, Rater, Value
from mtnlg.report.display import ABSENT


@dataclass(frozen=True, slots=True)
class TextTable:
    """Cells of plain text; the first column holds names."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RatingSection:
    """The ratings under one question: systems by rating, metrics by agreement, and notes."""

    title: str
    systems: TextTable
    metrics: TextTable
    notes: dict[str, list[str]]


def rating_sections(board: Board) -> list[RatingSection]:
    """A section for each question that people were asked of a board's systems."""
    return [_section(ratings) for ratings in board.ratings]


def _section(ratings: HumanRatings) -> RatingSection:
    systems = TextTable(
        ("system", "group", "mean rating", "sources", "answers"),
        tuple(
            (
                system.label,
                system.group or ABSENT,
                value_text(system.mean),
                str(system.mean.count),
                str(system.num_answers),
            )
            for system in ratings.systems
        ),
    )
    metrics = TextTable(
        ("metric", "tau-b over systems", "systems", "tau-b within sources", "pairs of outputs"),
        tuple(
            (
                agreement.metric,
                value_text(agreement.systems),
                str(agreement.systems.count),
                value_text(agreement.outputs),
                str(agreement.outputs.count),
            )
            for agreement in ratings.metrics
        ),
    )
    notes = {heading: list(lines) for heading, lines in _notes(ratings)}
    return RatingSection(f"Human ratings: {ratings.name}", systems, metrics, notes)


def value_text(number: Value) -> str:
    """The number with its interval, or why there is none."""
    if number.value is None:
        return f"{ABSENT} ({number.reason})" if number.reason else ABSENT
    if number.low is None or number.high is None:
        return f"{number.value:.2f}"
    return f"{number.value:.2f} [{number.low:.2f}, {number.high:.2f}]"


def _notes(ratings: HumanRatings) -> Iterator[tuple[str, list[str]]]:
    scale = (
        f"{ratings.least} ({ratings.lowest}) to {ratings.greatest} ({ratings.highest}), higher is "
        "better"
    )
    yield "question", [f'"{ratings.question}"', scale, f"interval: {ratings.interval}"]
    if ratings.test is not None:
        alike = "systems that share a letter are not significantly different"
        yield "significance group", [f"{alike} ({ratings.test}, at {SIGNIFICANCE:.0%})"]
    elif ratings.test_reason is not None:
        yield "significance group", [f"not tested: {ratings.test_reason}"]
    yield "agreement", [_agreement(ratings)]
    yield "raters", [_rater(rater) for rater in ratings.raters]
    yield (
        "tau-b",
        [
            "Kendall's tau-b of the ratings and a metric: 1 if both give the same order, -1 if the "
            "opposite one; systems are ordered by the board's scores, outputs by their own value"
        ],
    )
    if ratings.remarks:
        yield "remarks", list(ratings.remarks)
    yield "signature", [ratings.signature]


def _agreement(ratings: HumanRatings) -> str:
    if ratings.alpha.value is None:
        return f"between raters: not computed, {ratings.alpha.reason}"
    distances = ratings.interval_alpha
    interval = "" if distances is None else f", interval alpha {distances:.2f}"
    return (
        f"between raters: Krippendorff's ordinal alpha {value_text(ratings.alpha)}{interval}, over "
        f"{ratings.alpha.count} outputs with two answers or more; 1 is full agreement, 0 is chance"
    )


def _rater(rater: Rater) -> str:
    answered = f"{rater.name} answered {rater.num_answered} of {rater.num_asked} items"
    if rater.mean is not None:
        answered += f", mean {rater.mean:.2f}"
    if not rater.num_repeated or rater.mean_change is None:
        return answered
    return (
        f"{answered}; same answer for {rater.num_same} of {rater.num_repeated} outputs shown twice "
        f"(mean change {rater.mean_change:.2f})"
    )
