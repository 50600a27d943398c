"""How often the families of comparisons of a board are right, on simulated systems that go the
whole way of a board: families, tests and corrections. `simulations` has the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtnlg.evaluation import METRICS, Resampling
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.significance.seeds import compare_with_seeds
from mtnlg.leaderboard.evidence import Evidence
from mtnlg.leaderboard.families import AGAINST_BASELINE, AGAINST_BEST, ALL_PAIRS
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.row_comparisons import compare_rows
from mtnlg.records.scores import MetricScore
from simulated_scores import (
    BOARD_TRIALS,
    NUM_EXAMPLES,
    NUM_TRIALS,
    Finding,
    Wanted,
    made_seeds,
    mean,
    shared_examples,
)

METRIC = replace(METRICS["rouge1"], aggregate=mean)
EVERYTHING = np.ones(NUM_EXAMPLES, np.bool_)
POWER_TRIALS = 4_999
"""Enough for a corrected level of 0.05 / 15, which fewer trials would round down."""
Statistics = list[FloatArray]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Systems by their seeds, and baselines, all equally good unless a lead is given."""

    seeds: Sequence[int]
    spread: float = 0.0
    """Of systems with several seeds; a single training is what it is."""
    num_baselines: int = 0
    lead: float = 0.0
    """How much better the first system is than the others."""
    lead_over_baselines: float = 0.0
    """How much better all systems are than the baselines."""

    def __str__(self) -> str:
        counts = {count: self.seeds.count(count) for count in sorted(set(self.seeds), reverse=True)}
        parts = [
            f"{number} systems of {count} seed{'s' if count > 1 else ''}"
            for count, number in counts.items()
        ]
        if max(self.seeds) > 1:
            parts.append(f"spread {self.spread:g}")
        if self.num_baselines:
            parts.append(f"{self.num_baselines} baselines")
        return ", ".join(parts)

    def draw(self, generator: np.random.Generator) -> dict[str, Statistics]:
        """Label -> statistics (N, 2) of each seed of one board."""
        examples = shared_examples(generator)
        systems: dict[str, Statistics] = {}
        for index, num_seeds in enumerate(self.seeds):
            spread = self.spread if num_seeds > 1 else 0.0
            shift = self.lead_over_baselines + (self.lead if index == 0 else 0.0)
            seeds = made_seeds(generator, examples, num_seeds=num_seeds, spread=spread)
            systems[f"s{index}"] = [seed + np.array([shift, 0.0]) for seed in seeds]
        for index in range(self.num_baselines):
            systems[f"b{index}"] = made_seeds(generator, examples, num_seeds=1, spread=0.0)
        return systems


def made_board(
    systems: dict[str, Statistics],
    seed: int,
    *,
    num_trials: int = BOARD_TRIALS,
    margin: float | None = None,
) -> Board:
    """The board of these systems, compared as every board is."""
    values = {
        label: float(np.mean([mean(array.sum(axis=0)) for array in seeds]))
        for label, seeds in systems.items()
    }
    rows = [
        BoardRow(
            label,
            "trained" if label.startswith("s") else "baseline",
            "finished",
            label=label,
            rank=1,
            seeds=tuple(range(len(systems[label]))),
            metrics={
                METRIC.name: MetricScore(
                    values[label], None, None, NUM_EXAMPLES, "0-100", True, None, "", "simulated"
                )
            },
        )
        for label in systems
    ]

    def evidence(row: BoardRow, name: str) -> Evidence:
        return Evidence(METRIC, tuple(systems[row.label]), EVERYTHING)

    return compare_rows(
        Board("simulated", "test", "all", "en", tuple(rows), (METRIC.name,)),
        METRIC.name,
        evidence=evidence,
        num_trials=num_trials,
        resampling=Resampling(num_resamples=100, seed=seed),
        margin=margin,
    )


def family_errors(setting: Setting, *, total: int) -> Iterator[Finding]:
    """For each family, how often it finds any difference among systems that are equally good."""
    generator = np.random.default_rng([7, len(setting.seeds), sum(setting.seeds)])
    counts: dict[str, int] = {}
    for trial in range(total):
        board = made_board(setting.draw(generator), trial)
        for family, pairs in board.tests[METRIC.name].families.items():
            is_wrong = any(pair.is_significant for pair in pairs)
            counts[family] = counts.get(family, 0) + is_wrong
    for family, count in counts.items():
        yield Finding(
            what=f"family of {family} finds any difference",
            setting=f"all equal: {setting}",
            wanted=Wanted.family,
            count=count,
            total=total,
        )


def family_power(
    setting: Setting, family: str, *, worse: str, is_of_all_pairs: bool = False, total: int
) -> Finding:
    """How often the first system is found to be better than another one. The correction may also be
    that of all pairs, which the board does not use here.
    """
    generator = np.random.default_rng([8, len(setting.seeds), sum(setting.seeds)])
    count = 0
    for trial in range(total):
        systems = setting.draw(generator)
        if is_of_all_pairs:
            count += _is_found_among_all_pairs(systems)
            continue
        board = made_board(systems, trial, num_trials=POWER_TRIALS)
        count += any(
            pair.better == "s0" and pair.worse.startswith(worse) and pair.is_significant
            for pair in board.tests[METRIC.name].families[family]
        )
    gap = setting.lead or setting.lead_over_baselines
    name = "not used here: all pairs, Holm" if is_of_all_pairs else f"family of {family}"
    return Finding(
        what=f"{name}, finds a given difference",
        setting=f"better by {gap:.2f}: {setting}",
        wanted=Wanted.stated,
        count=count,
        total=total,
    )


def errors_against_best(setting: Setting, *, total: int) -> Finding:
    """As `family_errors`, if boards tested against the best system in spite of many seeds."""
    generator = np.random.default_rng([10, len(setting.seeds), sum(setting.seeds)])
    count = 0
    for _ in range(total):
        systems = ranked(setting.draw(generator))
        pairs = [(0, index) for index in range(1, len(systems))]
        compared = compare_with_seeds(list(systems.values()), mean, pairs=pairs)
        count += any(pair.is_significant for pair in compared)
    return Finding(
        what=f"not used: family of {AGAINST_BEST} finds any difference",
        setting=f"all equal: {setting}",
        wanted=Wanted.nothing,
        count=count,
        total=total,
    )


def equivalence_errors(setting: Setting, *, total: int) -> Finding:
    """How often two systems are called equivalent whose difference is the margin."""
    generator = np.random.default_rng([11, len(setting.seeds), sum(setting.seeds)])
    count = 0
    for trial in range(total):
        board = made_board(setting.draw(generator), trial, margin=setting.lead)
        count += any(pair.is_equivalent for pair in board.comparisons)
    return Finding(
        what="equivalence test (TOST) finds two systems equivalent",
        setting=f"better by the margin of {setting.lead:g}: {setting}",
        wanted=Wanted.level,
        count=count,
        total=total,
    )


def ranked(systems: dict[str, Statistics]) -> dict[str, Statistics]:
    """The systems, best first."""
    return dict(
        sorted(systems.items(), key=lambda item: -np.mean([seed[:, 0] for seed in item[1]]))
    )


def _is_found_among_all_pairs(systems: dict[str, Statistics]) -> bool:
    """True where s0 is better than s1, corrected for the pairs of all systems."""
    labels = list(ranked(systems))
    return any(
        (labels[pair.better], labels[pair.worse]) == ("s0", "s1") and pair.is_significant
        for pair in compare_with_seeds([systems[label] for label in labels], mean)
    )


def stated_difference(setting: Setting, family: str, *, total: int) -> float:
    """The minimum detectable difference of the family that such boards state, on average."""
    generator = np.random.default_rng([9, len(setting.seeds), sum(setting.seeds)])
    sizes = [
        pair.detectable
        for trial in range(total)
        for pair in made_board(setting.draw(generator), trial).tests[METRIC.name].families[family]
        if pair.detectable is not None
    ]
    return float(np.mean(sizes))


def family_findings(*, total: int = NUM_TRIALS) -> Iterator[Finding]:
    """The rows of the table: errors, then power at the difference that boards say they would have
    found.
    """
    for setting in (
        Setting(seeds=[1] * 6, num_baselines=5),
        Setting(seeds=[1] * 12),
        Setting(seeds=[2] * 6, spread=1.0, num_baselines=5),
        *(Setting(seeds=[3] * 6, spread=spread, num_baselines=5) for spread in (0.0, 1.0, 5.0)),
        Setting(seeds=[3] * 12, spread=5.0, num_baselines=5),
        Setting(seeds=[3, 3, 3, 3, 1, 1, 1], spread=1.0, num_baselines=5),
        Setting(seeds=[5] * 6, spread=5.0, num_baselines=5),
    ):
        yield from family_errors(setting, total=total)
    yield errors_against_best(Setting(seeds=[5] * 12, spread=5.0), total=total)
    for seeds in ([1, 1], [3, 3]):
        yield equivalence_errors(Setting(seeds=seeds, spread=1.0, lead=8.0), total=total)
    once, few = Setting(seeds=[1] * 6), Setting(seeds=[3] * 6, spread=1.0)
    beside = replace(few, num_baselines=1)
    pilot = total // 5
    lead = stated_difference(once, ALL_PAIRS, total=pilot)
    yield family_power(replace(once, lead=lead), ALL_PAIRS, worse="s1", total=total)
    lead = stated_difference(few, AGAINST_BEST, total=pilot)
    few = replace(few, lead=lead)
    yield family_power(few, AGAINST_BEST, worse="s1", total=total)
    yield family_power(few, ALL_PAIRS, worse="s1", is_of_all_pairs=True, total=total)
    lead = stated_difference(beside, AGAINST_BASELINE, total=pilot)
    beside = replace(beside, lead_over_baselines=lead)
    yield family_power(beside, AGAINST_BASELINE, worse="b", total=total)
