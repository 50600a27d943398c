"""How often the intervals and tests of a board are right, on made-up scores whose truth is known.

`make simulations` writes the table that is published; the slow tests hold each row to its limit.
Scores of examples are normal, in units of a hundred, but where a row says otherwise. The spread of
seeds is in standard errors over the examples. Refuses to know: real texts. Legend: T trials, S
seeds, N examples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from scipy.special import betaincinv

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
    detectable_difference,
    randomization_p_values,
)
from mtnlg.evaluation.significance.seeds import (
    SeededValue,
    components_between,
    half_width,
    seeded_value,
    standard_error,
)
from mtnlg.records.files import write_text

NUM_TRIALS = 1_000
NUM_EXAMPLES = 100
NUM_SEEDS = (3, 5, 10)
SPREADS = (0.0, 0.5, 1.0, 2.0, 5.0)
BOARD_TRIALS = 999
"""Of each randomization: fewer than a board's, so that a thousand of them take seconds."""

EXAMPLES_DEVIATION = 20.0
"""Of the examples' scores, which all systems and seeds share."""
OWN_DEVIATION = 10.0
"""Of what a seed makes of an example besides."""
CONFIDENCE = 0.95
LEAST_COVERAGE = 0.93
WORDS = 20
"""Length of each made-up text of which BLEU is simulated."""


class Wanted(Enum):
    """What is asked of a share."""

    coverage = f"at least {LEAST_COVERAGE:.0%}"
    level = f"lower bound at most {SIGNIFICANCE:.0%}"
    power = f"{POWER:.0%} within the bounds"
    nothing = "–"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How often something happened, and how often it should."""

    what: str
    setting: str
    wanted: Wanted
    count: int
    total: int

    @property
    def share(self) -> float:
        """How often it happened, 0 to 1."""
        return self.count / self.total

    @property
    def bounds(self) -> tuple[float, float]:
        """Where the chance of it may be, at 95 %."""
        return share_bounds(self.count, self.total, confidence=0.95)

    @property
    def is_as_wanted(self) -> bool:
        """True where the share is what was asked of it."""
        low, high = self.bounds
        return {
            Wanted.coverage: self.share >= LEAST_COVERAGE,
            Wanted.level: low <= SIGNIFICANCE,
            Wanted.power: low <= POWER <= high,
            Wanted.nothing: True,
        }[self.wanted]


def share_bounds(count: int, total: int, *, confidence: float) -> tuple[float, float]:
    """The interval of a chance by what happened `count` of `total` times, exact on each side
    (Clopper and Pearson 1934).
    """
    tail = (1 - confidence) / 2
    low = betaincinv(count, total - count + 1, tail) if count else 0.0
    high = betaincinv(count + 1, total - count, 1 - tail) if count < total else 1.0
    return float(low), float(high)


def mean(sums: FloatArray) -> FloatArray:
    """A metric that is a mean of examples, as ROUGE is."""
    return sums[..., 0] / sums[..., 1]


def made_seeds(
    generator: np.random.Generator, examples: FloatArray, *, num_seeds: int, spread: float
) -> list[FloatArray]:
    """Statistics (N, 2) of S trainings that are 50 on average over all seeds and examples; the
    scores of examples (N,) are shared.
    """
    size = len(examples)
    seed_deviation = spread * np.hypot(EXAMPLES_DEVIATION, OWN_DEVIATION) / np.sqrt(size)
    shifts = seed_deviation * generator.normal(size=(num_seeds, 1))
    scores = 50 + examples + shifts + OWN_DEVIATION * generator.normal(size=(num_seeds, size))
    return [np.column_stack([one, np.ones(size)]) for one in scores]


def shared_examples(generator: np.random.Generator) -> FloatArray:
    """How much easier than the average each of N examples is."""
    return EXAMPLES_DEVIATION * generator.normal(size=NUM_EXAMPLES)


def coverage_of_seeds(num_seeds: int, spread: float, *, total: int = NUM_TRIALS) -> Finding:
    """Two-level intervals that hold the true mean over seeds and examples."""
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
    """The same of BLEU, of texts whose words are right with a chance by seed and example."""
    generator = np.random.default_rng([2, num_seeds, round(1_000 * deviation)])

    def chances(size: tuple[int, int]) -> FloatArray:
        """Of a word to be right, by seed and example."""
        chance = 0.6 + deviation * generator.normal(size=(size[0], 1))
        return np.clip(chance + 0.1 * generator.normal(size=size), 0.05, 0.95)

    lengths = WORDS - np.arange(ORDER)
    ends = np.full(2, float(WORDS))
    many = chances((2_000, 200))[..., None] ** np.arange(1, ORDER + 1)  # (S, N, ORDER)
    matched = many.mean(axis=1) * lengths
    heads, tails = (np.broadcast_to(one, (2_000, len(one))) for one in (ends, lengths))
    truth = bleu_values(np.hstack([heads, matched, tails])).mean()

    count = 0
    for _ in range(total):
        chance = chances((num_seeds, NUM_EXAMPLES))[..., None] ** np.arange(1, ORDER + 1)
        counts = generator.binomial(lengths, chance)  # (S, N, ORDER)
        heads, tails = (np.broadcast_to(one, (NUM_EXAMPLES, len(one))) for one in (ends, lengths))
        seeds = [np.hstack([heads, one, tails]).astype(np.float64) for one in counts]
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
    """Intervals over examples alone that hold the true mean of one training over all examples."""
    generator = np.random.default_rng([3, is_skewed])
    count = 0
    for trial in range(total):
        if is_skewed:  # most examples score little, few score high; its mean is 100 x 0.5 / 3
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
    """Pairs that a test over examples tells apart, where the first is better by `shift`; of several
    seeds the mean, as if it were one system.
    """
    generator = np.random.default_rng([4, round(1_000 * shift), num_seeds, round(10 * spread)])
    count = 0
    for trial in range(total):
        one, other = _pair(generator, num_seeds=num_seeds, spreads=(spread, spread))
        averaged = [np.mean(seeds, axis=0) for seeds in (one, other)]
        averaged[0] = averaged[0] + [shift, 0]
        (p,) = test(averaged, mean, [(0, 1)], num_trials=BOARD_TRIALS, seed=trial)
        count += p < SIGNIFICANCE
    seeds = "1 seed each" if num_seeds == 1 else f"{num_seeds} seeds each, spread {spread:g}"
    truth = "equal systems" if shift == 0 else f"better by {shift:.2f}"
    return Finding(
        what=f"{name} tells two apart",
        setting=f"{truth}, {seeds}",
        wanted=wanted,
        count=count,
        total=total,
    )


def rejections_of_seeds(
    num_seeds: int, spread: float, *, has_steady_other: bool = False, total: int = NUM_TRIALS
) -> Finding:
    """Equal systems of several seeds each that the two-level test tells apart: those whose interval
    of the difference is without zero. The seeds of the other one may have no spread.
    """
    generator = np.random.default_rng([5, num_seeds, round(10 * spread), has_steady_other])
    count = 0
    for _ in range(total):
        one, other = _pair_of_values(
            generator,
            num_seeds=num_seeds,
            spread=spread,
            other_spread=0.0 if has_steady_other else spread,
        )
        half = half_width(components_between(one, other), confidence=1 - SIGNIFICANCE)
        count += abs(one.value - other.value) > half
    return Finding(
        what="two-level test tells two apart",
        setting=f"equal systems, {num_seeds} seeds each, spread {spread:g}"
        + (" and 0" if has_steady_other else ""),
        wanted=Wanted.level,
        count=count,
        total=total,
    )


def power_at_detectable_difference(*, total: int = NUM_TRIALS) -> Finding:
    """Pairs that are told apart where the first is better by the minimum detectable difference."""
    true_error = OWN_DEVIATION * np.sqrt(2 / NUM_EXAMPLES)
    return rejections_of_pairs(
        "paired approximate randomization",
        randomization_p_values,
        shift=detectable_difference(float(true_error)),
        wanted=Wanted.power,
        total=total,
    )


def mean_detectable_difference(*, total: int = NUM_TRIALS) -> tuple[float, float]:
    """What boards would show as the minimum detectable difference, on average, and the truth."""
    generator = np.random.default_rng(6)
    found = []
    for _ in range(total):
        one, other = _pair_of_values(generator, num_seeds=1, spread=0.0, other_spread=0.0)
        found.append(detectable_difference(standard_error(one.influences - other.influences)))
    truth = detectable_difference(float(OWN_DEVIATION * np.sqrt(2 / NUM_EXAMPLES)))
    return float(np.mean(found)), truth


def findings(*, total: int = NUM_TRIALS) -> Iterator[Finding]:
    """Every row of the table."""
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
    yield rejections_of_pairs(
        "not used for letters: paired bootstrap",
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
        f"Made-up scores of {NUM_EXAMPLES} examples, whose truth is known. Deviation of scores "
        f"{EXAMPLES_DEVIATION:g} by example, shared by all systems, and {OWN_DEVIATION:g} by each "
        "training besides; the spread of seeds is in standard errors over the examples. In "
        f"brackets: where the chance may be (Clopper and Pearson 1934, 95 %). Intervals are of "
        f"{CONFIDENCE:.0%}, tests at {SIGNIFICANCE:.0%}.",
        "",
        "| what | setting | wanted | found | trials |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high = (f"{100 * end:.1f}" for end in row.bounds)
        found = f"{100 * row.share:.1f} % [{low}, {high}]"
        lines.append(f"| {row.what} | {row.setting} | {row.wanted.value} | {found} | {row.total} |")
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
    """Two systems that are equally good over all seeds and examples, on the same examples."""
    examples = shared_examples(generator)
    one, other = (
        made_seeds(generator, examples, num_seeds=num_seeds, spread=spread) for spread in spreads
    )
    return one, other


def _pair_of_values(
    generator: np.random.Generator, *, num_seeds: int, spread: float, other_spread: float
) -> tuple[SeededValue, SeededValue]:
    one, other = _pair(generator, num_seeds=num_seeds, spreads=(spread, other_spread))
    return seeded_value(one, mean), seeded_value(other, mean)


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), simulations_table(list(findings()), mean_detectable_difference()))
