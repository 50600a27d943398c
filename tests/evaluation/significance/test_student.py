"""Student's t against the closed forms of few degrees of freedom and printed tables."""

from __future__ import annotations

import math

import pytest

from mtnlg.evaluation.significance.student import critical_value, share_bounds, two_sided_p

TABLE = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 30: 2.0423, math.inf: 1.9600}
"""Two-sided 5 % points, as printed in any textbook."""


@pytest.mark.parametrize("value", [0.0, 0.3, -1.0, 4.3, 700.0])
def test_p_equals_the_closed_forms_of_one_and_two_degrees(value: float) -> None:
    """Oracle: the Cauchy distribution, and 1 - |t| / sqrt(2 + t^2)."""
    cauchy = 1 - 2 * math.atan(abs(value)) / math.pi
    two = 1 - abs(value) / math.sqrt(2 + value**2)

    assert two_sided_p(value, 1) == pytest.approx(cauchy, abs=1e-13)
    assert two_sided_p(value, 2) == pytest.approx(two, abs=1e-13)


@pytest.mark.parametrize("degrees", list(TABLE))
def test_critical_value_is_that_of_the_table(degrees: float) -> None:
    assert critical_value(0.95, degrees) == pytest.approx(TABLE[degrees], abs=5e-5)


def test_many_degrees_go_over_into_the_normal_distribution() -> None:
    """Oracle: the difference of the two is of the order of one by the degrees of freedom."""
    for value in (0.5, 1.96, 4.0):
        assert two_sided_p(value, 999_999) == pytest.approx(two_sided_p(value, math.inf), rel=1e-4)


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.999999])
def test_critical_value_is_the_inverse(confidence: float) -> None:
    for degrees in (1, 2.5, 17):
        value = critical_value(confidence, degrees)
        assert two_sided_p(value, degrees) == pytest.approx(1 - confidence, rel=1e-9)


def test_bounds_of_a_share_are_where_the_binomial_tails_are_as_wanted() -> None:
    """Oracle: sums of binomial chances at the bounds; closed forms for none and for all."""

    def chance(counts: range, share: float) -> float:
        return sum(math.comb(17, k) * share**k * (1 - share) ** (17 - k) for k in counts)

    low, high = share_bounds(5, 17, confidence=0.9)

    assert chance(range(5, 18), low) == pytest.approx(0.05)
    assert chance(range(6), high) == pytest.approx(0.05)
    assert share_bounds(0, 17, confidence=0.9) == pytest.approx((0, 1 - 0.05 ** (1 / 17)))
    assert share_bounds(17, 17, confidence=0.9) == pytest.approx((0.05 ** (1 / 17), 1))
