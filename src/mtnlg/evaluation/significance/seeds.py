"""Intervals and tests of systems that were trained several times, over seeds and examples.

A value varies with the seed of the training and with the examples of the test set, which all seeds
share. The jackknife separates the two components of variance, as it separates readers and cases in
studies of diagnosis (Dorfman, Berbaum and Metz 1992). Each has its own half-width: by Student's t
for seeds, by the normal distribution for examples. The interval's half-width is the root of the sum
of their squares (Howe 1974), so one component alone gives its own interval. Legend: S seeds, N
examples, K statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from statistics import NormalDist

import numpy as np

from mtnlg.config import EvaluationConfig
from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation.significance.bootstrap import (
    DEFAULT_RESAMPLING,
    Aggregate,
    FloatArray,
    Resampling,
    jackknife_influences,
)
from mtnlg.evaluation.significance.comparison import (
    POWER,
    SIGNIFICANCE,
    Comparison,
    PairedTest,
    Pairs,
    compare_systems,
    with_holm,
)

LEAST_P = 1e-6
"""Smallest p-value reported, as the distribution behind it is an approximation."""

LOGARITHM_TOLERANCE = 1e-6
"""Relative error of a p-value's logarithm."""

ROUNDING = 1e-6
"""Degrees of freedom this close below a whole number are rounded up to it."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One source of chance in a value."""

    variance: float
    """Variance of the value, in its unit squared."""
    degrees: float
    """Degrees of freedom of the variance; infinite where it is as good as known."""


@dataclass(frozen=True, kw_only=True)
class SeededValue:
    """The mean of a system over its seeds, with the components of its variance."""

    values: FloatArray
    """Value of each seed, (S,)."""
    influences: FloatArray
    """How far each example moves the value, mean over seeds, (N,); they sum to 0."""
    interaction: float
    """Variance that seeds and examples share; 0 for one seed, where it is unknown."""

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def num_seeds(self) -> int:
        """Trainings that the mean is over."""
        return len(self.values)

    def seed_components(self) -> list[Component]:
        """The component of the seeds; empty for one seed, whose spread is unknown."""
        if self.num_seeds == 1:
            return []
        variance = float(self.values.var(ddof=1)) / self.num_seeds
        return [Component(variance=variance, degrees=self.num_seeds - 1)]

    def interval(self, *, confidence: float = EvaluationConfig.confidence) -> tuple[float, float]:
        """The interval of the mean over all possible seeds and examples."""
        examples = _example_component(self.influences, self.interaction)
        half = half_width([*self.seed_components(), examples], confidence=confidence)
        return self.value - half, self.value + half


def seeded_value(seeds: Sequence[FloatArray], aggregate: Aggregate) -> SeededValue:
    """The value of statistics (N, K) of the same N > 1 examples, one array for each of S seeds.

    The influences come from the jackknife: for a metric that is a mean over examples they are the
    difference of each example from the mean; for a corpus metric, such as BLEU, its linear part.
    """
    influences = np.stack([jackknife_influences(seed, aggregate) for seed in seeds])  # (S, N)
    num_seeds, num_examples = influences.shape
    mean = influences.mean(axis=0)  # (N,)
    interaction = 0.0
    if num_seeds > 1:
        degrees = (num_seeds - 1) * (num_examples - 1)
        interaction = float(((influences - mean) ** 2).sum()) / degrees / (num_seeds * num_examples)
    values = np.array([float(aggregate(seed.sum(axis=0))) for seed in seeds])
    return SeededValue(values=values, influences=mean, interaction=interaction)


def standard_error(influences: FloatArray) -> float:
    """The standard error of a value over examples (Efron and Tibshirani 1993, eq. 11.5)."""
    num_examples = len(influences)
    return math.sqrt(float((influences**2).sum()) / (num_examples * (num_examples - 1)))


@lru_cache(maxsize=4_096)
def critical_value(confidence: float, degrees: float) -> float:
    """The two-sided critical value of Student's t; with infinite degrees, of the normal one."""
    if math.isinf(degrees):
        return NormalDist().inv_cdf((1 + confidence) / 2)
    from scipy.special import stdtrit  # 0.2 seconds

    return -float(stdtrit(degrees, (1 - confidence) / 2))


def half_width(components: Sequence[Component], *, confidence: float) -> float:
    """Half the interval of a value that varies by independent components."""
    return math.sqrt(_squared_half_width(components, confidence))


def p_value(difference: float, components: Sequence[Component]) -> float:
    """Two-sided: one minus the confidence of the widest interval that leaves out zero."""
    square = difference * difference
    if square <= _squared_half_width(components, LEAST_P):
        return 1.0
    if square >= _squared_half_width(components, 1 - LEAST_P):
        return LEAST_P
    low, high = math.log(LEAST_P), -LEAST_P
    while True:
        middle = (low + high) / 2
        if high - low <= LOGARITHM_TOLERANCE * abs(middle):
            return math.exp(middle)
        is_wider = _squared_half_width(components, -math.expm1(middle)) > square
        low, high = (middle, high) if is_wider else (low, middle)


def _squared_half_width(components: Sequence[Component], confidence: float) -> float:
    return math.fsum(
        critical_value(confidence, component.degrees) ** 2 * component.variance
        for component in components
    )


def compare_with_seeds(
    systems: Sequence[Sequence[FloatArray]],
    aggregate: Aggregate,
    *,
    pairs: Pairs | None = None,
    values: Sequence[SeededValue] | None = None,
    test: PairedTest = PairedTest.approximate_randomization,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> list[Comparison]:
    """The pairs, or all pairs, of systems, given best first, each with statistics (N, K) of the
    same N examples for each of its seeds.

    Two systems of one seed are compared by compare_systems, over examples alone. Any other pair is
    compared by the means over seeds, with a p-value that includes their spread; the spread of a
    system of one seed stays unknown. `values` are the systems' values, if already computed.
    """
    if pairs is None:
        pairs = list(combinations(range(len(systems)), 2))
    singles = [index for index, seeds in enumerate(systems) if len(seeds) == 1]
    single_pairs = [pair for pair in pairs if set(pair) <= set(singles)]
    single_comparisons = compare_systems(
        [systems[index][0] for index in singles],
        aggregate,
        pairs=[(singles.index(better), singles.index(worse)) for better, worse in single_pairs],
        test=test,
        num_trials=num_trials,
        resampling=resampling,
    )
    comparisons = dict(zip(single_pairs, single_comparisons, strict=True))
    if len(comparisons) < len(pairs):
        values = values or [seeded_value(seeds, aggregate) for seeds in systems]
        for better, worse in pairs:
            if (better, worse) not in comparisons:
                comparisons[better, worse] = compare_means(
                    values[better], values[worse], confidence=resampling.confidence
                )
    return with_holm(
        replace(comparisons[better, worse], better=better, worse=worse) for better, worse in pairs
    )


def compare_means(
    better: SeededValue,
    worse: SeededValue,
    *,
    confidence: float = EvaluationConfig.confidence,
) -> Comparison:
    """Two means over seeds on the same examples; each system has its own seeds."""
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


def equivalence_p(difference: float, components: Sequence[Component], *, margin: float) -> float:
    """The p-value of equivalence by two one-sided tests (TOST, Schuirmann 1987): of the hypothesis
    that the true difference is at least `margin` in either direction. Below 5 %, the interval of
    90 % lies within the margin.
    """
    return one_sided_p(margin - abs(difference), components)


def one_sided_p(distance: float, components: Sequence[Component]) -> float:
    """The p-value of the hypothesis that the true distance is zero or below."""
    tail = p_value(distance, components) / 2
    return tail if distance > 0 else 1 - tail


def detectable_difference(
    components: Sequence[Component], *, level: float = SIGNIFICANCE, power: float = POWER
) -> float:
    """The minimum detectable difference of two systems: the true difference that a two-sided test
    at `level` finds with a chance of `power` (Bloom 1995; for language models Card et al. 2020), by
    the components of the observed one.
    """
    critical = half_width(components, confidence=1 - level)
    return critical + half_width(components, confidence=2 * power - 1)


def components_between(left: SeededValue, right: SeededValue) -> list[Component]:
    """The components of the difference of two means: the seeds of both, which are independent and
    may differ in spread (Welch 1947), and the examples that they share.

    Degrees of freedom are rounded down. Otherwise, with three seeds and no spread in one system,
    6 % of equal pairs would differ significantly at 5 %.
    """
    examples = _example_component(
        left.influences - right.influences, left.interaction + right.interaction
    )
    seeds = [*left.seed_components(), *right.seed_components()]
    variance = sum(component.variance for component in seeds)
    if variance == 0:
        return [examples]
    degrees = variance**2 / sum(component.variance**2 / component.degrees for component in seeds)
    whole = math.floor(degrees + ROUNDING)
    return [Component(variance=variance, degrees=whole), examples]


def _example_component(influences: FloatArray, interaction: float) -> Component:
    """The variance over examples that the spread of the seeds does not include already."""
    variance = max(standard_error(influences) ** 2 - interaction, 0.0)
    return Component(variance=variance, degrees=math.inf)
