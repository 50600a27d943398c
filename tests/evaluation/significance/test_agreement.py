"""Agreement. Oracle: published examples and reference packages; edge cases by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mtnlg.evaluation.significance.agreement import (
    coincidences,
    interval_alpha,
    ordinal_alpha,
    pair_counts,
    tau_b,
)

VALUES = (1, 2, 3, 4, 5)
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3),
    (0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0),
)
"""The worked example of Krippendorff 2011, sec. C, with 0 where an observer gave no answer."""
UNITS = [[answer for answer in unit if answer] for unit in zip(*OBSERVERS, strict=True)]


def test_alpha_is_that_of_the_published_example() -> None:
    """Oracle: Krippendorff 2011, which prints .815 for ordinal and .849 for interval data."""
    sums = coincidences(UNITS, VALUES).sum(axis=0)

    alphas = float(ordinal_alpha(sums)), float(interval_alpha(sums, VALUES))

    assert alphas == pytest.approx((0.815, 0.849), abs=5e-4)


def test_coincidences_sum_to_the_published_table() -> None:
    """Oracle: the coincidence matrix printed beside the example, with 40 pairable answers."""
    table = coincidences(UNITS, VALUES).sum(axis=0).reshape(5, 5)

    assert table.sum() == pytest.approx(40)
    assert table.sum(axis=1) == pytest.approx([9, 13, 10, 5, 3])
    assert table[0] == pytest.approx([7, 4 / 3, 1 / 3, 1 / 3, 0])


@pytest.mark.parametrize("seed", range(5))
def test_alpha_equals_that_of_the_krippendorff_package(seed: int) -> None:
    """Oracle: the package of that name, on answers with gaps."""
    package = pytest.importorskip("krippendorff", reason="the package krippendorff is not here")
    generator = np.random.default_rng(seed)
    truth = generator.integers(1, 6, size=13)
    answers = np.clip(truth + generator.integers(-1, 2, size=(3, 13)), 1, 5).astype(float)
    answers[generator.random(answers.shape) < 0.2] = np.nan
    units = [[int(answer) for answer in unit if not np.isnan(answer)] for unit in answers.T]

    sums = coincidences(units, VALUES).sum(axis=0)

    for level, alpha in (
        ("ordinal", ordinal_alpha(sums)),
        ("interval", interval_alpha(sums, VALUES)),
    ):
        theirs = package.alpha(reliability_data=answers, level_of_measurement=level)
        assert float(alpha) == pytest.approx(theirs, abs=1e-12)


def test_alpha_of_one_value_alone_is_no_number() -> None:
    sums = coincidences([[3, 3], [3, 3]], VALUES).sum(axis=0)

    with np.errstate(all="ignore"):
        assert np.isnan(ordinal_alpha(sums))


def test_alpha_of_many_resamples_at_once_is_that_of_each() -> None:
    units = coincidences(UNITS, VALUES)
    sums = np.stack([units[:7].sum(axis=0), units[2:].sum(axis=0)])

    together = ordinal_alpha(sums)

    assert together == pytest.approx([float(ordinal_alpha(row)) for row in sums])


@pytest.mark.parametrize(
    ("first", "second", "tau"),
    [
        ([12, 2, 1, 12, 2], [1, 4, 7, 1, 0], -0.4714045207910316),
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 2, 3, 3], 4 / 5),
    ],
)
def test_tau_b_is_the_published_one(first: list[int], second: list[int], tau: float) -> None:
    """Oracle: the example of scipy.stats.kendalltau's page, and cases counted by hand."""
    assert float(tau_b(pair_counts(first, second))) == pytest.approx(tau)


@pytest.mark.parametrize("seed", range(5))
def test_tau_b_equals_that_of_scipy(seed: int) -> None:
    """Oracle: scipy, on values with many ties."""
    stats = pytest.importorskip("scipy.stats", reason="scipy is not here")
    first, second = np.random.default_rng(seed).integers(0, 4, size=(2, 11))

    tau = float(tau_b(pair_counts(first, second)))

    assert tau == pytest.approx(stats.kendalltau(first, second).statistic)


def test_tau_b_of_ties_alone_is_no_number() -> None:
    with np.errstate(all="ignore"):
        assert np.isnan(tau_b(pair_counts([1, 1, 1], [1, 2, 3])))
