"""The mixture of tasks by temperature, by hand."""

from __future__ import annotations

import pytest

from mtnlg.training.plan import temper_weights


def test_square_roots_of_the_sizes_mix_two_tasks() -> None:
    """Oracle: sizes 900 and 100 at T = 2: shares 30 : 10, so 750 and 250 of 1,000 a pass."""
    weights = temper_weights([900, 100], [1.0, 1.0], 2.0)

    assert weights == pytest.approx([750 / 900, 250 / 100])


def test_weight_of_a_task_scales_its_share() -> None:
    """Oracle: sizes 900 and 100 at T = 2, the second twice as heavy: 30 : 20 of an epoch of 900 +
    200.
    """
    weights = temper_weights([900, 100], [1.0, 2.0], 2.0)

    assert weights == pytest.approx([660 / 900, 440 / 100])


def test_temperature_of_one_changes_nothing() -> None:
    assert temper_weights([900, 100, 7], [1.0, 0.5, 3.0], 1.0) == pytest.approx([1.0, 0.5, 3.0])


def test_high_temperature_shows_tasks_alike() -> None:
    weights = temper_weights([900, 100], [1.0, 1.0], 1e9)

    assert [900 * weights[0], 100 * weights[1]] == pytest.approx([500, 500], abs=1e-3)
