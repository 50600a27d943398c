"""Which systems are told apart by a test set: paired tests on the same examples, for any metric.

Refuses to know: which systems they are. Every pair is tested on the same draws, so that many
systems cost little more than two. Legend: S systems, N examples, K statistics, R resamples or
trials, P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from typing import Protocol

import numpy as np

from mtnlg.evaluation.significance.bootstrap import (
    CELLS_PER_CHUNK,
    DEFAULT_RESAMPLING,
    Aggregate,
    FloatArray,
    Resampling,
    blocks,
    resampled_sums,
)

NUM_TRIALS = 10_000
"""sacreBLEU's default for approximate randomization; a p-value can be no less than one by this
many, so that Holm's correction leaves something to find among MAX_COMPARED systems."""


SIGNIFICANCE = 0.05
"""Level below which a corrected p-value tells two systems apart."""


MAX_COMPARED = 30
"""Systems compared at most: their pairs times the least p-value are just below SIGNIFICANCE."""


TIE_TOLERANCE = 1e-9
"""Differences closer than this are equal: their sums differ only in the order of their terms."""


Pairs = Sequence[tuple[int, int]]


class PairedTestFunction(Protocol):
    """Statistics (N, K) of S systems and pairs of their places -> a p-value for each pair."""

    def __call__(
        self,
        statistics: Sequence[FloatArray],
        aggregate: Aggregate,
        pairs: Pairs,
        *,
        num_trials: int,
        seed: int,
    ) -> list[float]: ...


class PairedTest(Enum):
    """How a difference is tested; rows of TESTS, by the name that a report gives them."""

    paired_bootstrap = "paired bootstrap"
    approximate_randomization = "paired approximate randomization"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two systems by their places, the better one first."""

    better: int
    worse: int
    difference: float
    """Value of the better less that of the worse, in the metric's unit: below 0 where lower is
    better.
    """
    low: float
    high: float
    """Percentile interval of the difference, over the resamples of the interval of a score."""
    p: float
    p_holm: float
    """Corrected for all comparisons made together (Holm 1979)."""

    @property
    def is_significant(self) -> bool:
        """True where the two are told apart."""
        return self.p_holm < SIGNIFICANCE


def compare_systems(
    statistics: Sequence[FloatArray],
    aggregate: Aggregate,
    *,
    test: PairedTest = PairedTest.approximate_randomization,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> list[Comparison]:
    """All pairs of S systems that are given best first, each with statistics (N, K) of the same N
    examples.

    All pairs, and not only neighbours in the ranking: being told apart is not transitive, and
    letters need every pair. The default test is the one whose errors are as rare as it says.
    """
    assert len({one.shape for one in statistics}) <= 1, [one.shape for one in statistics]
    pairs = list(combinations(range(len(statistics)), 2))
    if not pairs:
        return []
    values = np.array([aggregate(one.sum(axis=0)) for one in statistics])  # (S,)
    resampled = _resampled_values(statistics, aggregate, resampling)
    p_values = TESTS[test](
        statistics, aggregate, pairs, num_trials=num_trials, seed=resampling.seed
    )
    intervals = [
        np.quantile(resampled[better] - resampled[worse], resampling.tails)
        for better, worse in pairs
    ]
    return [
        Comparison(
            better=better,
            worse=worse,
            difference=float(values[better] - values[worse]),
            low=float(low),
            high=float(high),
            p=p,
            p_holm=p_holm,
        )
        for (better, worse), (low, high), p, p_holm in zip(
            pairs, intervals, p_values, correct_by_holm(p_values), strict=True
        )
    ]


def bootstrap_p_values(
    statistics: Sequence[FloatArray],
    aggregate: Aggregate,
    pairs: Pairs,
    *,
    num_trials: int,
    seed: int,
) -> list[float]:
    """The paired bootstrap (Koehn 2004) as in sacreBLEU's PairedTest: the share of resamples whose
    absolute difference, less the mean of these, is not below the observed one; 1 is added to both
    counts.

    Since a large difference keeps its sign in all resamples, that is the share of one tail only,
    while the better system is chosen after the fact: true nulls are rejected about twice as often
    as the level says. Unlike sacreBLEU's, equal systems have p = 1 and not the least possible.
    """
    values = np.array([aggregate(one.sum(axis=0)) for one in statistics])
    resampled = _resampled_values(
        statistics, aggregate, Resampling(num_resamples=num_trials, seed=seed)
    )
    p_values = []
    for one, other in pairs:
        differences = np.abs(resampled[one] - resampled[other])
        observed = abs(values[one] - values[other])
        p_values.append(_share_not_below(differences - differences.mean(), observed))
    return p_values


def randomization_p_values(
    statistics: Sequence[FloatArray],
    aggregate: Aggregate,
    pairs: Pairs,
    *,
    num_trials: int,
    seed: int,
) -> list[float]:
    """Paired approximate randomization (Riezler and Maxwell 2005), two-sided: the share of trials,
    each of which swaps the outputs of two systems on a random half of the examples, whose absolute
    difference is not below the observed one; 1 is added to both counts.

    sacreBLEU counts differences above the observed one only; a tie is as much a chance as they are.
    """
    totals = [one.sum(axis=0) for one in statistics]  # S of (K,)
    kept = _swapped_sums(np.hstack(statistics), num_trials=num_trials, seed=seed)
    kept = kept.reshape(num_trials, len(statistics), -1)  # (R, S, K): sums where nothing is swapped
    p_values = []
    for one, other in pairs:
        first = aggregate(kept[:, one] + totals[other] - kept[:, other])  # (R,)
        second = aggregate(kept[:, other] + totals[one] - kept[:, one])
        observed = abs(float(aggregate(totals[one])) - float(aggregate(totals[other])))
        p_values.append(_share_not_below(np.abs(first - second), observed))
    return p_values


TESTS: dict[PairedTest, PairedTestFunction] = {
    PairedTest.paired_bootstrap: bootstrap_p_values,
    PairedTest.approximate_randomization: randomization_p_values,
}


def correct_by_holm(p_values: Sequence[float]) -> list[float]:
    """Step-down correction (Holm 1979): comparing these with a level keeps the chance of any false
    difference among all of them below it.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    steps = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1)
    return [float(p) for p in corrected]


def _share_not_below(values: FloatArray, observed: float) -> float:
    """What is no number counts as not below."""
    num_below = int(np.count_nonzero(values < observed - TIE_TOLERANCE))
    return (len(values) - num_below + 1) / (len(values) + 1)


def _resampled_values(
    statistics: Sequence[FloatArray], aggregate: Aggregate, resampling: Resampling
) -> FloatArray:
    """Values of S systems on the same resamples, (S, R)."""
    sums = resampled_sums(np.hstack(statistics), resampling)  # (R, S * K)
    by_system = sums.reshape(len(sums), len(statistics), -1).swapaxes(0, 1)  # (S, R, K)
    return np.asarray(aggregate(by_system), dtype=np.float64)


def _swapped_sums(statistics: FloatArray, *, num_trials: int, seed: int) -> FloatArray:
    """Sums over a random half of the examples, (R, K); the halves depend on N, R and the seed."""
    generator = np.random.default_rng(seed)
    sums = np.zeros((num_trials, statistics.shape[1]))
    for rows in blocks(len(statistics)):
        block = statistics[rows]
        chunk_size = max(1, CELLS_PER_CHUNK // len(block))
        for start in range(0, num_trials, chunk_size):
            trials = slice(start, min(start + chunk_size, num_trials))
            is_kept = generator.random((trials.stop - start, len(block))) < 0.5
            sums[trials] += is_kept.astype(np.float64) @ block
    return sums
