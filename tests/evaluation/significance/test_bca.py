"""BCa intervals, and where they are undefined.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from mtnlg.evaluation import Resampling, score_predictions
from mtnlg.evaluation.significance.bootstrap import FloatArray, bca_interval, resampled_sums
from mtnlg.records.rows import Prediction

SPATIAL = [
    *(48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6),
    *(0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41),
]
"""Test A of 26 children (Efron and Tibshirani 1993, table 14.1)."""


def variance(sums: FloatArray) -> FloatArray:
    count, total, squares = (sums[..., column] for column in range(3))
    return squares / count - (total / count) ** 2


def of_variance(values: list[int]) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    return np.column_stack([np.ones(len(array)), array, array**2])


def test_interval_of_a_variance_is_that_in_print() -> None:
    """Oracle: Efron and Tibshirani 1993, table 14.2: 115.8 to 259.6 at 90 %, where percentiles give
    100.8 to 233.9; each end is a quantile of resamples, known to some 3 %.
    """
    ends = bca_interval(
        of_variance(SPATIAL), variance, Resampling(num_resamples=20_000, confidence=0.9)
    )

    assert not isinstance(ends, str)
    assert float(variance(of_variance(SPATIAL).sum(axis=0))) == pytest.approx(171.5, abs=0.05)
    assert ends[0] == pytest.approx(115.8, rel=0.03)
    assert ends[1] == pytest.approx(259.6, rel=0.03)


def test_interval_equals_the_formula_by_plain_loops() -> None:
    """Oracle: bias and acceleration one example and one resample at a time."""
    values = [3, 1, 4, 1, 5, 9, 2]
    statistics = of_variance(values)
    theta = np.var(values)
    without = [np.var(values[:index] + values[index + 1 :]) for index in range(7)]
    center = sum(without) / 7
    acceleration = sum((center - value) ** 3 for value in without) / (
        6 * sum((center - value) ** 2 for value in without) ** 1.5
    )
    sums = resampled_sums(statistics, Resampling(num_resamples=300, seed=5))
    resampled = [float(variance(row)) for row in sums]
    share = sum(1.0 if value < theta else 0.5 * (value == theta) for value in resampled) / 300
    normal = NormalDist()
    bias = normal.inv_cdf(share)
    levels = [
        normal.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
        for z in (normal.inv_cdf(0.1), normal.inv_cdf(0.9))
    ]

    ends = bca_interval(statistics, variance, Resampling(num_resamples=300, confidence=0.8, seed=5))

    assert ends == pytest.approx(tuple(np.quantile(resampled, levels)))
    assert abs(acceleration) > 0.05, "the oracle must correct something"


def test_interval_of_a_constant_is_undefined() -> None:
    ends = bca_interval(of_variance([4] * 7), variance)

    assert ends == "no example changes the value"


def test_interval_of_distinct_words_is_undefined() -> None:
    """A resample of 13 examples repeats some, and so has fewer distinct words than all of them."""
    one_word_each = np.hstack([np.eye(13), np.eye(13)[:, :1]])

    ends = bca_interval(one_word_each, lambda sums: (sums > 0).sum(axis=-1) / 1.0)

    assert ends == "all resamples are on one side of the value"


def made_rows(outputs: list[str]) -> list[Prediction]:
    return [
        Prediction(f"row-{index}", "s", ("a b c d",), output, ())
        for index, output in enumerate(outputs)
    ]


def test_name_of_an_interval_is_bca_or_its_fallback() -> None:
    settings = "100 resamples, seed 12345, 95 %"
    alike = made_rows(["a b c d"] * 5)
    apart = made_rows(["a b c d", "a b", "x", "a b c", "b"])

    fallen, done = (
        score_predictions(
            rows,
            language="en",
            metrics=["rouge1"],
            resampling=Resampling(num_resamples=100, is_bca=True),
        ).metrics["rouge1"]
        for rows in (alike, apart)
    )
    (plain,) = score_predictions(
        apart, language="en", metrics=["rouge1"], resampling=Resampling(num_resamples=100)
    ).metrics.values()

    assert fallen.interval == (
        f"percentile bootstrap, {settings}; BCa is undefined, as no example changes the value"
    )
    assert (fallen.low, fallen.high) == (100, 100)
    assert done.interval == f"BCa bootstrap, {settings}"
    assert plain.interval == f"percentile bootstrap, {settings}"
    assert (done.low, done.high) != (plain.low, plain.high)
