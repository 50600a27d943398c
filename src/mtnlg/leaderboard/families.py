"""Which pairs of a board are tested together: families of comparisons, declared from the kinds,
seeds and order of the rows before anything is tested. Each is corrected by Holm for its own number.

Trivial baselines are never tested among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from mtnlg.evaluation.significance.comparison import Comparison, correct_by_holm

ALL_PAIRS = "systems among each other, all pairs"
AGAINST_BEST = "systems against the best system"
AGAINST_BASELINE = "systems against the best baseline"

FEW_SEEDS = 3
"""Up to so many seeds, Welch's t has so few degrees of freedom (2 to 4 for two systems of three
seeds) that a correction for all pairs hides large differences: of six systems, the first pair needs
p < 0.0033, a t of 6 to 17. The test is also so conservative there that testing against the best
system alone keeps its level, although the same scores say which one is the best. With five seeds
it would not: reports/published/statistics.md has the simulated rates.
"""
MAX_OF_ALL_PAIRS = 3
"""Systems whose pairs are all tested, whatever their seeds: three pairs cost little more than
two."""


@dataclass(frozen=True, slots=True)
class Family:
    """Comparisons that are corrected together."""

    name: str
    pairs: tuple[tuple[int, int], ...]
    """Indexes of two rows, the better one first."""
    baseline: int | None = None
    """Index of the baseline that systems are compared with."""
    num_baselines: int = 1
    """Those that it is the best of."""

    def correct(self, comparisons: Sequence[Comparison]) -> list[float]:
        """The corrected p-value of each pair. Which baseline is the best is known from the scores
        that are tested: where it is better than a system, this counts once for each baseline.
        """
        return correct_by_holm(
            [
                min(1.0, pair.p * (self.num_baselines if pair.better == self.baseline else 1))
                for pair in comparisons
            ]
        )


def declare_families(
    num_seeds: Sequence[int], *, baseline: int | None, num_baselines: int = 1
) -> list[Family]:
    """The families of rows that are best first: systems among each other, and systems against the
    best baseline. Seeds are the trainings of each row, at most 1 for others than trained ones.

    Where most systems have two or three seeds, and there are more than MAX_OF_ALL_PAIRS, they are
    compared with the best of them only; otherwise all pairs are.
    """
    systems = [index for index in range(len(num_seeds)) if index != baseline]
    num_few = sum(2 <= num_seeds[index] <= FEW_SEEDS for index in systems)
    is_against_best = len(systems) > MAX_OF_ALL_PAIRS and 2 * num_few > len(systems)
    families = []
    if len(systems) > 1:
        pairs = combinations(systems, 2)
        families.append(
            Family(AGAINST_BEST, tuple(pair for pair in pairs if pair[0] == systems[0]))
            if is_against_best
            else Family(ALL_PAIRS, tuple(pairs))
        )
    if systems and baseline is not None:
        against = tuple((min(index, baseline), max(index, baseline)) for index in systems)
        families.append(Family(AGAINST_BASELINE, against, baseline, num_baselines))
    return families
