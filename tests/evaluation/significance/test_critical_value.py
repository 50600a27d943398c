"""Critical values of Student's t."""

from __future__ import annotations

import math

import pytest
from scipy.special import stdtr

from mtnlg.evaluation.significance.seeds import critical_value

TABLE = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 30: 2.0423, math.inf: 1.9600}
"""Two-sided 5 % points, as printed in any textbook."""

BY_CONTINUED_FRACTION = {
    (0.01, 2.5): 0.013820072570399855,
    (0.01, 17): 0.012719069847210829,
    (0.5, 3): 0.7648923284043292,
    (0.5, 17): 0.6891950751539468,
    (0.95, 2.5): 3.5746548420037243,
    (0.95, 17): 2.1098155778333307,
    (0.999999, 2.5): 290.52306159567524,
    (0.999999, 17): 7.420705706702165,
}
"""(confidence, degrees) -> the value by Lentz's continued fraction and bisection."""


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0, 4.3, 700.0])
def test_critical_value_equals_the_closed_forms_of_one_and_two_degrees(value: float) -> None:
    """Oracle: the Cauchy distribution, and 1 - t / sqrt(2 + t^2)."""
    cauchy = 2 * math.atan(value) / math.pi
    two = value / math.sqrt(2 + value**2)

    assert critical_value(cauchy, 1) == pytest.approx(value, rel=1e-10)
    assert critical_value(two, 2) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("degrees", list(TABLE))
def test_critical_value_is_that_of_the_table(degrees: float) -> None:
    """Oracle: the printed table."""
    assert critical_value(0.95, degrees) == pytest.approx(TABLE[degrees], abs=5e-5)


@pytest.mark.parametrize(("confidence", "degrees"), list(BY_CONTINUED_FRACTION))
def test_critical_value_equals_that_of_another_algorithm(confidence: float, degrees: float) -> None:
    """Oracle: BY_CONTINUED_FRACTION."""
    expected = BY_CONTINUED_FRACTION[confidence, degrees]
    assert critical_value(confidence, degrees) == pytest.approx(expected, rel=1e-10)


def test_many_degrees_approach_the_normal_distribution() -> None:
    """Oracle: the p-values differ by the order of one by the degrees of freedom."""
    for value in (0.5, 1.96, 4.0):
        p_normal = math.erfc(value / math.sqrt(2))
        p_student = 2 * stdtr(999_999, -value)
        assert p_student == pytest.approx(p_normal, rel=1e-4)
        assert critical_value(1 - p_normal, 999_999) == pytest.approx(value, rel=1e-4)
        assert critical_value(1 - p_normal, math.inf) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.999999])
def test_critical_value_is_the_inverse_of_the_distribution(confidence: float) -> None:
    """Oracle: the distribution function of scipy."""
    for degrees in (1, 2.5, 17):
        value = critical_value(confidence, degrees)
        assert 2 * stdtr(degrees, -value) == pytest.approx(1 - confidence, rel=1e-9)
