"""Intervals from per-example statistics: the bootstrap over a test set (Efron 1979; Koehn 2004),
by percentiles or with the corrections of BCa (Efron 1987).

Refuses to know: which metric it is. Legend: N examples, K statistics per example, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mtnlg.config import EvaluationConfig

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

Aggregate = Callable[[FloatArray], FloatArray]
"""From statistics summed over examples, (..., K), to values, (...)."""

CELLS_PER_CHUNK = 4_000_000
"""Entries of the weight matrix held at once: 32 MB, whatever the size of the test set."""
BLOCK_SIZE = 50_000
"""Examples weighed at a time, so that each chunk has many resamples of them."""


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How examples are resampled for the interval of a score."""

    num_resamples: int = EvaluationConfig.num_resamples
    confidence: float = EvaluationConfig.confidence
    """Share of intervals that hold the true value, 0 to 1."""
    seed: int = EvaluationConfig.seed
    is_bca: bool = EvaluationConfig.has_bca_intervals

    @property
    def tails(self) -> tuple[float, float]:
        """The two quantiles that an interval lies between."""
        tail = (1 - self.confidence) / 2
        return tail, 1 - tail

    def interval(self, statistics: FloatArray, aggregate: Aggregate) -> tuple[float, float, str]:
        """Low, high and the method, which names the reason where BCa is undefined."""
        settings = f"{self.num_resamples} resamples, seed {self.seed}, {100 * self.confidence:g} %"
        remark = ""
        if self.is_bca:
            with np.errstate(all="ignore"):
                ends = bca_interval(statistics, aggregate, self)
            if not isinstance(ends, str):
                return *ends, f"BCa bootstrap, {settings}"
            remark = f"; BCa is undefined, as {ends}"
        low, high = bootstrap_interval(statistics, aggregate, self)
        return low, high, f"percentile bootstrap, {settings}{remark}"


DEFAULT_RESAMPLING = Resampling()


def bootstrap_interval(
    statistics: FloatArray, aggregate: Aggregate, resampling: Resampling = DEFAULT_RESAMPLING
) -> tuple[float, float]:
    """The percentile interval of the aggregate over resampled examples; statistics (N, K), N >= 1.

    Where all examples are equal, both ends are the value itself.
    """
    if np.array_equal(statistics, np.broadcast_to(statistics[0], statistics.shape)):
        value = float(aggregate(statistics.sum(axis=0)))
        return value, value
    low, high = np.quantile(aggregate(resampled_sums(statistics, resampling)), resampling.tails)
    return float(low), float(high)


def bca_interval(
    statistics: FloatArray, aggregate: Aggregate, resampling: Resampling = DEFAULT_RESAMPLING
) -> tuple[float, float] | str:
    """The bias-corrected and accelerated interval over the same resamples (Efron and Tibshirani
    1993, eq. 14.10 to 14.15), a tie of a resample with the value being half below it; or why it is
    undefined.
    """
    influences = jackknife_influences(statistics, aggregate)
    squares = float((influences**2).sum())
    if not squares > 0:
        return "no example changes the value"
    acceleration = float((influences**3).sum()) / (6 * squares**1.5)
    value = aggregate(statistics.sum(axis=0))
    values = aggregate(resampled_sums(statistics, resampling))
    below = float((values < value).mean() + (values <= value).mean()) / 2
    if not 0 < below < 1:
        return "all resamples are on one side of the value"
    normal = NormalDist()
    bias = normal.inv_cdf(below)
    levels = []
    for tail in ((1 - resampling.confidence) / 2, (1 + resampling.confidence) / 2):
        shifted = bias + normal.inv_cdf(tail)
        if acceleration * shifted >= 1:
            return "the acceleration is too large"
        levels.append(normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    low, high = np.quantile(values, levels)
    if not math.isfinite(low) or not math.isfinite(high):
        return "a resample has no finite value"
    return float(low), float(high)


def jackknife_influences(statistics: FloatArray, aggregate: Aggregate) -> FloatArray:
    """How far the value falls without each of N examples, times N - 1, less the mean of these."""
    without = np.asarray(aggregate(statistics.sum(axis=0) - statistics), dtype=np.float64)
    influences: FloatArray = (len(statistics) - 1) * (without.mean() - without)
    return influences


def resampled_sums(statistics: FloatArray, resampling: Resampling) -> FloatArray:
    """Sums over N examples drawn with replacement, (R, K).

    The draws depend only on N, R and the seed, so systems and metrics for which these are equal
    are resampled in pairs.
    """
    num_examples = len(statistics)
    num_resamples, seed = resampling.num_resamples, resampling.seed
    if num_resamples * num_examples <= CELLS_PER_CHUNK:
        return _kept_weights(num_resamples, num_examples, seed) @ statistics
    sums = np.zeros((num_resamples, statistics.shape[1]))
    for resamples, rows, weights in _weights(num_resamples, num_examples, seed):
        sums[resamples] += weights @ statistics[rows]
    return sums


def blocks(num_examples: int) -> list[slice]:
    """The examples of a large test set in parts that stay in a processor's memory while many
    resamples weigh them.
    """
    starts = range(0, num_examples, BLOCK_SIZE)
    return [slice(start, min(start + BLOCK_SIZE, num_examples)) for start in starts]


@lru_cache(maxsize=1)
def _kept_weights(num_resamples: int, num_examples: int, seed: int) -> FloatArray:
    """All weights, which are drawn once for the systems and metrics of a test set."""
    weights = np.empty((num_resamples, num_examples))
    for resamples, rows, drawn in _weights(num_resamples, num_examples, seed):
        weights[resamples, rows] = drawn
    return weights


def _weights(
    num_resamples: int, num_examples: int, seed: int
) -> Iterator[tuple[slice, slice, FloatArray]]:
    """Weights of some resamples and examples at a time."""
    generator = np.random.default_rng(seed)
    parts = blocks(num_examples)
    sizes = np.array([part.stop - part.start for part in parts])
    if len(parts) == 1:
        num_draws = np.full((num_resamples, 1), num_examples)
    else:
        num_draws = generator.multinomial(num_examples, sizes / num_examples, size=num_resamples)
    for place, part in enumerate(parts):
        chunk_size = max(1, CELLS_PER_CHUNK // int(sizes[place]))
        for start in range(0, num_resamples, chunk_size):
            resamples = slice(start, min(start + chunk_size, num_resamples))
            drawn = _draw_weights(generator, num_draws[resamples, place], int(sizes[place]))
            yield resamples, part, drawn


def _draw_weights(
    generator: np.random.Generator, num_draws: npt.NDArray[np.int64], num_examples: int
) -> FloatArray:
    """How often each example is drawn in each of R resamples, (R, N), by the number of draws of
    each, (R,), which its row sums to.
    """
    num_resamples = len(num_draws)
    draws = generator.integers(0, num_examples, size=int(num_draws.sum()))
    draws += np.repeat(np.arange(num_resamples) * num_examples, num_draws)
    counts = np.bincount(draws, minlength=num_resamples * num_examples)
    return counts.reshape(num_resamples, num_examples).astype(np.float64)
