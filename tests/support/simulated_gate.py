"""How often a gate fails runs that are no worse than they may be, and finds those that are, on
simulated scores that go the whole way of a gate but for its files. `simulations` has the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from mtnlg.evaluation import METRICS, Metric
from mtnlg.evaluation.metrics.bleu import ORDER, bleu_values
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.leaderboard.drops import Case, Drop, find_drops
from mtnlg.leaderboard.evidence import Evidence
from simulated_families import EVERYTHING, METRIC
from simulated_scores import (
    BOARD_TRIALS,
    NUM_EXAMPLES,
    NUM_TRIALS,
    Finding,
    Wanted,
    made_seeds,
    shared_examples,
)

WORDS = 20
"""Length of each text."""
RIGHT = 0.6
"""Chance of a right word in the baseline's texts."""
Pair = tuple[list[FloatArray], list[FloatArray]]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A gate of so many tests, each of a run and a baseline with so many seeds."""

    seeds: tuple[int, int] = (1, 1)
    """Of the run and of the baseline."""
    spread: float = 0.0
    num_tests: int = 1
    tolerance: float = 0.0
    is_bleu: bool = False

    def __str__(self) -> str:
        parts = [f"seeds {self.seeds[0]} and {self.seeds[1]}, spread {self.spread:g}"]
        parts += [f"{self.num_tests} tests"] if self.num_tests > 1 else []
        parts += [f"tolerance {self.tolerance:.2f}"] if self.tolerance else []
        return ", ".join(["BLEU", *parts] if self.is_bleu else parts)

    @property
    def metric(self) -> Metric:
        return METRICS["bleu"] if self.is_bleu else METRIC

    def tests(self, generator: np.random.Generator, drop: float, others: float = 0.0) -> list[Drop]:
        """One gate, by how much worse the run is on the first test set and on the others."""
        cases = []
        for index in range(self.num_tests):
            pair = self._pair(generator, others if index else drop)
            run, baseline = (Evidence(self.metric, tuple(seeds), EVERYTHING) for seeds in pair)
            cases.append(Case("s", "simulated", str(index), run, baseline, self.tolerance))
        return list(find_drops(cases, num_trials=BOARD_TRIALS))

    def _pair(self, generator: np.random.Generator, drop: float) -> Pair:
        if self.is_bleu:
            easiness = 0.1 * generator.normal(size=NUM_EXAMPLES)
            chances = (RIGHT - lost_words(drop), RIGHT)
            left, right = ([bleu_counts(generator, chance + easiness)] for chance in chances)
            return left, right
        examples = shared_examples(generator)
        left, right = (
            made_seeds(generator, examples, num_seeds=number, spread=self.spread)
            for number in self.seeds
        )
        return [seed - np.array([drop, 0.0]) for seed in left], right

    def stated_drop(self, *, total: int) -> float:
        """The drop that gates of equal systems say that they find in 80 % of cases, on average."""
        generator = np.random.default_rng(14)
        stated = [self.tests(generator, 0.0)[0].detectable for _ in range(total)]
        return float(np.mean([drop for drop in stated if drop is not None]))


def bleu_counts(generator: np.random.Generator, chance: FloatArray) -> FloatArray:
    """BLEU's statistics of texts, by the chance of a right word in each."""
    lengths = WORDS - np.arange(ORDER)
    powers = np.clip(chance, 0.05, 0.95)[:, None] ** np.arange(1, ORDER + 1)
    matched = generator.binomial(lengths, powers)
    size = len(chance)
    ends = np.broadcast_to([WORDS, WORDS], (size, 2))
    return np.hstack([ends, matched, np.broadcast_to(lengths, (size, ORDER))]).astype(np.float64)


def true_bleu(chance: float) -> float:
    """BLEU of very many texts."""
    easiness = 0.1 * np.random.default_rng(15).normal(size=200_000)
    powers = np.clip(chance + easiness, 0.05, 0.95)[:, None] ** np.arange(1, ORDER + 1)
    lengths = WORDS - np.arange(ORDER)
    counts = np.concatenate([[WORDS, WORDS], powers.mean(axis=0) * lengths, lengths])
    return float(bleu_values(counts))


@cache
def lost_words(drop: float) -> float:
    """How much less likely a right word is where BLEU is lower by `drop`."""
    if drop == 0:
        return 0.0
    grid = np.linspace(0.0, 0.3, 31)
    drops = [true_bleu(RIGHT) - true_bleu(RIGHT - lost) for lost in grid]
    return float(np.interp(drop, drops, grid))


def failed_gates(setting: Setting, *, wanted: Wanted, total: int, tag: int) -> Finding:
    """How often a gate fails, though the run is worse by its tolerance at most."""
    generator = np.random.default_rng([12, tag])
    lost = setting.tolerance
    count = sum(
        any(test.is_significant for test in setting.tests(generator, lost, lost))
        for _ in range(total)
    )
    worse = "worse by the tolerance" if setting.tolerance else "equal systems"
    return Finding(
        what="gate fails",
        setting=f"{worse}, {setting}",
        wanted=wanted,
        count=count,
        total=total,
    )


def found_drops(setting: Setting, *, total: int, tag: int) -> Finding:
    """How often a gate finds the drop that gates state."""
    drop = setting.stated_drop(total=max(total // 5, 20))
    generator = np.random.default_rng([13, tag])
    count = sum(setting.tests(generator, drop)[0].is_significant for _ in range(total))
    return Finding(
        what="gate finds the drop that it states",
        setting=f"worse by {drop:.2f}, {setting}",
        wanted=Wanted.reached,
        count=count,
        total=total,
    )


SETTINGS = (
    Setting(),
    Setting(tolerance=2.0),
    Setting(num_tests=6),
    Setting(is_bleu=True),
    Setting(is_bleu=True, tolerance=2.0),
    Setting(seeds=(3, 3), spread=1.0),
    Setting(seeds=(3, 3), spread=5.0, tolerance=2.0),
    Setting(seeds=(1, 3), spread=1.0),
    Setting(seeds=(1, 5), spread=5.0),
)


def gate_findings(*, total: int = NUM_TRIALS) -> Iterator[Finding]:
    """The rows of the table."""
    for tag, setting in enumerate(SETTINGS):
        yield failed_gates(setting, wanted=Wanted.level, total=total, tag=tag)
    unknown = Setting(spread=1.0)
    yield failed_gates(unknown, wanted=Wanted.stated, total=total, tag=len(SETTINGS))
    for tag, setting in enumerate(SETTINGS):
        yield found_drops(setting, total=total, tag=tag)
