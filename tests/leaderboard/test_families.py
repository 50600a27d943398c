"""Families of comparisons: which pairs are tested together, and how they are corrected.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from made_comparisons import add_system
from made_launch import MadeLaunch, made_task
from mtnlg.evaluation import Resampling, Texts, score_metric
from mtnlg.evaluation.metrics.registry import METRICS
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.significance.comparison import SIGNIFICANCE, Comparison, trials_needed
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.evidence import Evidence
from mtnlg.leaderboard.families import (
    AGAINST_BASELINE,
    AGAINST_BEST,
    ALL_PAIRS,
    Family,
    declare_families,
)
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.ranking import rank_rows
from mtnlg.leaderboard.row_comparisons import compare_rows
from mtnlg.report.notes import board_notes
from mtnlg.report.summary import board_sentence
from mtnlg.report.text_formats import excerpt
from mtnlg.report.verdicts import short_verdict

NUM_EXAMPLES = 50
METRIC = METRICS["rouge1"]
TEXTS = Texts(["a"] * NUM_EXAMPLES, [("a",)] * NUM_EXAMPLES, language="en")
Systems = dict[str, tuple[str, list[FloatArray]]]
"""Label -> kind, and statistics (N, 2) of each seed."""


def scores(mean: float, *, seed: int, noise: float = 4.0) -> FloatArray:
    """Statistics of a system whose examples are shared, but for noise of its own."""
    shared = np.random.default_rng(1).normal(0, 20, NUM_EXAMPLES)
    own = np.random.default_rng([2, seed]).normal(0, noise, NUM_EXAMPLES)
    values = mean + shared + own - own.mean() - shared.mean()
    return np.column_stack([values / 100, np.ones(NUM_EXAMPLES)])


def trained(
    mean: float, *, num_seeds: int = 3, spread: float = 0.5
) -> tuple[str, list[FloatArray]]:
    shifts = np.linspace(-spread, spread, num_seeds) if num_seeds > 1 else [0.0]
    seeds = [
        scores(mean + shift, seed=round(100 * mean) + index) for index, shift in enumerate(shifts)
    ]
    return "trained", seeds


def baseline(mean: float) -> tuple[str, list[FloatArray]]:
    return "baseline", [scores(mean, seed=round(100 * mean))]


def compared(systems: Systems, **options: float) -> Board:
    """The board of these systems, ranked and compared by ROUGE-1."""
    rows = []
    for label, (kind, seeds) in systems.items():
        score = score_metric(METRIC, np.mean(seeds, axis=0), TEXTS, resampling=Resampling())
        row = BoardRow(label, kind, "finished", label=label, metrics={"rouge1": score})
        rows.append(replace(row, seeds=tuple(range(len(seeds))) if kind == "trained" else ()))
    board = Board(
        "task", "test", "all", "en", tuple(rank_rows(rows, metric_names=["rouge1"])), ("rouge1",)
    )

    def evidence(row: BoardRow, name: str) -> Evidence:
        return Evidence(METRICS[name], tuple(systems[row.label][1]), np.ones(NUM_EXAMPLES, bool))

    return compare_rows(board, "rouge1", evidence=evidence, **options)  # type: ignore[arg-type]


def pairs_of(board: Board) -> dict[str, list[tuple[str, str]]]:
    return {
        family: [(pair.better, pair.worse) for pair in pairs]
        for family, pairs in board.tests["rouge1"].families.items()
    }


@pytest.mark.parametrize(
    ("num_seeds", "is_against_best"),
    [
        ([1, 1, 1, 1, 1], False),
        ([3, 3, 3], False),
        ([3, 3, 3, 3], True),
        ([2, 3, 2, 3, 3], True),
        ([4, 4, 4, 4], False),
        ([10, 10, 10, 10, 10, 10], False),
        ([3, 3, 1, 0], False),
        ([3, 3, 3, 1, 0], True),
    ],
)
def test_few_seeds_of_most_systems_are_compared_with_the_best_alone(
    num_seeds: list[int], is_against_best: bool
) -> None:
    (family,) = declare_families(num_seeds, baseline=None)

    everything = tuple(combinations(range(len(num_seeds)), 2))
    with_best = tuple((0, index) for index in range(1, len(num_seeds)))
    assert family.name == (AGAINST_BEST if is_against_best else ALL_PAIRS)
    assert family.pairs == (with_best if is_against_best else everything)


def test_systems_are_compared_with_the_best_baseline_in_a_family_of_their_own() -> None:
    """The baseline is between the two systems, so it is the better one of the second pair."""
    systems, against = declare_families([1, 0, 1], baseline=1, num_baselines=4)

    assert (systems.name, systems.pairs) == (ALL_PAIRS, ((0, 2),))
    assert (against.name, against.pairs) == (AGAINST_BASELINE, ((0, 1), (1, 2)))


@pytest.mark.parametrize("num_seeds", [[], [1]])
def test_nothing_is_declared_for_a_row_alone_or_for_baselines(num_seeds: list[int]) -> None:
    assert declare_families(num_seeds, baseline=None) == []
    assert declare_families([0], baseline=0, num_baselines=5) == []


def made_pair(better: int, worse: int, p: float) -> Comparison:
    return Comparison(better=better, worse=worse, difference=1.0, low=0.0, high=2.0, p=p, p_holm=p)


def test_baseline_that_leads_counts_once_for_each_baseline() -> None:
    """Oracle: Holm (1979) by hand: 0.01 x 2; 0.004 x 5 = 0.02 x 1, raised to its forerunner."""
    family = Family(AGAINST_BASELINE, ((0, 1), (1, 2)), baseline=1, num_baselines=5)

    corrected = family.correct([made_pair(0, 1, 0.01), made_pair(1, 2, 0.004)])
    capped = family.correct([made_pair(0, 1, 0.01), made_pair(1, 2, 0.4)])

    assert corrected == pytest.approx([0.02, 0.02])
    assert capped == pytest.approx([0.02, 1.0])


def test_least_trials_are_just_enough() -> None:
    """Oracle: 1 / (T + 1), the least p-value, times the number of comparisons."""
    for num_comparisons in (1, 3, 66, 435):
        num_trials = trials_needed(num_comparisons)

        assert num_comparisons / (num_trials + 1) < SIGNIFICANCE
        assert num_comparisons / num_trials >= SIGNIFICANCE - 1e-12


def test_boards_raise_trials_to_what_their_pairs_need() -> None:
    """Oracle: 10 pairs need 200 trials, by 1 / 201 x 10 < 0.05."""
    systems = {f"s{index}": trained(30 + 5 * index, num_seeds=1) for index in range(5)}

    board = compared(systems, num_trials=50)

    assert {pair.test.split(",")[1] for pair in board.comparisons} == {" 200 trials"}
    assert all(pair.is_significant for pair in board.comparisons)


def test_baselines_are_not_tested_among_themselves() -> None:
    systems = {"a": trained(60), "b": trained(50), "good": baseline(40), "poor": baseline(10)}

    board = compared(systems)

    assert pairs_of(board) == {
        ALL_PAIRS: [("a", "b")],
        AGAINST_BASELINE: [("a", "good"), ("b", "good")],
    }
    assert board.not_tested == {"poor": "of the trivial baselines, only the best is tested"}
    assert [board.group(row, "rouge1") for row in board.rows] == ["a", "b", "", ""]


def test_board_of_baselines_alone_is_not_tested() -> None:
    board = compared({"good": baseline(40), "poor": baseline(10)})

    assert board.comparisons == ()
    assert board.not_tested["good"] == "trivial baselines are not tested among themselves"


def test_other_baselines_change_no_p_value_of_a_system_that_is_better() -> None:
    """Constants and copies on a board must not hide that its systems are better than all."""
    alone = {"a": trained(60), "b": trained(50), "good": baseline(40)}

    few = compared(alone)
    many = compared({**alone, **{f"poor{index}": baseline(5 + index) for index in range(4)}})

    assert [pair.p_holm for pair in few.comparisons] == [pair.p_holm for pair in many.comparisons]


def test_few_seeds_give_a_mark_and_no_letters() -> None:
    """Oracle: the pairs with the best system; the note says what the mark means."""
    systems = {
        "a": trained(60),
        "b": trained(59.9),
        "c": trained(40),
        "d": trained(20),
        "nearest": baseline(30),
    }

    board = compared(systems)

    assert pairs_of(board) == {
        AGAINST_BEST: [("a", "b"), ("a", "c"), ("a", "d")],
        AGAINST_BASELINE: [("a", "nearest"), ("b", "nearest"), ("c", "nearest"), ("nearest", "d")],
    }
    groups = {row.label: board.group(row, "rouge1") for row in board.rows}
    assert groups == {"a": "†", "b": "†", "c": "", "nearest": "", "d": ""}
    assert not any(row.cld for row in board.rows)
    notes = board_notes(board)
    assert "†: the best system by rouge1" in notes["significance group"][0]
    assert notes["power"][0].startswith(
        "systems against the best system: Holm-corrected over 3 comparisons; with these 50 examples"
    )
    assert notes["power"][1].startswith("systems against the best baseline: Holm-corrected over 4")
    sentence = board_sentence(board)
    assert "no significant difference from the next trained system, b (" in sentence
    assert "; better than the best baseline, nearest (" in sentence
    assert (
        "a against the other systems: no significant difference from b; better than c and d ("
        in (sentence)
    )


def test_verdict_that_is_not_significant_says_what_would_have_been_found() -> None:
    board = compared({"a": trained(50, num_seeds=5), "b": trained(49.9, num_seeds=5)})
    (pair,) = board.comparisons

    sentence = board_sentence(board)

    assert pair.detectable is not None
    assert not pair.is_significant
    numbers = f"{pair.difference:.2f} [{pair.low:.2f}, {pair.high:.2f}]"
    power = f"a difference of {pair.detectable:.2f} would have been found in 80 %"
    assert f"({numbers}; {power}), p = " in sentence
    assert short_verdict(pair, board) == f"no significant difference; {power}"
    assert not any(word in sentence for word in ("tied", "equivalent", "equal"))


def test_equivalent_is_said_only_where_a_test_says_so() -> None:
    """Oracle: the interval of 90 % within the margin, as of two one-sided tests."""
    systems = {"a": trained(50, num_seeds=5), "b": trained(49.9, num_seeds=5)}
    (plain,) = compared(systems).comparisons

    wide, narrow = (compared(systems, margin=margin) for margin in (5.0, 0.2))

    (pair,) = wide.comparisons
    assert pair.is_equivalent
    assert -5 < pair.low < pair.high < 5
    assert short_verdict(pair, wide).startswith("equivalent within 5.00 (two one-sided tests, p = ")
    assert "; equivalent within 5.00 (two one-sided tests, p = " in board_sentence(wide)
    assert ") to the next trained system, b (" in board_sentence(wide)
    (pair,) = narrow.comparisons
    assert not pair.is_equivalent
    assert "equivalent" not in board_sentence(narrow)
    assert (plain.margin, plain.p_equivalent, plain.is_equivalent) == (None, None, False)
    assert "p_equivalent" not in plain.to_json()
    assert set(pair.to_json()) - set(plain.to_json()) == {"margin", "p_equivalent"}


def test_better_within_the_margin_is_both() -> None:
    board = compared({"a": trained(51, num_seeds=1), "b": trained(49, num_seeds=1)}, margin=10.0)
    (pair,) = board.comparisons

    verdict = short_verdict(pair, board)

    assert pair.is_significant
    assert verdict.startswith("this model file of a is better and equivalent within 10.00 (two ")
    assert verdict.endswith(" (one seed each: another training may differ)")


def test_verdict_of_one_seed_is_of_a_model_file() -> None:
    """Only trained rows count: nobody trains a baseline or an external system again."""
    theirs = ("external", [scores(70, seed=9)])
    systems = {
        "theirs": theirs,
        "once": trained(60, num_seeds=1),
        "often": trained(50, num_seeds=4),
        "copy": baseline(10),
    }

    board = compared(systems)

    verdicts = {(pair.better, pair.worse): short_verdict(pair, board) for pair in board.comparisons}
    one = " (one seed: another training may differ)"
    assert verdicts["theirs", "once"] == f"theirs is better{one}"
    assert verdicts["once", "often"] == f"this model file of once is better{one}"
    assert verdicts["once", "copy"] == f"this model file of once is better{one}"
    assert verdicts["often", "copy"] == "often is better"
    assert verdicts["theirs", "copy"] == "theirs is better"
    assert "better than this model file of the best trained system, once (" in board_sentence(board)


def test_excerpt_says_that_its_scores_are_of_model_files(launch: MadeLaunch) -> None:
    """As README.md shows it."""
    add_system(launch, "good")
    add_system(launch, "poor", kind="baseline")

    text = excerpt(launch.build()).replace("\\", "")

    assert "- one seed: the score of a model file, whose interval is over examples alone;" in text
    assert "| **good** |" in text


def test_margin_of_a_run_reaches_its_board_unless_the_report_has_another(
    launch: MadeLaunch,
) -> None:
    """Oracle: the margin in run.json, and that of the report's settings."""
    for system in ("good", "same"):
        add_system(launch, system)
    for run_id in launch.run_ids:
        path = launch.runs_root / launch.experiment / run_id / "run.json"
        task = made_task(main_metric="rouge1", equivalence_margin=3)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"tasks": [task]}))

    (recorded,) = launch.build().boards[0].comparisons
    (given,) = (
        build_leaderboard(
            launch.experiment,
            runs_root=launch.runs_root,
            artifacts_root=launch.artifacts_root,
            equivalence_margin={"rouge1": 0.01},
        )
        .boards[0]
        .comparisons
    )

    assert (recorded.margin, recorded.is_equivalent) == (3, True)
    assert (given.margin, given.is_equivalent) == (0.01, False)
