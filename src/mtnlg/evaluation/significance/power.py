"""How small a difference a test set can show: the minimum detectable difference of two systems.

Refuses to know: which systems they are.
"""

from __future__ import annotations

from statistics import NormalDist

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE

POWER = 0.8
"""The chance of finding a difference that is there; the custom since Cohen (1988)."""


def detectable_difference(
    standard_error: float, *, power: float = POWER, level: float = SIGNIFICANCE
) -> float:
    """The true difference that a two-sided test of that level finds with that chance, by the
    standard error of the observed one (Bloom 1995; for language models Card et al. 2020).
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * standard_error
