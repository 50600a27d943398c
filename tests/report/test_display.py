"""Numbers as texts. Expected texts are written by hand."""

from __future__ import annotations

import pytest

from mtnlg.leaderboard.model import rounded
from mtnlg.report.display import number_text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-3e-15, "0-100", "0.00"),
        (-0.004, "0-100", "0.00"),
        (-0.005001, "0-100", "-0.01"),
        (-0.0, "1-5", "0"),
        (-0.25, "1-5", "-0.25"),
    ],
)
def test_no_zero_has_a_sign(value: float, unit: str, text: str) -> None:
    assert number_text(value, unit=unit) == text


def test_noise_of_sums_is_rounded_to_the_zero_without_a_sign() -> None:
    assert str(rounded(-3e-15)) == "0.0"
