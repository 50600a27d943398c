"""Intervals and tests over seeds and examples.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU
from scipy import stats

from mtnlg.evaluation import METRICS, Texts, measure
from mtnlg.evaluation.significance.bootstrap import FloatArray, jackknife_influences
from mtnlg.evaluation.significance.comparison import compare_systems
from mtnlg.evaluation.significance.seeds import (
    LEAST_P,
    Component,
    compare_with_seeds,
    detectable_difference,
    equivalence_p,
    half_width,
    p_value,
    seeded_value,
    standard_error,
)

S, N = 3, 7


def mean(sums: FloatArray) -> FloatArray:
    return sums[..., 0] / sums[..., 1]


def of_means(values: FloatArray) -> FloatArray:
    """Statistics (N, 2) of a metric that is a mean, such as ROUGE."""
    return np.column_stack([values, np.ones(len(values))])


def made(num_seeds: int, *, seed: int = 0, spread: float = 0.5, size: int = N) -> list[FloatArray]:
    """Scores of examples that differ by the example, by the seed and by both."""
    examples = np.random.default_rng(99).normal(size=size)
    generator = np.random.default_rng(seed)
    return [
        of_means(examples + spread * generator.normal() + 0.3 * generator.normal(size=size))
        for _ in range(num_seeds)
    ]


def test_components_are_those_of_an_analysis_of_variance_by_hand() -> None:
    """Oracle: mean squares of the two-way layout, summed in plain loops."""
    seeds = made(S)
    x = [[float(score) for score in seed[:, 0]] for seed in seeds]
    grand = sum(map(sum, x)) / (S * N)
    of_seed = [sum(row) / N for row in x]
    of_example = [sum(row[i] for row in x) / S for i in range(N)]
    ms_seed = N * sum((part - grand) ** 2 for part in of_seed) / (S - 1)
    ms_example = S * sum((part - grand) ** 2 for part in of_example) / (N - 1)
    ms_both = sum(
        (x[s][i] - of_seed[s] - of_example[i] + grand) ** 2 for s in range(S) for i in range(N)
    ) / ((S - 1) * (N - 1))

    value = seeded_value(seeds, mean)
    low, high = value.interval()

    half = math.sqrt(
        4.302653**2 * ms_seed / (S * N) + 1.959964**2 * (ms_example - ms_both) / (S * N)
    )
    assert ms_example > ms_both, "the oracle must have all components"
    assert value.value == pytest.approx(grand)
    assert (low, high) == pytest.approx((grand - half, grand + half), rel=1e-6)


def test_influences_of_a_mean_are_the_differences_from_it() -> None:
    (statistics,) = made(1)

    influences = jackknife_influences(statistics, mean)

    np.testing.assert_allclose(influences, statistics[:, 0] - statistics[:, 0].mean(), atol=1e-12)
    assert standard_error(influences) == pytest.approx(
        statistics[:, 0].std(ddof=1) / math.sqrt(N), rel=1e-12
    )


def test_influences_of_bleu_are_those_of_sacrebleu_without_a_line() -> None:
    """Oracle: sacreBLEU's corpus score of the texts without each line."""
    hypotheses = ["the cat sat on a mat", "a dog ran far away", "we train a model on text"]
    references = ["the cat sat on the mat", "the dog ran far away", "we train a model of text"]
    metric = METRICS["bleu"]
    statistics = measure(metric, Texts(hypotheses, [[text] for text in references], language="en"))
    without = [
        BLEU().corpus_score(
            hypotheses[:index] + hypotheses[index + 1 :],
            [references[:index] + references[index + 1 :]],
        ).score
        for index in range(3)
    ]  # fmt: skip

    influences = jackknife_influences(statistics, metric.aggregate)

    expected = [2 * (sum(without) / 3 - value) for value in without]
    assert influences.tolist() == pytest.approx(expected, abs=1e-9)


def test_detectable_difference_is_that_of_the_textbook() -> None:
    """Oracle: Bloom 1995, table 1: 2.80 standard errors at 80 % power and a two-sided 5 %."""
    unit, half = (Component(variance=size**2, degrees=math.inf) for size in (1.0, 0.5))

    assert detectable_difference([unit]) == pytest.approx(1.959964 + 0.841621, abs=1e-6)
    assert detectable_difference([half], power=0.5) == pytest.approx(0.979982, abs=1e-6)


def test_seeds_that_agree_have_the_interval_of_a_single_seed() -> None:
    (statistics,) = made(1)

    several = seeded_value([statistics] * 4, mean).interval()

    assert several == pytest.approx(seeded_value([statistics], mean).interval())


def test_interval_of_examples_that_are_alike_is_that_of_t_over_seeds() -> None:
    """Oracle: the one-sample t interval of the seeds' values."""
    values = np.array([20.0, 22.0, 24.0])

    low, high = seeded_value([of_means(np.full(N, value)) for value in values], mean).interval()

    assert (low, high) == pytest.approx((22 - 4.302653 * 2 / 3**0.5, 22 + 4.302653 * 2 / 3**0.5))


@pytest.mark.parametrize("difference", [0.4, -1.7, 9.0])
def test_p_of_one_component_is_that_of_its_own_test(difference: float) -> None:
    """Oracle: closed forms of t on two degrees of freedom and of the normal distribution."""
    seeds = [Component(variance=0.49, degrees=2)]
    examples = [Component(variance=0.49, degrees=math.inf)]
    ratio = abs(difference) / 0.7

    assert p_value(difference, seeds) == pytest.approx(
        1 - ratio / math.sqrt(2 + ratio**2), rel=1e-4
    )
    expected = max(math.erfc(ratio / math.sqrt(2)), LEAST_P)
    assert p_value(difference, examples) == pytest.approx(expected, rel=1e-4)


def test_interval_excludes_zero_exactly_where_p_is_below_its_level() -> None:
    components = [Component(variance=0.3, degrees=2), Component(variance=2.0, degrees=math.inf)]
    edge = half_width(components, confidence=0.95)

    assert p_value(edge * 1.001, components) < 0.05 < p_value(edge * 0.999, components)


def test_equal_systems_have_p_of_one_even_without_any_variance() -> None:
    constant = [of_means(np.full(N, 3.0))] * 2

    (comparison,) = compare_with_seeds([constant, constant], mean)

    assert (comparison.difference, comparison.low, comparison.high, comparison.p) == (0, 0, 0, 1)


def test_systems_of_one_seed_are_compared_over_examples() -> None:
    systems = [made(1, seed=seed, size=23)[0] for seed in range(3)]

    comparisons = compare_with_seeds([[system] for system in systems], mean)

    assert comparisons == compare_systems(systems, mean)


def test_pair_of_several_seeds_sees_their_spread() -> None:
    """Two systems whose examples all agree that the first is better, while their seeds do not:
    a test over examples alone is sure, and wrong to be.
    """
    first = [of_means(np.linspace(0, 1, 41) + shift) for shift in (0.9, -0.5, 0.5)]
    second = [of_means(np.linspace(0, 1, 41) + shift) for shift in (0.6, -0.6, 0.3)]
    averaged = [sum(seeds) / 3 for seeds in (first, second)]

    (comparison,) = compare_with_seeds([first, second], mean)
    (blind,) = compare_systems(averaged, mean)

    assert comparison.difference == pytest.approx(blind.difference)
    assert (blind.p, blind.low > 0) == (pytest.approx(1e-4, rel=0.01), True)
    assert comparison.p > 0.5
    assert comparison.low < 0 < comparison.high


def test_pair_whose_examples_are_alike_has_the_p_of_welch() -> None:
    """Oracle: Welch's t-test by hand: variances 1 / 3 and 9 / 3, degrees by Satterthwaite and
    rounded down to 2, of which t has a closed form.
    """
    narrow = [of_means(np.full(N, value)) for value in (30.0, 31.0, 32.0)]
    wide = [of_means(np.full(N, value)) for value in (23.0, 26.0, 29.0)]
    variance = 1 / 3 + 9 / 3
    degrees = math.floor(variance**2 / ((1 / 3) ** 2 / 2 + 3**2 / 2))

    (comparison,) = compare_with_seeds([narrow, wide], mean)

    assert (degrees, comparison.difference) == (2, pytest.approx(5.0))
    t = 5 / math.sqrt(variance)
    assert comparison.p == pytest.approx(1 - t / math.sqrt(2 + t**2), rel=1e-4)


def test_mixed_pairs_are_corrected_together() -> None:
    systems = [made(3, seed=1), made(1, seed=2), made(1, seed=3), made(2, seed=4)]

    comparisons = compare_with_seeds(systems, mean)

    assert [(pair.better, pair.worse) for pair in comparisons] == [
        *((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)),
    ]
    (alone,) = compare_systems([systems[1][0], systems[2][0]], mean)
    assert comparisons[3].p == alone.p
    least = min(comparisons, key=lambda pair: pair.p)
    assert least.p_holm == pytest.approx(min(1, 6 * least.p))


def spread_of(seeds: list[FloatArray]) -> tuple[float, float, list[float]]:
    """In plain loops: mean square of the interaction, variance of the seeds' means, and the mean of
    each example.
    """
    x = [[float(value) for value in statistics[:, 0]] for statistics in seeds]
    num_seeds, num_examples = len(x), len(x[0])
    of_seed = [sum(row) / num_examples for row in x]
    of_example = [sum(row[i] for row in x) / num_seeds for i in range(num_examples)]
    grand = sum(of_seed) / num_seeds
    interaction = sum(
        (x[s][i] - of_seed[s] - of_example[i] + grand) ** 2
        for s in range(num_seeds)
        for i in range(num_examples)
    ) / ((num_seeds - 1) * (num_examples - 1))
    return interaction, sum((mean - grand) ** 2 for mean in of_seed) / (num_seeds - 1), of_example


@pytest.mark.parametrize(("num_left", "num_right"), [(2, 4), (4, 2), (3, 3)])
def test_pair_of_several_seeds_takes_the_spread_and_the_disagreement_of_both(
    num_left: int, num_right: int
) -> None:
    """Oracle: components by hand: variances of both systems' seeds with Welch's degrees, and of the
    examples' differences what both interactions leave; p is the level whose interval ends at zero,
    by scipy's quantiles.
    """
    left = made(num_left, seed=31, spread=0.2, size=11)
    right = [of_means(1.2 * seed[:, 0]) for seed in made(num_right, seed=32, spread=0.3, size=11)]
    parts = [(len(seeds), *spread_of(seeds)) for seeds in (left, right)]
    of_seeds = [variance / count for count, _, variance, _ in parts]
    welch = sum(of_seeds) ** 2 / sum(
        variance**2 / (count - 1) for variance, (count, *_) in zip(of_seeds, parts, strict=True)
    )
    differences = [first - second for first, second in zip(parts[0][3], parts[1][3], strict=True)]
    between = sum((value - sum(differences) / 11) ** 2 for value in differences) / 10 / 11
    of_examples = between - sum(square / (count * 11) for count, square, *_ in parts)
    better = sum(differences) > 0

    (comparison,) = compare_with_seeds([left, right] if better else [right, left], mean)

    def half(confidence: float) -> float:
        level = (1 + confidence) / 2
        student, normal = stats.t.ppf(level, math.floor(welch)), stats.norm.ppf(level)
        return math.sqrt(student**2 * sum(of_seeds) + normal**2 * of_examples)

    assert of_examples > 0, "the oracle must have all components"
    assert min(square / (count * 11) for count, square, *_ in parts) > 0.05 * of_examples
    assert comparison.high - comparison.low == pytest.approx(2 * half(0.95), rel=1e-6)
    assert half(1 - comparison.p) == pytest.approx(comparison.difference, rel=1e-4)


def disagreeing(values: list[float], strength: float, size: int = 8) -> list[FloatArray]:
    """Seeds with these values whose examples disagree in turn, and agree on average."""
    signs = np.where(np.arange(size) % 2, 1.0, -1.0)
    return [
        of_means(np.full(size, value) + strength * (-1) ** seed * signs)
        for seed, value in enumerate(values)
    ]


def test_more_disagreement_than_spread_leaves_the_interval_of_t_over_seeds() -> None:
    """Oracle: the one-sample t interval of four values: examples never take from it, nor add."""
    values = [20.0, 22.0, 23.0, 27.0]

    low, high = seeded_value(disagreeing(values, 5.0), mean).interval()

    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2
    assert (low, high) == pytest.approx((23 - half, 23 + half))


def test_more_disagreement_than_spread_leaves_welch_between_two_systems() -> None:
    """Oracle: scipy's t-test of unequal variances at whole degrees of freedom, 1 and 3 and equal
    spread giving 5.88 for 4 and 4 seeds, rounded down.
    """
    left, right = [30.0, 32.0, 33.0, 37.0], [20.0, 21.0, 23.0, 28.0]
    expected = stats.ttest_ind(left, right, equal_var=False)

    (comparison,) = compare_with_seeds([disagreeing(left, 5.0), disagreeing(right, 9.0)], mean)

    at_whole_degrees = 2 * stats.t.sf(expected.statistic, math.floor(expected.df))
    assert comparison.p == pytest.approx(at_whole_degrees, rel=1e-4)
    assert comparison.difference == 10.0


def test_interaction_of_one_system_alone_counts_in_a_pair() -> None:
    """Oracle: by hand: one system without any disagreement, and the other's taken from the variance
    of the examples, whichever of the two it is.
    """
    examples = np.linspace(0, 3, 7)
    alike = [of_means(examples + shift) for shift in (4.0, 5.0)]
    apart = made(3, seed=8, spread=0.1)
    interaction, variance, of_example = spread_of(apart)
    differences = examples - np.array(of_example)
    of_examples = np.var(differences, ddof=1) / 7 - interaction / 21
    seeds = 0.5 / 2 + variance / 3
    degrees = seeds**2 / ((0.5 / 2) ** 2 / 1 + (variance / 3) ** 2 / 2)
    half = math.sqrt(
        stats.t.ppf(0.975, math.floor(degrees + 1e-6)) ** 2 * seeds
        + stats.norm.ppf(0.975) ** 2 * max(of_examples, 0)
    )

    (comparison,) = compare_with_seeds([alike, apart], mean)
    (turned,) = compare_with_seeds([apart, alike], mean)

    assert of_examples > 0
    assert (comparison.low, comparison.high) == pytest.approx(
        (comparison.difference - half, comparison.difference + half)
    )
    assert (turned.low, turned.high, turned.p) == pytest.approx(
        (-comparison.high, -comparison.low, comparison.p)
    )


@pytest.mark.parametrize("margin", [0.5, 1.4, 1.6, 3.0])
@pytest.mark.parametrize("difference", [1.0, -1.0])
def test_equivalence_of_one_component_is_that_of_two_one_sided_tests(
    difference: float, margin: float
) -> None:
    """Oracle: the larger p of the two one-sided z or t tests (Schuirmann 1987), by scipy; below 5 %
    where the interval of 90 % lies within the margin.
    """
    for degrees, distribution in ((math.inf, stats.norm), (4.0, stats.t(4))):
        component = Component(variance=0.3**2, degrees=degrees)
        below = distribution.sf((difference + margin) / 0.3)
        above = distribution.cdf((difference - margin) / 0.3)

        p = equivalence_p(difference, [component], margin=margin)

        half = half_width([component], confidence=0.9)
        is_inside = -margin < difference - half and difference + half < margin
        assert p == pytest.approx(max(below, above), rel=1e-4, abs=LEAST_P)
        assert (p < 0.05) == is_inside


def test_detectable_difference_of_few_seeds_is_that_of_t() -> None:
    """Oracle: scipy's quantiles of t with 4 degrees of freedom, at 5 % / 15 and 80 %."""
    component = Component(variance=4.0, degrees=4)

    detectable = detectable_difference([component], level=0.05 / 15)

    assert detectable == pytest.approx(2 * (stats.t.ppf(1 - 0.025 / 15, 4) + stats.t.ppf(0.8, 4)))


def test_pairs_asked_for_are_those_of_all_pairs() -> None:
    """Oracle: the comparison of all pairs; systems of one seed and of several."""
    systems = [made(3, seed=1), made(1, seed=2), made(2, seed=3), made(1, seed=4)]
    pairs = [(0, 3), (1, 3)]

    everything = {(pair.better, pair.worse): pair for pair in compare_with_seeds(systems, mean)}
    some = compare_with_seeds(systems, mean, pairs=pairs)

    assert [(pair.better, pair.worse) for pair in some] == pairs
    assert [pair.p for pair in some] == pytest.approx([everything[pair].p for pair in pairs])
