"""Which systems differ significantly on a test set: paired tests on the same examples, corrected
for their number, and the compact letter display, where systems that share a letter do not differ.

All pairs are tested on the same draws, so many systems cost little more than two. Legend: S
systems, N examples, K statistics, R resamples or trials.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations
from string import ascii_lowercase
from typing import Protocol

import numpy as np

from mtnlg.config.evaluation import NUM_TRIALS
from mtnlg.evaluation.significance.bootstrap import (
    CELLS_PER_CHUNK,
    DEFAULT_RESAMPLING,
    Aggregate,
    FloatArray,
    Resampling,
    blocks,
    resampled_sums,
)

SIGNIFICANCE = 0.05
"""Two systems differ significantly if the corrected p-value is below this level."""

POWER = 0.8
"""Chance of finding a difference that exists; customary since Cohen (1988)."""

MAX_COMPARED = 30
"""Most systems compared: their pairs times the least p-value are just below SIGNIFICANCE."""

TIE_TOLERANCE = 1e-9
"""Differences closer than this are equal: their sums differ only in the order of their terms."""

Pairs = Sequence[tuple[int, int]]


class PairedTestFunction(Protocol):
    """Statistics (N, K) of S systems and pairs of their indexes -> a p-value for each pair."""

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
    """Names, in reports, of the tests of a difference."""

    paired_bootstrap = "paired bootstrap"
    approximate_randomization = "paired approximate randomization"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two systems by their indexes, the better one first."""

    better: int
    worse: int
    difference: float
    """Value of the better minus that of the worse, in the metric's unit; negative where lower is
    better."""
    low: float
    high: float
    """Percentile interval of the difference, on the resamples of the scores' intervals."""
    p: float
    p_holm: float
    """Corrected for all comparisons made together (Holm 1979)."""

    @property
    def is_significant(self) -> bool:
        """True if the two systems differ significantly."""
        return self.p_holm < SIGNIFICANCE


def compare_systems(
    statistics: Sequence[FloatArray],
    aggregate: Aggregate,
    *,
    pairs: Pairs | None = None,
    test: PairedTest = PairedTest.approximate_randomization,
    num_trials: int = NUM_TRIALS,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> list[Comparison]:
    """Pairs of S systems, given best first, each with statistics (N, K) of the same N examples.

    Without `pairs`, all of them, and not only neighbors in the ranking, because significance is not
    transitive and the compact letter display needs every pair. The default test keeps its level.
    """
    shapes = [array.shape for array in statistics]
    assert len(set(shapes)) <= 1, shapes
    if pairs is None:
        pairs = list(combinations(range(len(statistics)), 2))
    if not pairs:
        return []
    values = np.array([aggregate(array.sum(axis=0)) for array in statistics])  # (S,)
    resampled = _resampled_values(statistics, aggregate, resampling)
    p_values = TESTS[test](
        statistics, aggregate, pairs, num_trials=num_trials, seed=resampling.seed
    )
    intervals = [
        np.quantile(resampled[better] - resampled[worse], resampling.tails)
        for better, worse in pairs
    ]
    return with_holm(
        Comparison(
            better=better,
            worse=worse,
            difference=float(values[better] - values[worse]),
            low=float(low),
            high=float(high),
            p=p,
            p_holm=p,
        )
        for (better, worse), (low, high), p in zip(pairs, intervals, p_values, strict=True)
    )


def bootstrap_p_values(
    statistics: Sequence[FloatArray],
    aggregate: Aggregate,
    pairs: Pairs,
    *,
    num_trials: int,
    seed: int,
) -> list[float]:
    """The paired bootstrap (Koehn 2004), as in sacreBLEU's PairedTest: the share of resamples whose
    absolute difference, minus the mean of these, is not below the observed one; 1 is added to both
    counts.

    A large difference keeps its sign in all resamples, so this is the share of one tail, while the
    better system is chosen after the fact: true nulls are rejected about twice as often as the
    level says. Equal systems have p = 1; sacreBLEU gives them the least p.
    """
    values = np.array([aggregate(array.sum(axis=0)) for array in statistics])
    resampled = _resampled_values(
        statistics, aggregate, Resampling(num_resamples=num_trials, seed=seed)
    )
    p_values = []
    for left, right in pairs:
        differences = np.abs(resampled[left] - resampled[right])
        observed = abs(values[left] - values[right])
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
    """Paired approximate randomization (Riezler and Maxwell 2005), two-sided: the share of trials
    whose absolute difference is not below the observed one; 1 is added to both counts. Each trial
    swaps the outputs of two systems on a random half of the examples.

    sacreBLEU counts only differences above the observed one, but ties come by chance as well.
    """
    totals = [array.sum(axis=0) for array in statistics]  # S of (K,)
    kept = _swapped_sums(np.hstack(statistics), num_trials=num_trials, seed=seed)
    kept = kept.reshape(num_trials, len(statistics), -1)  # (R, S, K): sums where nothing is swapped
    p_values = []
    for left, right in pairs:
        left_values = aggregate(kept[:, left] + totals[right] - kept[:, right])  # (R,)
        right_values = aggregate(kept[:, right] + totals[left] - kept[:, left])
        observed = abs(float(aggregate(totals[left])) - float(aggregate(totals[right])))
        p_values.append(_share_not_below(np.abs(left_values - right_values), observed))
    return p_values


TESTS: dict[PairedTest, PairedTestFunction] = {
    PairedTest.paired_bootstrap: bootstrap_p_values,
    PairedTest.approximate_randomization: randomization_p_values,
}


def with_holm(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """One family of comparisons, corrected for their number."""
    family = list(comparisons)
    corrected = correct_by_holm([comparison.p for comparison in family])
    return [
        replace(comparison, p_holm=p_holm)
        for comparison, p_holm in zip(family, corrected, strict=True)
    ]


def correct_by_holm(p_values: Sequence[float]) -> list[float]:
    """Step-down correction (Holm 1979), which keeps the chance of any false difference among all of
    these below the level that the corrected p-values are compared with.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    steps = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1)
    return [float(p) for p in corrected]


def trials_needed(num_comparisons: int) -> int:
    """The fewest trials whose least p-value, 1 / (trials + 1), is significant after Holm's
    correction for so many comparisons.
    """
    return math.floor(num_comparisons / SIGNIFICANCE + 1e-9)


def compact_letter_display(num_systems: int, comparisons: Sequence[Comparison]) -> list[str]:
    """The letters of each of S systems: two systems share a letter if and only if they are not
    significantly different. The first system has `a`.

    A compact letter display (Piepho 2004) is a cover of the graph of pairs without a significant
    difference by cliques (Gramm et al. 2008), here built in the order of the ranking. Intervals of
    the ranking are not enough, as tests of pairs with different spreads may separate neighbors but
    not the systems around them; nor is insertion and absorption, which may need exponentially many
    letters on the way.
    """
    differing = {(pair.better, pair.worse) for pair in comparisons if pair.is_significant}
    letters = [""] * num_systems
    for index, group in enumerate(_cover_by_cliques(num_systems, differing)):
        for system in group:
            letters[system] += _letter(index)
    return letters


def _share_not_below(values: FloatArray, observed: float) -> float:
    """The share of values that are not below the observed one; NaN is not below."""
    num_below = int(np.count_nonzero(values < observed - TIE_TOLERANCE))
    return (len(values) - num_below + 1) / (len(values) + 1)


def _resampled_values(
    statistics: Sequence[FloatArray], aggregate: Aggregate, resampling: Resampling
) -> FloatArray:
    """Values of S systems on the same resamples, (S, R); exactly the same where statistics are."""
    keys = [array.tobytes() for array in statistics]
    distinct = dict(zip(keys, statistics, strict=True))
    sums = resampled_sums(np.hstack(list(distinct.values())), resampling)  # (R, D * K)
    by_array = sums.reshape(len(sums), len(distinct), -1).swapaxes(0, 1)  # (D, R, K)
    values = dict(zip(distinct, aggregate(by_array), strict=True))
    return np.array([values[key] for key in keys], dtype=np.float64)


def _swapped_sums(statistics: FloatArray, *, num_trials: int, seed: int) -> FloatArray:
    """Sums over random halves of the examples, (R, K); halves depend only on N, R and the seed."""
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


def _cover_by_cliques(
    num_systems: int, differing: set[tuple[int, int]]
) -> Iterator[tuple[int, ...]]:
    """Groups without a significant difference that contain every system and every such pair."""

    def is_alike(left: int, right: int) -> bool:
        return (min(left, right), max(left, right)) not in differing

    covered: set[tuple[int, int]] = set()
    for system in range(num_systems):
        partners = [
            partner
            for partner in range(num_systems)
            if partner != system and is_alike(partner, system)
        ]
        if not partners:
            yield (system,)
        for partner in partners:
            if partner < system or (system, partner) in covered:
                continue
            group = [system, partner]
            for candidate in range(num_systems):
                if candidate not in group and all(is_alike(candidate, member) for member in group):
                    group.append(candidate)
            yield tuple(sorted(group))
            covered.update(combinations(sorted(group), 2))


def _letter(index: int) -> str:
    """a to z, then a1 to z1 and so on."""
    round_number, letter = divmod(index, len(ascii_lowercase))
    return ascii_lowercase[letter] + (str(round_number) if round_number else "")
