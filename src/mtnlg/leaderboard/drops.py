"""Whether a system is worse than its baseline by more than a tolerance: one-sided paired tests over
examples, and over seeds where a side has several, corrected for their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mtnlg.config import EvaluationConfig
from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation.significance.comparison import (
    POWER,
    SIGNIFICANCE,
    compare_systems,
    correct_by_holm,
    trials_needed,
)
from mtnlg.evaluation.significance.seeds import (
    Component,
    components_between,
    critical_value,
    half_width,
    one_sided_p,
)
from mtnlg.leaderboard.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Case:
    """What one test compares."""

    system: str
    task: str
    test_set: str
    run: Evidence
    baseline: Evidence
    tolerance: float

    @property
    def num_seeds(self) -> tuple[int, int]:
        """Seeds of the run and of the baseline."""
        return len(self.run.seeds), len(self.baseline.seeds)


@dataclass(frozen=True, slots=True)
class Drop:
    """One test. Differences are the run less the baseline, in the metric's unit; a drop is positive
    whichever direction is better.
    """

    system: str
    task: str
    test_set: str
    metric: str
    unit: str
    num_examples: int
    num_seeds: tuple[int, int]
    run: float
    baseline: float
    difference: float
    low: float
    high: float
    p: float
    """Of the hypothesis that the drop is at most the tolerance."""
    p_holm: float
    tolerance: float
    detectable: float | None
    """The smallest drop that 80 % of such tests find; None where the outputs are alike."""

    @property
    def is_significant(self) -> bool:
        """True if the run is worse by more than the tolerance."""
        return self.p_holm < SIGNIFICANCE


def find_drops(cases: Sequence[Case], *, num_trials: int = NUM_TRIALS) -> Iterator[Drop]:
    """The tests of one gate, all corrected together."""
    num_trials = max(num_trials, trials_needed(len(cases)))
    tests = [_test(case, num_trials) for case in cases]
    corrected = correct_by_holm([p for *_, p in tests])
    for case, (components, low, high, p), p_holm in zip(cases, tests, corrected, strict=True):
        least = _detectable(components, level=SIGNIFICANCE / len(cases))
        yield Drop(
            *(case.system, case.task, case.test_set, case.run.metric.name, case.run.metric.unit),
            *(len(case.run.value.influences), case.num_seeds),
            *(case.run.value.value, case.baseline.value.value),
            case.run.value.value - case.baseline.value.value,
            *(low, high, p, p_holm, case.tolerance),
            case.tolerance + least if least else None,
        )


def why_untested(case: Case) -> str | None:
    """Why the case has no test; None where it has one."""
    if case.run.metric.higher_is_better is None:
        return "no direction of it is better"
    if len(case.run.value.influences) == 1:
        return "one example says nothing of others"
    numbers = [value.value for value in (case.run.value, case.baseline.value)]
    numbers += [component.variance for component in _components(case)]
    return None if np.isfinite(numbers).all() else "without an example it is no finite number"


def _test(case: Case, num_trials: int) -> tuple[list[Component], float, float, float]:
    """The components of the difference, its interval, and the p-value of the drop.

    Where few outputs of two trainings differ, the jackknife is surer than it may be, so that the
    randomization test must also find a drop.
    """
    components = _components(case)
    difference = case.run.value.value - case.baseline.value.value
    drop = difference if case.run.metric.higher_is_better is False else -difference
    p = one_sided_p(drop - case.tolerance, components)
    if case.num_seeds != (1, 1):
        half = half_width(components, confidence=EvaluationConfig.confidence)
        return components, difference - half, difference + half, p
    (pair,) = compare_systems(
        [case.run.seeds[0], case.baseline.seeds[0]],
        case.run.metric.aggregate,
        num_trials=num_trials,
    )
    return components, pair.low, pair.high, max(p, pair.p / 2 if drop > 0 else 1 - pair.p / 2)


def _components(case: Case) -> list[Component]:
    """The components of the difference; where one side has a single seed, the spread of the other
    stands for its own. The examples have N - 1 degrees of freedom, as in Student's paired test.
    """
    run, baseline = case.run.value, case.baseline.value
    known, single = sorted((run, baseline), key=lambda value: -value.num_seeds)
    if single.num_seeds == 1 < known.num_seeds:
        single = replace(single, interaction=known.interaction * known.num_seeds)
        variance = float(known.values.var(ddof=1)) * (1 + 1 / known.num_seeds)
        seeds = [Component(variance=variance, degrees=known.num_seeds - 1)]
        *_, examples = components_between(known, single)
    else:
        *seeds, examples = components_between(run, baseline)
    return [*seeds, replace(examples, degrees=len(run.influences) - 1)]


def _detectable(components: Sequence[Component], *, level: float) -> float:
    """The true difference that a one-sided test at `level` finds with a chance of POWER."""
    return math.sqrt(
        math.fsum(
            _detectable_deviations(part.degrees, level) ** 2 * part.variance for part in components
        )
    )


@lru_cache(maxsize=4_096)
def _detectable_deviations(degrees: float, level: float) -> float:
    """The same in observed standard errors: by the noncentral t, and as a standard deviation from
    few values is too small on average.
    """
    from scipy.special import gammaln, nctdtrinc

    half = degrees / 2
    bias = math.sqrt(1 / half) * math.exp(gammaln(half + 0.5) - gammaln(half))
    return float(nctdtrinc(degrees, 1 - POWER, critical_value(1 - 2 * level, degrees))) / bias
