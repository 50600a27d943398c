"""Several seeds of one system on a board: one row with its spread, its interval and its test. The
scores are real ones of made-up texts.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from made_launch import MadeLaunch, made_metric, made_task
from mtnlg.evaluation import METRICS, Resampling
from mtnlg.evaluation.score import score_predictions
from mtnlg.evaluation.significance import seeds as evaluation_seeds
from mtnlg.evaluation.significance.bootstrap import Aggregate, FloatArray
from mtnlg.evaluation.significance.seeds import SeededValue, seeded_value
from mtnlg.leaderboard import evidence
from mtnlg.leaderboard.model import Board
from mtnlg.leaderboard.row_comparisons import SEEDS_TEST_NAME
from mtnlg.records.files import JsonObject
from mtnlg.records.rows import Prediction
from mtnlg.records.runs import Cost
from mtnlg.records.scores import load_statistics, save_scores
from mtnlg.report.publish import check_published
from read_report import Page, written

NUM_ROWS = 30
METRIC_NAMES = ["bleu", "rouge1"]
TEST_NAME = "paired approximate randomization, 10000 trials, seed 12345"


def add_seed(
    launch: MadeLaunch, system: str, *, seed: int, error_rate: float, kind: str = "trained"
) -> None:
    """A run of that seed, which gets each word wrong with that probability."""
    generator = np.random.default_rng([seed, len(system)])
    rows = []
    for index in range(NUM_ROWS):
        words = np.array([f"w{index + step}" for step in range(9)])
        output = np.where(generator.random(9) < error_rate, "x", words)
        rows.append(Prediction(f"row-{index}", "s", (" ".join(words),), " ".join(output), ()))
    key = f"{system}{seed}"
    scores = score_predictions(
        rows, language="de", metrics=METRIC_NAMES, resampling=Resampling(num_resamples=100)
    )
    save_scores(launch.artifacts_root / "scores" / key, scores)
    launch.add_predictions(key, [row.prediction for row in rows])
    record = launch.score(key, system=system, kind=kind)
    launch.add_run(
        key,
        [record],
        system=system,
        seed=seed,
        overrides=[f"model={system}", f"seed={seed}"],
        tasks=[made_task(main_metric="bleu")],
    )


@pytest.fixture
def seeded(launch: MadeLaunch) -> MadeLaunch:
    """`sure` with three seeds, `lone` with one, and a baseline."""
    for seed, error_rate in ((1, 0.1), (2, 0.2), (3, 0.3)):
        add_seed(launch, "sure", seed=seed, error_rate=error_rate)
    add_seed(launch, "lone", seed=1, error_rate=0.3)
    add_seed(launch, "copy", seed=1, error_rate=0.5, kind="baseline")
    return launch


def only_board(launch: MadeLaunch) -> Board:
    (board,) = launch.build().boards
    return board


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_row_of_several_seeds_has_their_two_level_interval(seeded: MadeLaunch, name: str) -> None:
    """Oracle: seeded_value on the files; the deviation by NumPy."""
    folders = [seeded.artifacts_root / "scores" / f"sure{seed}" for seed in (1, 2, 3)]
    expected = seeded_value(
        [load_statistics(folder, name)[0][name] for folder in folders], METRICS[name].aggregate
    )

    (row,) = [row for row in only_board(seeded).rows if row.system == "sure"]

    metric = row.metrics[name]
    assert (row.seeds, row.runs) == ((1, 2, 3), ("sure1", "sure2", "sure3"))
    assert metric.value == pytest.approx(expected.value)
    assert (metric.low, metric.high) == pytest.approx(expected.interval())
    assert metric.seed_deviation == pytest.approx(np.std(expected.values, ddof=1))
    assert metric.interval == (
        "3 seeds by t on 2 degrees of freedom, and examples by the jackknife, 95 %"
    )


def test_statistics_of_the_main_metric_are_read_once_and_left_out_once(
    seeded: MadeLaunch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the interval of several seeds and the tests together, whose jackknife is the same."""
    reads: Counter[tuple[str, str]] = Counter()
    jackknives: Counter[tuple[int, int]] = Counter()

    def counted_load(folder: Path, *names: str) -> object:
        reads.update((folder.name, name) for name in names)
        return load_statistics(folder, *names)

    def counted_value(seeds: Sequence[FloatArray], aggregate: Aggregate) -> SeededValue:
        jackknives[len(seeds), seeds[0].shape[1]] += 1
        return seeded_value(seeds, aggregate)

    monkeypatch.setattr(evidence, "load_statistics", counted_load)
    for module in (evidence, evaluation_seeds):
        monkeypatch.setattr(module, "seeded_value", counted_value)

    only_board(seeded)

    names = ["sure1", "sure2", "sure3", "lone1", "copy1"]
    assert {name: reads[name, "bleu"] for name in names} == dict.fromkeys(names, 1)
    num_statistics = load_statistics(seeded.artifacts_root / "scores" / "sure1", "bleu")[0]["bleu"]
    bleu = num_statistics.shape[1]
    assert (jackknives[3, bleu], jackknives[1, bleu]) == (1, 2)


def test_pairs_say_which_test_they_had(seeded: MadeLaunch) -> None:
    board = only_board(seeded)

    assert {(pair.better, pair.worse): pair.test for pair in board.comparisons} == {
        ("sure", "lone"): SEEDS_TEST_NAME,
        ("sure", "copy"): SEEDS_TEST_NAME,
        ("lone", "copy"): TEST_NAME,
    }
    assert not board.not_tested


def test_every_format_shows_seeds_and_spread(seeded: MadeLaunch, tmp_path: Path) -> None:
    report = written(seeded.build(), tmp_path)

    page = Page(report["index.html"]).text
    (sure,) = [line for line in report["leaderboard.md"].splitlines() if "(seeds" in line]
    row = json.loads(report["leaderboard.json"])["boards"][0]["rows"][0]
    (record, _) = [
        record for record in csv.DictReader(report["leaderboard.csv"].splitlines())
        if record["system"] == "sure"
    ]  # fmt: skip
    deviation = row["metrics"]["bleu"]["seed_deviation"]
    assert "sure (seeds 1, 2, 3)" in sure
    assert f"± {deviation:.2f} over 3 seeds" in sure
    assert f"± {deviation:.2f} over 3 seeds" in page
    assert (row["seeds"], row["runs"]) == ([1, 2, 3], ["sure1", "sure2", "sure3"])
    assert float(record["seed_deviation"]) == deviation
    for text in (page, report["leaderboard.md"]):
        assert (
            "1 seed: scores and verdicts are of this model file, and another training may differ; "
            "the interval is over examples alone (lone)"
        ) in text.replace("\\", "")


def test_seed_without_its_statistics_leaves_the_mean_without_interval(seeded: MadeLaunch) -> None:
    (seeded.artifacts_root / "scores" / "sure2" / "statistics.npz").unlink()

    board = only_board(seeded)

    metric = board.rows[0].metrics["bleu"]
    assert (metric.low, metric.high, metric.interval) == (None, None, None)
    assert metric.interval_reason == (
        "mean of 3 seeds: its statistics.npz: missing or broken (no such file); evaluate again"
    )
    assert list(board.not_tested) == ["sure"]


def test_published_board_of_several_seeds_can_be_made_again(
    seeded: MadeLaunch, tmp_path: Path
) -> None:
    seeded.build()
    root = tmp_path / "published"

    seeded.publish(root, num_samples=1)

    document = json.loads((root / "tiny" / "leaderboard.json").read_text())
    assert document == seeded.build().to_json()
    assert check_published(root, readme=None) == []


def test_mean_row_keeps_the_reasons_of_its_seeds_once(launch: MadeLaunch) -> None:
    """Oracle: the reasons of the single rows, by hand."""
    for seed, chrf in enumerate((math.nan, math.inf, math.nan), start=1):
        metrics = {"bleu": made_metric(20.0 + seed), "chrf": made_metric(chrf)}
        key = launch.add_scores(f"seed{seed}", all=metrics)
        launch.add_run(key, [launch.score(key)], seed=seed, overrides=[f"seed={seed}"])

    (row,) = only_board(launch).rows

    assert row.seeds == (1, 2, 3)
    assert row.reason == (
        "left out: chrf: its value is nan, which is no finite number; "
        "left out: chrf: its value is inf, which is no finite number"
    )


def test_mean_row_of_complete_seeds_has_no_reason(seeded: MadeLaunch) -> None:
    (row,) = [row for row in only_board(seeded).rows if row.system == "sure"]

    assert row.reason is None


def test_costs_of_a_mean_row_are_means_and_of_memory_the_largest(launch: MadeLaunch) -> None:
    """A cost that a seed lacks is unknown."""
    costs: list[JsonObject] = [
        {"parameters": 7, "training_seconds": 10.0, "peak_memory_bytes": 5, "training_tokens": 9},
        {"parameters": 7, "training_seconds": 40.0, "peak_memory_bytes": 8},
    ]
    for seed, cost in enumerate(costs, start=1):
        key = launch.add_scores(f"seed{seed}", 20.0)
        score = launch.score(key, cost=cost)
        launch.add_run(key, [score], seed=seed, overrides=[f"seed={seed}"])

    (row,) = only_board(launch).rows

    assert row.cost == Cost(parameters=7, training_seconds=25.0, peak_memory_bytes=8)
