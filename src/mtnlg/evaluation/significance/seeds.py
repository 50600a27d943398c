"""Several trainings of one system: how far their mean may be from that of all seeds and examples.

A value varies with the seed of its training and with the examples of the test set, which all seeds
share. Both are components of variance, told apart as readers and cases are in studies of diagnosis:
by the jackknife (Dorfman, Berbaum and Metz 1992). Each component gets its own half-width, by t on
one degree less than there are seeds and by the normal distribution over examples, and the interval
is the root of the sum of their squares (Howe 1974): where one component is all there is, it is that
one's own interval. Refuses to know: which metric it is. Legend: S seeds, N examples, K statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np

from mtnlg.config import EvaluationConfig
from mtnlg.evaluation.significance.bootstrap import (
    DEFAULT_RESAMPLING,
    Aggregate,
    FloatArray,
    Resampling,
    jackknife_influences,
)
from mtnlg.evaluation.significance.comparison import (
    NUM_TRIALS,
    Comparison,
    PairedTest,
    compare_systems,
    correct_by_holm,
)
from mtnlg.evaluation.significance.student import bisect, critical_value

LEAST_P = 1e-6
"""No p-value is told to be less than this: what it rests on is an approximation."""


ROUNDING = 1e-6
"""What the degrees of freedom may lack of a whole number that they are."""


_critical_value = lru_cache(maxsize=4_096)(critical_value)


@dataclass(frozen=True, kw_only=True)
class Component:
    """One source of chance in a value."""

    variance: float
    """That of the value, in its unit squared."""
    degrees: float
    """Degrees of freedom that the variance was found with; infinite: as good as known."""


@dataclass(frozen=True, kw_only=True)
class SeededValue:
    """The mean of a system over its seeds, and what it varies by."""

    values: FloatArray
    """Of each seed, (S,)."""
    influences: FloatArray
    """How far each example pulls the value, mean over seeds, (N,); their mean is 0."""
    interaction: float
    """What the disagreement of seeds over examples adds to the variance over either; 0 for one
    seed, of which it is not known."""

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def num_seeds(self) -> int:
        """How often it was trained."""
        return len(self.values)

    def seed_components(self) -> list[Component]:
        """The component of the seeds; none for one seed, whose spread is not known."""
        if self.num_seeds == 1:
            return []
        variance = float(self.values.var(ddof=1)) / self.num_seeds
        return [Component(variance=variance, degrees=self.num_seeds - 1)]

    def interval(self, *, confidence: float = EvaluationConfig.confidence) -> tuple[float, float]:
        """Where the mean over all seeds and examples may be."""
        examples = _example_component(self.influences, self.interaction)
        half = half_width([*self.seed_components(), examples], confidence=confidence)
        return self.value - half, self.value + half


def seeded_value(seeds: Sequence[FloatArray], aggregate: Aggregate) -> SeededValue:
    """From statistics (N, K) of the same N > 1 examples, one for each of S seeds.

    The influences are what the jackknife gives: of a metric that is a mean of examples, the
    difference of each example from it; of a corpus metric, such as BLEU, its linear part.
    """
    influences = np.stack([jackknife_influences(one, aggregate) for one in seeds])  # (S, N)
    num_seeds, num_examples = influences.shape
    mean = influences.mean(axis=0)  # (N,)
    interaction = 0.0
    if num_seeds > 1:
        degrees = (num_seeds - 1) * (num_examples - 1)
        interaction = float(((influences - mean) ** 2).sum()) / degrees / (num_seeds * num_examples)
    values = np.array([float(aggregate(one.sum(axis=0))) for one in seeds])
    return SeededValue(values=values, influences=mean, interaction=interaction)


def standard_error(influences: FloatArray) -> float:
    """That of a value over examples (Efron and Tibshirani 1993, eq. 11.5)."""
    num_examples = len(influences)
    return math.sqrt(float((influences**2).sum()) / (num_examples * (num_examples - 1)))


def half_width(components: Sequence[Component], *, confidence: float) -> float:
    """Half of the interval of a value that varies by independent components."""
    return math.sqrt(_squared_half_width(components, confidence))


def p_value(difference: float, components: Sequence[Component]) -> float:
    """Two-sided: one less the confidence of the widest interval without zero."""
    square = difference * difference
    if square <= _squared_half_width(components, LEAST_P):
        return 1.0
    if square >= _squared_half_width(components, 1 - LEAST_P):
        return LEAST_P

    def excess(logarithm: float) -> float:
        return _squared_half_width(components, -math.expm1(logarithm)) - square

    return math.exp(bisect(excess, math.log(LEAST_P), -LEAST_P, tolerance=1e-6))


def _squared_half_width(components: Sequence[Component], confidence: float) -> float:
    squares = (_critical_value(confidence, one.degrees) ** 2 * one.variance for one in components)
    return math.fsum(squares)


def compare_with_seeds(
    systems: Sequence[Sequence[FloatArray]],
    aggregate: Aggregate,
    *,
    values: Sequence[SeededValue] | None = None,
    test: PairedTest = PairedTest.approximate_randomization,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> list[Comparison]:
    """All pairs of systems that are given best first, each with statistics (N, K) of the same N
    examples for each of its seeds.

    Systems of one seed are compared as compare_systems does, over examples alone. A pair in which
    one has several is compared by means over seeds, and has a p-value that sees the spread of the
    seeds; the spread of a system of one seed stays unknown. Where the systems' values are at hand,
    they are not computed again.
    """
    single = [place for place, seeds in enumerate(systems) if len(seeds) == 1]
    alone = compare_systems(
        [systems[place][0] for place in single],
        aggregate,
        test=test,
        num_trials=num_trials,
        resampling=resampling,
    )
    found = {
        (better, worse): replace(one, better=better, worse=worse)
        for one in alone
        for better, worse in [(single[one.better], single[one.worse])]
    }
    pairs = list(combinations(range(len(systems)), 2))
    if len(found) < len(pairs):
        values = values or [seeded_value(seeds, aggregate) for seeds in systems]
        for better, worse in pairs:
            if (better, worse) not in found:
                found[better, worse] = replace(
                    compare_means(values[better], values[worse], confidence=resampling.confidence),
                    better=better,
                    worse=worse,
                )
    corrected = correct_by_holm([found[pair].p for pair in pairs])
    return [
        replace(found[pair], p_holm=p_holm) for pair, p_holm in zip(pairs, corrected, strict=True)
    ]


def compare_means(
    better: SeededValue,
    worse: SeededValue,
    *,
    confidence: float = EvaluationConfig.confidence,
) -> Comparison:
    """Two means over seeds, each system with seeds of its own, on examples that both share."""
    components = components_between(better, worse)
    difference = better.value - worse.value
    half = half_width(components, confidence=confidence)
    p = p_value(difference, components)
    return Comparison(
        better=0,
        worse=1,
        difference=difference,
        low=difference - half,
        high=difference + half,
        p=p,
        p_holm=p,
    )


def components_between(one: SeededValue, other: SeededValue) -> list[Component]:
    """What the difference of two means varies by: the seeds of both, which are independent and may
    differ in spread (Welch 1947), and the shared examples. Degrees of freedom are rounded down:
    of three seeds, one system's without spread, else 6 % of equal pairs were told apart at 5 %.
    """
    examples = _example_component(
        one.influences - other.influences, one.interaction + other.interaction
    )
    seeds = [*one.seed_components(), *other.seed_components()]
    variance = sum(each.variance for each in seeds)
    if variance == 0:
        return [examples]
    degrees = variance**2 / sum(each.variance**2 / each.degrees for each in seeds)
    whole = math.floor(degrees + ROUNDING)
    return [Component(variance=variance, degrees=whole), examples]


def _example_component(influences: FloatArray, interaction: float) -> Component:
    """What the examples add beyond that which the spread of the seeds shows already."""
    variance = max(standard_error(influences) ** 2 - interaction, 0.0)
    return Component(variance=variance, degrees=math.inf)
