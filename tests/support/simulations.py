"""How often the intervals and tests of a board are right, on simulated scores with a known truth.

`make simulations` writes the table in reports/published/statistics.md; the slow tests check each
row against its limit. Scores of examples are normal, from 0 to 100, unless a row says otherwise.
The spread of seeds is in standard errors over the examples. Legend: S seeds, N examples.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mtnlg.evaluation.metrics.bleu import ORDER, bleu_values
from mtnlg.evaluation.significance.bootstrap import (
    FloatArray,
    Resampling,
    bca_interval,
    bootstrap_interval,
)
from mtnlg.evaluation.significance.comparison import (
    POWER,
    SIGNIFICANCE,
    PairedTestFunction,
    bootstrap_p_values,
    randomization_p_values,
)
from mtnlg.evaluation.significance.seeds import (
    Component,
    SeededValue,
    components_between,
    detectable_difference,
    half_width,
    seeded_value,
)
from mtnlg.records.files import write_text
from simulated_families import family_findings
from simulated_gate import gate_findings
from simulated_scores import (
    BOARD_TRIALS,
    CONFIDENCE,
    EXAMPLES_DEVIATION,
    NUM_EXAMPLES,
    NUM_TRIALS,
    SEED_DEVIATION,
    Finding,
    Wanted,
    made_seeds,
    mean,
    shared_examples,
)

NUM_SEEDS = (3, 5, 10)
SPREADS = (0.0, 0.5, 1.0, 2.0, 5.0)
WORDS = 20
"""Length of each text in the simulation of BLEU."""


def coverage_of_seeds(num_seeds: int, spread: float, *, total: int = NUM_TRIALS) -> Finding:
    """How often two-level intervals hold the true mean over seeds and examples."""
    generator = np.random.default_rng([1, num_seeds, round(10 * spread)])
    count = 0
    for _ in range(total):
        seeds = made_seeds(
            generator, shared_examples(generator), num_seeds=num_seeds, spread=spread
        )
        low, high = seeded_value(seeds, mean).interval(confidence=CONFIDENCE)
        count += low <= 50 <= high
    return Finding(
        what="interval over seeds and examples holds the truth",
        setting=f"{num_seeds} seeds, spread {spread:g}",
        wanted=Wanted.coverage,
        count=count,
        total=total,
    )


def coverage_of_bleu(num_seeds: int, deviation: float, *, total: int = NUM_TRIALS) -> Finding:
    """How often they hold the true BLEU of texts whose words are right with a chance that depends
    on seed and example.
    """
    generator = np.random.default_rng([2, num_seeds, round(1_000 * deviation)])

    def chances(size: tuple[int, int]) -> FloatArray:
        """The chance of a right word by seed and example."""
        chance = 0.6 + deviation * generator.normal(size=(size[0], 1))
        return np.clip(chance + 0.1 * generator.normal(size=size), 0.05, 0.95)

    lengths = WORDS - np.arange(ORDER)
    ends = np.full(2, float(WORDS))
    many = chances((2_000, 200))[..., None] ** np.arange(1, ORDER + 1)  # (S, N, ORDER)
    matched = many.mean(axis=1) * lengths
    heads, tails = np.broadcast_to(ends, (2_000, 2)), np.broadcast_to(lengths, (2_000, ORDER))
    truth = bleu_values(np.hstack([heads, matched, tails])).mean()

    count = 0
    for _ in range(total):
        chance = chances((num_seeds, NUM_EXAMPLES))[..., None] ** np.arange(1, ORDER + 1)
        counts = generator.binomial(lengths, chance)  # (S, N, ORDER)
        heads = np.broadcast_to(ends, (NUM_EXAMPLES, 2))
        tails = np.broadcast_to(lengths, (NUM_EXAMPLES, ORDER))
        seeds = [np.hstack([heads, seed, tails]).astype(np.float64) for seed in counts]
        low, high = seeded_value(seeds, bleu_values).interval(confidence=CONFIDENCE)
        count += low <= truth <= high
    return Finding(
        what="interval over seeds and examples holds the true BLEU",
        setting=f"{num_seeds} seeds, chance of a right word 0.6 ± {deviation:g} by seed",
        wanted=Wanted.coverage,
        count=count,
        total=total,
    )


def coverage_of_examples(
    name: str,
    interval: Callable[..., tuple[float, float] | str],
    *,
    is_skewed: bool,
    total: int = NUM_TRIALS,
) -> Finding:
    """How often intervals over examples alone hold the true mean of one training."""
    generator = np.random.default_rng([3, is_skewed])
    count = 0
    for trial in range(total):
        if is_skewed:  # most scores are low, a few are high; the mean is 100 x 0.5 / 3
            scores = 100 * generator.beta(0.5, 2.5, size=NUM_EXAMPLES)
        else:
            scores = 50 + shared_examples(generator)
        statistics = np.column_stack([scores, np.ones(NUM_EXAMPLES)])
        ends = interval(statistics, mean, Resampling(confidence=CONFIDENCE, seed=trial))
        assert not isinstance(ends, str), ends
        count += ends[0] <= (100 * 0.5 / 3 if is_skewed else 50) <= ends[1]
    return Finding(
        what=f"{name} interval over examples holds the truth",
        setting="1 seed, " + ("skewed scores (beta 0.5, 2.5)" if is_skewed else "normal scores"),
        wanted=Wanted.coverage,
        count=count,
        total=total,
    )


def rejections_of_pairs(
    name: str,
    test: PairedTestFunction,
    *,
    wanted: Wanted,
    shift: float = 0.0,
    num_seeds: int = 1,
    spread: float = 0.0,
    total: int = NUM_TRIALS,
) -> Finding:
    """How often a test over examples finds a difference, where the first system is better by
    `shift`; the mean over several seeds is tested as if it were one system.
    """
    generator = np.random.default_rng([4, round(1_000 * shift), num_seeds, round(10 * spread)])
    count = 0
    for trial in range(total):
        left, right = _pair(generator, num_seeds=num_seeds, spreads=(spread, spread))
        averaged = [np.mean(seeds, axis=0) for seeds in (left, right)]
        averaged[0] = averaged[0] + [shift, 0]
        (p,) = test(averaged, mean, [(0, 1)], num_trials=BOARD_TRIALS, seed=trial)
        count += p < SIGNIFICANCE
    seeds = "1 seed each" if num_seeds == 1 else f"{num_seeds} seeds each, spread {spread:g}"
    truth = "equal systems" if shift == 0 else f"better by {shift:.2f}"
    return Finding(
        what=f"{name} finds a difference",
        setting=f"{truth}, {seeds}",
        wanted=wanted,
        count=count,
        total=total,
    )


def rejections_of_seeds(
    num_seeds: int, spread: float, *, has_steady_other: bool = False, total: int = NUM_TRIALS
) -> Finding:
    """How often the two-level test finds a difference of equal systems of several seeds each, which
    is where the interval of the difference leaves out zero. The seeds of one system may have no
    spread.
    """
    generator = np.random.default_rng([5, num_seeds, round(10 * spread), has_steady_other])
    count = 0
    for _ in range(total):
        left, right = _pair_of_values(
            generator,
            num_seeds=num_seeds,
            spread=spread,
            other_spread=0.0 if has_steady_other else spread,
        )
        half = half_width(components_between(left, right), confidence=1 - SIGNIFICANCE)
        count += abs(left.value - right.value) > half
    return Finding(
        what="two-level test finds a difference",
        setting=f"equal systems, {num_seeds} seeds each, spread {spread:g}"
        + (" and 0" if has_steady_other else ""),
        wanted=Wanted.level,
        count=count,
        total=total,
    )


def true_detectable_difference(*, level: float = SIGNIFICANCE) -> float:
    """The minimum detectable difference of two single trainings, by the true deviations."""
    variance = 2 * SEED_DEVIATION**2 / NUM_EXAMPLES
    return detectable_difference([Component(variance=variance, degrees=math.inf)], level=level)


def power_at_detectable_difference(*, total: int = NUM_TRIALS) -> Finding:
    """How often a difference of the minimum detectable size is found."""
    return rejections_of_pairs(
        "paired approximate randomization",
        randomization_p_values,
        shift=true_detectable_difference(),
        wanted=Wanted.power,
        total=total,
    )


def mean_detectable_difference(*, total: int = NUM_TRIALS) -> tuple[float, float]:
    """The average minimum detectable difference on boards, and the true one."""
    generator = np.random.default_rng(6)
    differences = []
    for _ in range(total):
        left, right = _pair_of_values(generator, num_seeds=1, spread=0.0, other_spread=0.0)
        differences.append(detectable_difference(components_between(left, right)))
    return float(np.mean(differences)), true_detectable_difference()


def findings(*, total: int = NUM_TRIALS) -> Iterator[Finding]:
    """The rows of the table."""
    for name, interval in (("percentile", bootstrap_interval), ("BCa", bca_interval)):
        for is_skewed in (False, True):
            yield coverage_of_examples(name, interval, is_skewed=is_skewed, total=total)
    for num_seeds in NUM_SEEDS:
        for spread in SPREADS:
            yield coverage_of_seeds(num_seeds, spread, total=total)
    for deviation in (0.0, 0.02):
        yield coverage_of_bleu(3, deviation, total=total)
    randomization = "paired approximate randomization"
    yield rejections_of_pairs(
        randomization, randomization_p_values, wanted=Wanted.level, total=total
    )
    for num_seeds in NUM_SEEDS:
        for spread in SPREADS:
            yield rejections_of_seeds(num_seeds, spread, total=total)
        yield rejections_of_seeds(num_seeds, SPREADS[-1], has_steady_other=True, total=total)
    yield power_at_detectable_difference(total=total)
    yield from family_findings(total=total)
    yield from gate_findings(total=total)
    yield rejections_of_pairs(
        "not used for groups: paired bootstrap",
        bootstrap_p_values,
        wanted=Wanted.nothing,
        total=total,
    )
    yield rejections_of_pairs(
        "not used: randomization of means over seeds",
        randomization_p_values,
        wanted=Wanted.nothing,
        num_seeds=3,
        spread=2.0,
        total=total,
    )


def simulations_table(rows: Sequence[Finding], detectable: tuple[float, float]) -> str:
    """The findings as Markdown."""
    lines = [
        "# How often the intervals and tests of a board are right",
        "",
        "Command: make simulations",
        "",
        f"Simulated scores of {NUM_EXAMPLES} examples with a known truth. The standard deviation "
        f"of scores is {EXAMPLES_DEVIATION:g} over examples, shared by all systems, and each "
        f"training adds {SEED_DEVIATION:g}; the spread of seeds is in standard errors over the "
        "examples. In brackets: the 95 % interval of the chance (Clopper and Pearson 1934). "
        f"Intervals are of {CONFIDENCE:.0%}, tests at {SIGNIFICANCE:.0%}. Families of comparisons "
        "go the whole way of a board: which pairs are tested, by which test, corrected by Holm. "
        "Their share is that of boards where any true null hypothesis of the family is rejected, "
        "or where one given difference is found, as large as such boards say would be found in "
        f"{POWER:.0%}. Gates test whether a run is worse than a baseline; their seeds are those of "
        "the run and of the baseline.",
        "",
        "| what | setting | required | share | trials |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high = (f"{100 * end:.1f}" for end in row.bounds)
        share = f"{100 * row.share:.1f} % [{low}, {high}]"
        lines.append(f"| {row.what} | {row.setting} | {row.wanted.value} | {share} | {row.total} |")
    shown, truth = detectable
    lines += [
        "",
        f"The minimum detectable difference that boards would show is {shown:.3f} on average, and "
        f"{truth:.3f} by the true deviations.",
    ]
    return "\n".join(lines) + "\n"


def _pair(
    generator: np.random.Generator, *, num_seeds: int, spreads: tuple[float, float]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Two systems on the same examples that are equally good over all seeds and examples."""
    examples = shared_examples(generator)
    left, right = (
        made_seeds(generator, examples, num_seeds=num_seeds, spread=spread) for spread in spreads
    )
    return left, right


def _pair_of_values(
    generator: np.random.Generator, *, num_seeds: int, spread: float, other_spread: float
) -> tuple[SeededValue, SeededValue]:
    left, right = _pair(generator, num_seeds=num_seeds, spreads=(spread, other_spread))
    return seeded_value(left, mean), seeded_value(right, mean)


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), simulations_table(list(findings()), mean_detectable_difference()))
