"""Scores of simulated systems with a known truth, and how often something happened on them.

Scores of examples are normal, from 0 to 100. Legend: S seeds, N examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.special import betaincinv

from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.significance.comparison import POWER, SIGNIFICANCE

NUM_TRIALS = 1_000
NUM_EXAMPLES = 100
BOARD_TRIALS = 999
"""Trials of each randomization: fewer than on a board, so that a thousand take seconds."""

EXAMPLES_DEVIATION = 20.0
"""Standard deviation of the scores of examples, shared by all systems and seeds."""
SEED_DEVIATION = 10.0
"""Standard deviation that each seed adds to each example."""
CONFIDENCE = 0.95
LEAST_COVERAGE = 0.93


class Wanted(Enum):
    """The requirement on a share."""

    coverage = f"at least {LEAST_COVERAGE:.0%}"
    level = f"lower bound at most {SIGNIFICANCE:.0%}"
    power = f"{POWER:.0%} within the bounds"
    reached = f"at least {POWER:.0%} within the bounds"
    family = f"at most {SIGNIFICANCE:.0%}"
    stated = "stated"
    nothing = "–"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How often something happened, with the requirement."""

    what: str
    setting: str
    wanted: Wanted
    count: int
    total: int

    @property
    def share(self) -> float:
        """The share of trials in which it happened, 0 to 1."""
        return self.count / self.total

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval of its chance."""
        return share_bounds(self.count, self.total, confidence=0.95)

    @property
    def is_as_wanted(self) -> bool:
        """True if the share meets the requirement."""
        low, high = self.bounds
        return {
            Wanted.coverage: self.share >= LEAST_COVERAGE,
            Wanted.level: low <= SIGNIFICANCE,
            Wanted.power: low <= POWER <= high,
            Wanted.reached: high >= POWER,
            Wanted.family: self.share <= SIGNIFICANCE,
            Wanted.stated: True,
            Wanted.nothing: True,
        }[self.wanted]


def share_bounds(count: int, total: int, *, confidence: float) -> tuple[float, float]:
    """The interval of a chance by what happened `count` of `total` times, exact on each side
    (Clopper and Pearson 1934).
    """
    tail = (1 - confidence) / 2
    low = betaincinv(count, total - count + 1, tail) if count else 0.0
    high = betaincinv(count + 1, total - count, 1 - tail) if count < total else 1.0
    return float(low), float(high)


def mean(sums: FloatArray) -> FloatArray:
    """A metric that is a mean over examples, such as ROUGE."""
    return sums[..., 0] / sums[..., 1]


def made_seeds(
    generator: np.random.Generator, examples: FloatArray, *, num_seeds: int, spread: float
) -> list[FloatArray]:
    """Statistics (N, 2) of S trainings with an average of 50 over all seeds and examples, which
    share the scores of examples, (N,).
    """
    size = len(examples)
    seed_deviation = spread * np.hypot(EXAMPLES_DEVIATION, SEED_DEVIATION) / np.sqrt(size)
    shifts = seed_deviation * generator.normal(size=(num_seeds, 1))
    scores = 50 + examples + shifts + SEED_DEVIATION * generator.normal(size=(num_seeds, size))
    return [np.column_stack([row, np.ones(size)]) for row in scores]


def shared_examples(generator: np.random.Generator) -> FloatArray:
    """How much easier than average each of N examples is."""
    return EXAMPLES_DEVIATION * generator.normal(size=NUM_EXAMPLES)
