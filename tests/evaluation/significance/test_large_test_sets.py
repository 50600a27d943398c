"""Resampling of test sets that are larger than one block."""

from __future__ import annotations

import numpy as np
import pytest

from mtnlg.evaluation import Resampling
from mtnlg.evaluation.significance import bootstrap
from mtnlg.evaluation.significance.bootstrap import FloatArray, resampled_sums
from mtnlg.evaluation.significance.comparison import randomization_p_values

NUM_EXAMPLES = 100_003
"""Two whole blocks of 50,000, and three examples more."""
FIRST, SECOND, LAST = slice(0, 50_000), slice(50_000, 100_000), slice(100_000, 100_003)


def indicators(*parts: slice, size: int = NUM_EXAMPLES) -> FloatArray:
    """Statistics (N, K) that count the examples drawn from each part."""
    columns = np.zeros((size, len(parts)))
    for column, part in enumerate(parts):
        columns[part, column] = 1
    return columns


@pytest.mark.parametrize("num_resamples", [29, 61])
def test_each_resample_has_as_many_examples_as_the_test_set(num_resamples: int) -> None:
    """Oracle: N draws, of which each part has its share, by a binomial's four standard deviations;
    29 resamples are held at once and 61 are not.
    """
    statistics = indicators(slice(None), FIRST, SECOND, LAST)

    sums = resampled_sums(statistics, Resampling(num_resamples=num_resamples, seed=41))

    assert (sums[:, 0] == NUM_EXAMPLES).all()
    assert (sums[:, 1:].sum(axis=1) == NUM_EXAMPLES).all()
    for column, size in ((1, 50_000), (2, 50_000), (3, 3)):
        share = size / NUM_EXAMPLES
        deviation = (NUM_EXAMPLES * share * (1 - share)) ** 0.5
        assert abs(sums[:, column].mean() - size) < 4 * deviation / num_resamples**0.5
        assert 0.6 * deviation < sums[:, column].std() < 1.5 * deviation


def test_systems_are_resampled_in_pairs_over_all_blocks() -> None:
    """Oracle: the two systems side by side in one array."""
    generator = np.random.default_rng(5)
    systems = [generator.integers(0, 9, size=(NUM_EXAMPLES, 2)).astype(float) for _ in range(2)]
    resampling = Resampling(num_resamples=7, seed=42)

    apart = [resampled_sums(system, resampling) for system in systems]

    np.testing.assert_array_equal(np.hstack(apart), resampled_sums(np.hstack(systems), resampling))


def test_counts_of_small_blocks_are_those_of_draws_with_replacement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: multinomial counts have mean 1, variance 1 - 1/N and covariance -1/N, within a block
    as between two of them; 40,000 resamples, five standard errors.
    """
    monkeypatch.setattr(bootstrap, "BLOCK_SIZE", 3)
    size, num_resamples = 7, 40_000

    counts = resampled_sums(np.eye(size), Resampling(num_resamples=num_resamples, seed=43))

    error = 5 / num_resamples**0.5
    expected = np.eye(size) - 1 / size
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=error)
    np.testing.assert_allclose(np.cov(counts.T), expected, atol=2 * error)
    assert counts.min() == 0


@pytest.mark.parametrize("chunk", [1, 8, 20])
def test_sums_over_blocks_do_not_depend_on_what_is_held_at_once(
    monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Oracle: the same blocks with all resamples of each at once."""
    monkeypatch.setattr(bootstrap, "BLOCK_SIZE", 5)
    statistics = np.arange(52.0).reshape(13, 4)
    resampling = Resampling(num_resamples=11, seed=44)
    whole = resampled_sums(statistics, resampling)

    monkeypatch.setattr(bootstrap, "CELLS_PER_CHUNK", chunk)

    np.testing.assert_array_equal(resampled_sums(statistics, resampling), whole)


def test_blocks_cover_every_example_once() -> None:
    """Oracle: written out."""
    assert bootstrap.blocks(50_000) == [FIRST]
    assert bootstrap.blocks(50_001) == [FIRST, slice(50_000, 50_001)]
    assert bootstrap.blocks(NUM_EXAMPLES) == [FIRST, SECOND, LAST]


def test_randomization_swaps_examples_of_all_blocks() -> None:
    """Oracle: the chance that a sum of fair signs is at least as large: of three differences in
    different blocks, 2 of 8 swaps; of three with two of one sign, all of them. Six standard errors
    of 150 trials.
    """
    indexes = [0, 70_000, 100_002]
    baseline = np.zeros(NUM_EXAMPLES)
    for signs, expected in (((1, 1, 1), 0.25), ((1, 1, -1), 1.0)):
        system = baseline.copy()
        system[indexes] = signs
        statistics = [
            np.column_stack([values, np.ones(len(values))]) for values in (system, baseline)
        ]

        (p,) = randomization_p_values(
            statistics, lambda sums: sums[..., 0] / sums[..., 1], [(0, 1)], num_trials=150, seed=3
        )

        assert p == pytest.approx(expected, abs=6 * (0.25 * 0.75 / 150) ** 0.5)
        assert p < 0.5 or expected == 1.0
