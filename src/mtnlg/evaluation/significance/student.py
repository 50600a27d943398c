"""Student's t distribution: how unlikely a value is, and which value is just as unlikely as wanted;
and bounds of a share, which need the same function.

Here since scipy, which has them, is no dependence. Infinite degrees of freedom are the normal
distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

NEARLY_NORMAL = 1e6
"""Degrees of freedom from which the normal distribution is the same to six digits, and from which
the fraction would need thousands of terms."""

RELATIVE_ERROR = 1e-13

SMALLEST = 1e-300
"""In place of a zero in a denominator of the fraction (Lentz's method)."""


def two_sided_p(value: float, degrees: float) -> float:
    """The chance of a value at least as far from zero, to either side."""
    if degrees >= NEARLY_NORMAL:
        return math.erfc(abs(value) / math.sqrt(2))
    return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + value * value))


def critical_value(confidence: float, degrees: float) -> float:
    """The value that is exceeded, to either side, with a chance of one less the confidence."""
    if degrees >= NEARLY_NORMAL:
        return NormalDist().inv_cdf((1 + confidence) / 2)
    high = 1.0
    while two_sided_p(high, degrees) > 1 - confidence:
        high *= 2
    return bisect(lambda value: two_sided_p(value, degrees) - (1 - confidence), 0.0, high)


def share_bounds(count: int, total: int, *, confidence: float) -> tuple[float, float]:
    """Where the chance may be of what happened `count` of `total` times (Clopper and Pearson 1934):
    each end is exact to its side.
    """
    tail = (1 - confidence) / 2

    def lower(count: int) -> float:
        if count == 0:
            return 0.0
        return bisect(
            lambda share: tail - incomplete_beta(count, total - count + 1, share), 0.0, 1.0
        )

    return lower(count), 1 - lower(total - count)


def bisect(
    function: Callable[[float], float],
    low: float,
    high: float,
    *,
    tolerance: float = RELATIVE_ERROR,
) -> float:
    """Where a function that falls from `low` to `high` is zero, but for a share of it."""
    while True:
        middle = (low + high) / 2
        if not low < middle < high or high - low <= tolerance * abs(middle):
            return middle
        low, high = (middle, high) if function(middle) > 0 else (low, middle)


def incomplete_beta(one: float, other: float, share: float) -> float:
    """The regularised incomplete beta function I_share(one, other): DLMF 8.17.22 on the side where
    its continued fraction converges fast, else by symmetry (8.17.4).
    """
    if share <= 0 or share >= 1:
        return float(share >= 1)
    if share > (one + 1) / (one + other + 2):
        return 1 - incomplete_beta(other, one, 1 - share)
    logarithm = (
        one * math.log(share)
        + other * math.log1p(-share)
        + math.lgamma(one + other)
        - math.lgamma(one)
        - math.lgamma(other)
    )
    return math.exp(logarithm) * _beta_fraction(one, other, share) / one


def _beta_fraction(one: float, other: float, share: float) -> float:
    """1 / (1 + d1 / (1 + d2 / ...)) by the modified method of Lentz (Press et al. 2007, 6.4)."""
    fraction, upper, lower, change, place = 1.0, 1.0, 0.0, 0.0, 0
    while abs(change - 1) > RELATIVE_ERROR:
        half, is_odd = divmod(place, 2)
        if is_odd:
            half += 1
            term = half * (other - half) * share / ((one + 2 * half - 1) * (one + 2 * half))
        else:
            term = -(one + half) * (one + other + half) * share
            term /= (one + 2 * half) * (one + 2 * half + 1)
        lower = 1 / ((1 + term * lower) or SMALLEST)
        upper = (1 + term / upper) or SMALLEST
        change = lower * upper
        fraction *= change
        place += 1
    return 1 / fraction
