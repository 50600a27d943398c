"""Simulated scores with a known truth: every published share meets its requirement.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import math

import pytest

from mtnlg.leaderboard.families import AGAINST_BASELINE, AGAINST_BEST, ALL_PAIRS
from simulated_families import Setting, family_errors
from simulated_scores import Finding, Wanted, share_bounds
from simulations import (
    coverage_of_seeds,
    findings,
    mean_detectable_difference,
    rejections_of_seeds,
    simulations_table,
)


@pytest.fixture(scope="module")
def simulated() -> list[Finding]:
    """Two minutes of one core, for all slow tests of this file."""
    return list(findings())


@pytest.mark.slow
@pytest.mark.parametrize("wanted", list(Wanted))
def test_every_share_is_as_wanted(simulated: list[Finding], wanted: Wanted) -> None:
    """Oracle: the binomial distribution. Coverage is at least 93 %; the lower bound of a type-I
    error is at most its level; the power of 80 % is within the bounds of its share; no family of
    comparisons has an error in more than 5 % of simulated boards.
    """
    rows = [row for row in simulated if row.wanted is wanted]

    assert rows
    assert [row for row in rows if not row.is_as_wanted] == []


@pytest.mark.slow
def test_simulation_sees_tests_that_are_wrong(simulated: list[Finding]) -> None:
    """The tests that boards do not use reject true nulls more often than their level, and the one
    that they do use does reject.
    """
    unused = [row for row in simulated if row.wanted is Wanted.nothing]
    (used,) = [row for row in simulated if row.what.startswith("paired approximate") and
               row.wanted is Wanted.level]  # fmt: skip

    assert len(unused) == 3
    assert all(row.bounds[0] > 0.05 for row in unused)
    assert used.share > 0.02


@pytest.mark.slow
def test_detectable_difference_is_right_on_average() -> None:
    shown, truth = mean_detectable_difference()

    assert shown == pytest.approx(truth, rel=0.01)


def test_table_has_a_row_for_each_finding() -> None:
    rows = [coverage_of_seeds(3, 1.0, total=20), rejections_of_seeds(3, 0.0, total=20)]

    lines = simulations_table(rows, (1.5, 1.25)).splitlines()

    assert all(row.total == 20 for row in rows)
    shown = [line for line in lines if line.startswith(("| interval over seeds", "| two-level"))]
    assert len(shown) == 2
    assert "is 1.500 on average, and 1.250 by" in lines[-1]


def test_families_of_a_simulated_board_are_those_of_its_seeds() -> None:
    """Oracle: the rule of families.py; 20 boards of equal systems have few errors or none."""
    often, once = (
        list(family_errors(Setting(seeds=[num_seeds] * 4, num_baselines=2), total=20))
        for num_seeds in (3, 1)
    )

    assert [row.what.split(" finds")[0] for row in (*often, *once)] == [
        f"family of {family}"
        for family in (AGAINST_BEST, AGAINST_BASELINE, ALL_PAIRS, AGAINST_BASELINE)
    ]
    assert all(row.count < 5 for row in (*often, *once))


@pytest.mark.slow
def test_few_seeds_find_more_against_the_best_system_than_in_all_pairs(
    simulated: list[Finding],
) -> None:
    """The reason for the rule of families.py, on the same boards."""
    shares = {row.what: row.share for row in simulated if "finds a given difference" in row.what}

    against_best = shares[f"family of {AGAINST_BEST}, finds a given difference"]
    assert against_best > 0.75
    assert against_best > 2 * shares["not used here: all pairs, Holm, finds a given difference"]


def test_share_is_compared_with_its_requirement() -> None:
    def finding(count: int, wanted: Wanted) -> Finding:
        return Finding(what="", setting="", wanted=wanted, count=count, total=1_000)

    assert finding(930, Wanted.coverage).is_as_wanted
    assert not finding(929, Wanted.coverage).is_as_wanted
    assert finding(60, Wanted.level).is_as_wanted
    assert not finding(75, Wanted.level).is_as_wanted
    assert finding(780, Wanted.power).is_as_wanted
    assert not finding(700, Wanted.power).is_as_wanted
    assert finding(50, Wanted.family).is_as_wanted
    assert not finding(51, Wanted.family).is_as_wanted


def test_bounds_of_a_share_are_where_the_binomial_tails_are_as_wanted() -> None:
    """Oracle: sums of binomial chances at the bounds; closed forms for none and for all."""

    def chance(counts: range, share: float) -> float:
        return sum(math.comb(17, k) * share**k * (1 - share) ** (17 - k) for k in counts)

    low, high = share_bounds(5, 17, confidence=0.9)

    assert chance(range(5, 18), low) == pytest.approx(0.05)
    assert chance(range(6), high) == pytest.approx(0.05)
    assert share_bounds(0, 17, confidence=0.9) == pytest.approx((0, 1 - 0.05 ** (1 / 17)))
    assert share_bounds(17, 17, confidence=0.9) == pytest.approx((0.05 ** (1 / 17), 1))
