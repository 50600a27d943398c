"""The tests of a gate. Oracles: scipy's tests on the same scores, and simulations with a known
truth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mtnlg.evaluation import METRICS
from mtnlg.leaderboard.drops import Case, Drop, find_drops, why_untested
from mtnlg.leaderboard.evidence import Evidence
from simulated_gate import METRIC, SETTINGS, Setting, failed_gates, found_drops
from simulated_scores import Wanted

SIZE = 83
GENERATOR = np.random.default_rng(3)
EASINESS = GENERATOR.normal(60, 20, size=SIZE)


def case(*sides: list[np.ndarray], tolerance: float = 0.0) -> Case:
    """The mean of scores of a run's seeds against those of a baseline."""
    run, baseline = (
        Evidence(
            METRIC,
            tuple(np.column_stack([scores, np.ones(len(scores))]) for scores in seeds),
            np.ones(len(seeds[0]), bool),
        )
        for seeds in sides
    )
    return Case("s", "task", "test", run, baseline, tolerance)


def drop(*sides: list[np.ndarray], tolerance: float = 0.0) -> Drop:
    (found,) = find_drops([case(*sides, tolerance=tolerance)])
    return found


def noisy(shift: float = 0.0, deviation: float = 5.0) -> np.ndarray:
    return EASINESS + shift + GENERATOR.normal(0, deviation, size=SIZE)


@pytest.mark.parametrize("tolerance", [1.5, 3.0])
def test_p_of_a_mean_over_examples_is_that_of_the_paired_t_test(tolerance: float) -> None:
    """Oracle: scipy's t-test of the differences against the tolerance."""
    run, baseline = noisy(-3.0), noisy()

    found = drop([run], [baseline], tolerance=tolerance)

    expected = stats.ttest_1samp(baseline - run, tolerance, alternative="greater").pvalue
    assert found.p == pytest.approx(expected, rel=1e-4)
    assert found.difference == pytest.approx((run - baseline).mean())


def test_p_without_tolerance_needs_the_randomization_test_too() -> None:
    """Three outputs of 83 are worse by 40 and the others alike: of the 8 ways to swap them, one is
    as bad, so that p is 1 / 8, though the t-test says 4 %.
    """
    run = EASINESS.copy()
    run[:3] -= 40

    found = drop([run], [EASINESS])

    assert stats.ttest_rel(EASINESS, run, alternative="greater").pvalue < 0.045
    assert found.p == pytest.approx(1 / 8, abs=0.02)
    assert not found.is_significant


def test_better_run_has_a_p_of_the_other_tail_and_lower_is_better_turns_it() -> None:
    """Oracle: the t-test of the opposite side."""
    run, baseline = noisy(4.0), noisy()
    lower = replace(METRIC, higher_is_better=False)
    better = case([run], [baseline])
    worse = replace(
        better,
        run=Evidence(lower, better.run.seeds, better.run.mask),
        baseline=Evidence(lower, better.baseline.seeds, better.baseline.mask),
    )

    (up,), (down,) = list(find_drops([better])), list(find_drops([worse]))

    expected = stats.ttest_rel(run, baseline, alternative="greater").pvalue
    assert down.p == pytest.approx(expected, abs=1e-4)
    assert up.p > 0.999
    assert (up.is_significant, down.is_significant) == (False, True)


def test_seeds_without_spread_over_examples_are_tested_by_welch() -> None:
    """Oracle: scipy's Welch test of the seeds' means; every seed shifts all examples alike, so
    examples add nothing, and degrees of freedom are rounded down.
    """
    means = [[-7.0, -8.5, -9.0], [0.0, 1.0, -0.5]]
    run, baseline = ([EASINESS + mean for mean in seeds] for seeds in means)

    found = drop(run, baseline, tolerance=2.0)

    shifted = [mean + 2.0 for mean in means[0]]
    test = stats.ttest_ind(shifted, means[1], equal_var=False, alternative="less")
    expected = stats.t.sf(abs(test.statistic), np.floor(test.df))
    assert found.p == pytest.approx(expected, rel=1e-3)
    assert found.num_seeds == (3, 3)


def test_single_seed_takes_the_spread_of_the_other_side() -> None:
    """Oracle: the prediction interval's t of one new value among three, by hand."""
    seeds = np.array([0.0, 1.0, -0.5])
    run, baseline = [EASINESS - 6.0], [EASINESS + seed for seed in seeds]

    found = drop(run, baseline)

    error = seeds.std(ddof=1) * np.sqrt(1 + 1 / 3)
    assert found.p == pytest.approx(stats.t.sf((seeds.mean() + 6.0) / error, 2), rel=1e-3)


def test_stated_drop_is_found_with_a_power_of_80_percent() -> None:
    """Oracle: scipy's noncentral t, by the observed deviation as the true one."""
    run, baseline = noisy(), noisy()

    found = drop([run], [baseline], tolerance=1.0)

    assert found.detectable is not None
    error = (run - baseline).std(ddof=1) / np.sqrt(SIZE)
    critical = stats.t.ppf(0.95, SIZE - 1)
    power = stats.nct.sf(critical, SIZE - 1, (found.detectable - 1.0) / error)
    assert power == pytest.approx(0.8, abs=0.005)


def test_more_tests_are_corrected_and_state_larger_drops() -> None:
    """Oracle: Holm by hand: the least p times the number of tests."""
    cases = [case([noisy(-4.0)], [noisy()]), case([noisy()], [noisy()])]

    first, second = find_drops(cases)

    assert first.p_holm == pytest.approx(2 * first.p)
    assert second.p_holm == pytest.approx(max(second.p, first.p_holm))
    (alone,) = find_drops(cases[:1])
    assert (first.detectable or 0) > (alone.detectable or np.inf)


def test_equal_outputs_pass_and_state_no_drop() -> None:
    found = drop([EASINESS], [EASINESS])

    assert (found.difference, found.detectable, found.is_significant) == (0.0, None, False)


def test_cases_that_say_nothing_have_no_test() -> None:
    assert (
        why_untested(case([EASINESS[:1]], [EASINESS[:1]])) == "one example says nothing of others"
    )
    empty = Evidence(replace(METRICS["bleu"], aggregate=lambda sums: sums[..., 0] * np.nan),
                     (np.ones((5, 2)),), np.ones(5, bool))  # fmt: skip
    assert "no finite number" in str(why_untested(Case("s", "t", "t", empty, empty, 0.0)))


def test_few_simulated_gates_are_as_the_table_has_them() -> None:
    """Oracle: the binomial distribution; 60 gates of the plainest settings of the table."""
    plain, bleu = SETTINGS[0], next(setting for setting in SETTINGS if setting.is_bleu)

    for tag, setting in enumerate((plain, bleu)):
        assert failed_gates(setting, wanted=Wanted.level, total=60, tag=tag).is_as_wanted
        assert found_drops(setting, total=60, tag=tag).is_as_wanted
    assert str(Setting(seeds=(1, 3), spread=2.0)) == "seeds 1 and 3, spread 2"
