"""Intervals from per-example statistics: the bootstrap over a test set (Efron 1979; Koehn 2004),
by percentiles or with the corrections of BCa (Efron 1987).

Legend: N examples, K statistics per example, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mtnlg.config import EvaluationConfig

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

Aggregate = Callable[[FloatArray], FloatArray]
"""Statistics summed over examples, (..., K) -> values, (...)."""

Counts = tuple[slice, slice, npt.NDArray[np.signedinteger[Any]]]
"""Resamples, examples, and how often each of the first draws each of the second, (R, N)."""

CELLS_PER_CHUNK = 4_000_000
"""Entries of the weight matrix in memory at once: 32 MB, whatever the size of the test set."""
CELLS_KEPT = 4 * CELLS_PER_CHUNK
"""Entries of all chunks together that are kept for the next metric: 64 MB."""
BLOCK_SIZE = 50_000
"""Examples weighted at a time, so that a chunk holds many resamples of them."""


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
    """The percentile interval of the aggregate over resampled examples; where all examples are
    equal, both ends are the value itself.
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
    1993, eq. 14.10 to 14.15), or why it is undefined. A resample that ties with the value counts
    half as below it.
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
    for tail in resampling.tails:
        shifted = bias + normal.inv_cdf(tail)
        if acceleration * shifted >= 1:
            return "the acceleration is too large"
        levels.append(normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    low, high = np.quantile(values, levels)
    if not math.isfinite(low) or not math.isfinite(high):
        return "a resample has no finite value"
    return float(low), float(high)


def jackknife_influences(statistics: FloatArray, aggregate: Aggregate) -> FloatArray:
    """How far each example lifts the value, (N,): N - 1 times the drop without it, centered."""
    without = np.asarray(aggregate(statistics.sum(axis=0) - statistics), dtype=np.float64)
    influences: FloatArray = (len(statistics) - 1) * (without.mean() - without)
    return influences


def resampled_sums(statistics: FloatArray, resampling: Resampling) -> FloatArray:
    """Sums over N examples drawn with replacement, (R, K).

    The draws depend only on N, R and the seed, so all systems and metrics of a test set have the
    same ones.
    """
    num_examples = len(statistics)
    num_resamples, seed = resampling.num_resamples, resampling.seed
    if num_resamples * num_examples <= CELLS_PER_CHUNK:
        return _kept_weights(num_resamples, num_examples, seed) @ statistics
    is_kept = num_resamples * num_examples <= CELLS_KEPT
    chunks = (_kept_counts if is_kept else _counts)(num_resamples, num_examples, seed)
    sums = np.zeros((num_resamples, statistics.shape[1]))
    for resamples, rows, counts in chunks:
        sums[resamples] += counts.astype(np.float64) @ statistics[rows]
    return sums


def blocks(num_examples: int) -> list[slice]:
    """The examples in blocks that fit into a processor's cache while many resamples weight them."""
    starts = range(0, num_examples, BLOCK_SIZE)
    return [slice(start, min(start + BLOCK_SIZE, num_examples)) for start in starts]


@lru_cache(maxsize=1)
def _kept_weights(num_resamples: int, num_examples: int, seed: int) -> FloatArray:
    """All weights, (R, N), drawn once for all systems and metrics of a test set."""
    weights = np.empty((num_resamples, num_examples))
    for resamples, rows, counts in _counts(num_resamples, num_examples, seed):
        weights[resamples, rows] = counts
    return weights


@lru_cache(maxsize=1)
def _kept_counts(num_resamples: int, num_examples: int, seed: int) -> list[Counts]:
    """As `_counts`, of half the size, for all systems and metrics of a test set."""
    chunks = _counts(num_resamples, num_examples, seed)
    return [(resamples, rows, counts.astype(np.int32)) for resamples, rows, counts in chunks]


def _counts(num_resamples: int, num_examples: int, seed: int) -> Iterator[Counts]:
    """How often each resample draws each example, by chunk of resamples and block of examples."""
    generator = np.random.default_rng(seed)
    parts = blocks(num_examples)
    sizes = np.array([block.stop - block.start for block in parts])
    if len(parts) == 1:
        num_draws = np.full((num_resamples, 1), num_examples)
    else:
        num_draws = generator.multinomial(num_examples, sizes / num_examples, size=num_resamples)
    for index, block in enumerate(parts):
        size = int(sizes[index])
        chunk_size = max(1, CELLS_PER_CHUNK // size)
        for start in range(0, num_resamples, chunk_size):
            resamples = slice(start, min(start + chunk_size, num_resamples))
            yield resamples, block, _draw(generator, num_draws[resamples, index], size)


def _draw(
    generator: np.random.Generator, num_draws: npt.NDArray[np.int64], num_examples: int
) -> npt.NDArray[np.int64]:
    """How often each resample draws each example, (R, N), by the number of its draws, (R,)."""
    num_resamples = len(num_draws)
    draws = generator.integers(0, num_examples, size=int(num_draws.sum()))
    draws += np.repeat(np.arange(num_resamples) * num_examples, num_draws)
    counts = np.bincount(draws, minlength=num_resamples * num_examples)
    return counts.reshape(num_resamples, num_examples)
