"""What the answers say: means, which systems differ significantly, and how far raters agree with
each other and with themselves.

The score of an output is the mean of its raters' first answers. Sources are resampled, raters are
not. Legend: N sources, K statistics.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation import Resampling
from mtnlg.evaluation.metrics.base import with_ones
from mtnlg.evaluation.significance.agreement import coincidences, interval_alpha, ordinal_alpha
from mtnlg.evaluation.significance.bootstrap import Aggregate, FloatArray
from mtnlg.evaluation.significance.comparison import (
    PairedTest,
    compact_letter_display,
    compare_systems,
    trials_needed,
)
from mtnlg.ratings.key import Key
from mtnlg.ratings.sheets import Answer
from mtnlg.records.ratings import RatedSystem, Rater, Value

RESAMPLING = Resampling()
TEST = PairedTest.approximate_randomization
INTERVAL = (
    f"percentile bootstrap over sources, {RESAMPLING.num_resamples} resamples, seed "
    f"{RESAMPLING.seed}, {100 * RESAMPLING.confidence:g} %; raters are not resampled, so that it "
    "says nothing of other raters"
)


@dataclass(frozen=True, slots=True)
class Tested:
    """The letters of systems, and the test behind them or the reason for none."""

    letters: Mapping[str, str]
    test: str | None
    reason: str | None


def first_answers(key: Key, answers: Sequence[Answer]) -> list[list[int]]:
    """For each output of the key, the answer of each rater: the first, if it was shown twice."""
    given: list[dict[str, int]] = [{} for _ in key.outputs]
    for answer in sorted(answers, key=lambda answer: answer.is_repeat):
        given[answer.output].setdefault(answer.rater, answer.score)
    return [list(scores.values()) for scores in given]


def system_scores(key: Key, answers: Sequence[Sequence[int]]) -> dict[str, dict[str, float]]:
    """System -> row -> score of its output, if it has an answer."""
    scores: dict[str, dict[str, float]] = {system.label: {} for system in key.systems}
    for output, given in zip(key.outputs, answers, strict=True):
        if given:
            for label in output.systems:
                scores[label][output.row] = fmean(given)
    return scores


def rate_systems(key: Key, answers: Sequence[Sequence[int]]) -> tuple[list[RatedSystem], Tested]:
    """The systems, best first, with their letters, and the test behind the letters."""
    scores = system_scores(key, answers)
    counts = Counter(
        label
        for output, given in zip(key.outputs, answers, strict=True)
        for label in output.systems * len(given)
    )
    tested = _test(scores)
    rated = [
        RatedSystem(
            system.label,
            system.kind,
            system.predictions,
            _mean(list(scores[system.label].values())),
            counts[system.label],
            tested.letters.get(system.label),
        )
        for system in key.systems
    ]
    rated.sort(key=lambda system: (system.mean.value is None, -(system.mean.value or 0.0)))
    return rated, tested


def agreement(key: Key, answers: Sequence[Sequence[int]]) -> tuple[Value, float | None]:
    """Krippendorff's alpha over the outputs with two answers or more: that of ordered values with
    its interval, and that of values with distances.
    """
    values = sorted({score for given in answers for score in given})
    several = sum(len(given) > 1 for given in answers)
    if not several:
        return Value(None, reason="no output has answers of two raters"), None
    statistics = _by_row(key, coincidences(answers, values))
    alpha = ratio(statistics, ordinal_alpha, count=several)
    if alpha.value is None:
        return replace(alpha, reason="all answers are the same"), None
    return alpha, float(interval_alpha(statistics.sum(axis=0), values))


def rater_records(key: Key, answers: Sequence[Answer]) -> list[Rater]:
    """What each rater did, and how often a repeated output got the same answer."""
    records = []
    for name, entries in key.sheets.items():
        theirs = [answer for answer in answers if answer.rater == name]
        first = {answer.output: answer.score for answer in theirs if not answer.is_repeat}
        changes = [
            abs(first[answer.output] - answer.score)
            for answer in theirs
            if answer.is_repeat and answer.output in first
        ]
        records.append(
            Rater(
                name,
                len(entries),
                len(theirs),
                fmean(first.values()) if first else None,
                len(changes),
                changes.count(0),
                fmean(changes) if changes else None,
            )
        )
    return records


def ratio(statistics: FloatArray, aggregate: Aggregate, *, count: int) -> Value:
    """The aggregate of statistics (N, K) with its interval over sources. It has no value where the
    aggregate is not finite, and no interval where that of a resample is not.
    """
    with np.errstate(all="ignore"):
        value = float(aggregate(statistics.sum(axis=0)))
        if not np.isfinite(value):
            return Value(None, count=count, reason="it is no number")
        if len(statistics) == 1:
            return Value(value, count=count)
        low, high, _ = RESAMPLING.interval(statistics, aggregate)
    is_known = bool(np.isfinite([low, high]).all())
    return Value(value, low if is_known else None, high if is_known else None, count)


def _by_row(key: Key, statistics: FloatArray) -> FloatArray:
    """The statistics of outputs, summed for each source."""
    indices = {row: index for index, row in enumerate(key.rows)}
    sums = np.zeros((len(indices), statistics.shape[1]))
    np.add.at(sums, [indices[output.row] for output in key.outputs], statistics)
    return sums


def _mean(scores: Sequence[float]) -> Value:
    if not scores:
        return Value(None, reason="no answer")
    return ratio(with_ones(scores), _mean_of_sums, count=len(scores))


def _mean_of_sums(sums: FloatArray) -> FloatArray:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _test(scores: Mapping[str, Mapping[str, float]]) -> Tested:
    """All pairs of the systems that have answers, on the sources where all of them have one."""
    rated = {label: rows for label, rows in scores.items() if rows}
    if len(rated) < 2:
        return Tested({}, None, "fewer than two systems have answers")
    first, *rest = rated.values()
    shared = [row for row in first if all(row in rows for rows in rest)]
    if len(shared) < 2:
        return Tested({}, None, f"the systems share {len(shared)} sources with answers")
    means = {label: fmean(rows[row] for row in shared) for label, rows in rated.items()}
    labels = sorted(rated, key=lambda label: -means[label])
    num_trials = max(NUM_TRIALS, trials_needed(math.comb(len(labels), 2)))
    compared = compare_systems(
        [with_ones([rated[label][row] for row in shared]) for label in labels],
        _mean_of_sums,
        test=TEST,
        num_trials=num_trials,
        resampling=RESAMPLING,
    )
    letters = compact_letter_display(len(labels), compared)
    corrected = f"Holm-corrected over {len(compared)} comparisons"
    test = (
        f"{TEST.value} on the {len(shared)} sources with a score for every system, {num_trials} "
        f"trials, seed {RESAMPLING.seed}, {corrected if len(compared) > 1 else 'one comparison'}"
    )
    return Tested(dict(zip(labels, letters, strict=True)), test, None)
