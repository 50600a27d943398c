"""The bootstrap. Oracle: the normal approximation, a plain loop, and aggregates one by one."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from mtnlg.evaluation import METRICS, Resampling, Texts, measure
from mtnlg.evaluation.significance import bootstrap
from mtnlg.evaluation.significance.bootstrap import FloatArray, bootstrap_interval, resampled_sums

HYPOTHESES = [
    "the cat sat on a mat",
    "a dog",
    "",
    "we train a model on text",
    "cats sit on mats today",
    "no",
]
REFERENCES = [
    ["the cat sat on the mat"],
    ["the dog", "a dog ran"],
    ["x y"],
    ["we trained a model on text"],
]
REFERENCES += [["cats sat on mats today"], ["yes it is"]]
HYPOTHESES += ["then Tom saw 3 cats", "then Ann saw 4 dogs and Tom"]
REFERENCES += [["then Tom saw 4 cats"], ["then Ann saw 4 cats"]]
SOURCES = ["the cat sat on a mat by Tom"] * len(HYPOTHESES)
CONSTANT = ("exact_match", "repetition4", "distinct1_example", "distinct2_example")
"""Metrics that do not vary over so few short texts."""
VARYING = [
    name
    for name, metric in METRICS.items()
    if metric.is_resampleable and not name.startswith(CONSTANT)
]


def mean(sums: FloatArray) -> FloatArray:
    return sums[..., 0] / sums[..., 1]


@pytest.mark.parametrize("name", VARYING)
def test_interval_contains_the_value_and_is_deterministic(name: str) -> None:
    metric = METRICS[name]
    statistics = measure(metric, Texts(HYPOTHESES, REFERENCES, language="en", sources=SOURCES))

    low, high = bootstrap_interval(statistics, metric.aggregate, Resampling(seed=3))

    assert low < float(metric.aggregate(statistics.sum(axis=0))) < high
    assert (low, high) == bootstrap_interval(statistics, metric.aggregate, Resampling(seed=3))


def test_resampled_sums_follow_the_seed() -> None:
    statistics = np.arange(35.0).reshape(7, 5)

    first, second = (
        resampled_sums(statistics, Resampling(num_resamples=11, seed=seed)) for seed in (3, 4)
    )

    assert not np.array_equal(first, second)


def test_interval_of_a_mean_is_near_the_normal_one() -> None:
    """Oracle: mean +- z * standard error; 4,000 resamples leave some 3 % of it to chance."""
    draws = np.random.default_rng(0).normal(50, 10, size=400)
    statistics = np.column_stack([draws, np.ones(400)])

    low, high = bootstrap_interval(
        statistics, mean, Resampling(num_resamples=4_000, confidence=0.9)
    )

    half = NormalDist().inv_cdf(0.95) * draws.std() / np.sqrt(400)
    assert low == pytest.approx(draws.mean() - half, abs=0.12 * half)
    assert high == pytest.approx(draws.mean() + half, abs=0.12 * half)


@pytest.mark.parametrize("name", VARYING)
def test_aggregate_of_many_resamples_equals_one_by_one(name: str) -> None:
    metric = METRICS[name]
    sums = resampled_sums(
        measure(metric, Texts(HYPOTHESES, REFERENCES, language="en", sources=SOURCES)),
        Resampling(num_resamples=33, seed=1),
    )

    values = metric.aggregate(sums)

    assert values.shape == (33,)
    assert values.tolist() == [float(metric.aggregate(row)) for row in sums]
    np.testing.assert_array_equal(metric.aggregate(sums.reshape(3, 11, -1)), values.reshape(3, 11))


def test_resampled_sums_equal_a_plain_loop() -> None:
    statistics = np.arange(35.0).reshape(7, 5)
    draws = np.random.default_rng(9).integers(0, 7, size=(11, 7))

    sums = resampled_sums(statistics, Resampling(num_resamples=11, seed=9))

    np.testing.assert_array_equal(sums, [statistics[row].sum(axis=0) for row in draws])


def test_resampled_sums_do_not_depend_on_the_size_of_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statistics = np.arange(35.0).reshape(7, 5)
    whole = resampled_sums(statistics, Resampling(num_resamples=11, seed=9))

    monkeypatch.setattr(bootstrap, "CELLS_PER_CHUNK", 20)

    np.testing.assert_array_equal(
        resampled_sums(statistics, Resampling(num_resamples=11, seed=9)), whole
    )


@pytest.mark.parametrize("num_examples", [1, 13])
def test_interval_of_constant_statistics_is_the_value(num_examples: int) -> None:
    statistics = np.tile([0.1, 1.0], (num_examples, 1))

    low, high = bootstrap_interval(statistics, mean)

    assert low == high == float(mean(statistics.sum(axis=0)))
