"""Two systems side by side: the data that the page holds for any pair that its reader chooses.

Oracle: the launch that each test writes by hand, and the comparisons of its board.
"""

from __future__ import annotations

import json
from dataclasses import replace

from made_launch import MadeLaunch, made_metric
from made_samples import add_pair
from mtnlg.leaderboard.model import PairedTests
from mtnlg.records.files import JsonObject, write_text
from mtnlg.report.page_data import CONFIGURATION, OVERRIDES, compare_json, run_differences


def data_of(launch: MadeLaunch) -> JsonObject:
    leaderboard = launch.build()
    boards = {f"board-{number}": board for number, board in enumerate(leaderboard.boards, start=1)}
    document: JsonObject = json.loads(str(compare_json(boards, leaderboard)))
    return document


def test_pair_has_its_difference_in_both_directions(launch: MadeLaunch) -> None:
    """Oracle: the comparison of the board."""
    add_pair(launch)

    (board,) = launch.build().boards
    (comparison,) = board.comparisons
    (data,) = data_of(launch)["boards"]  # type: ignore[misc]
    (pair,) = data["pairs"]
    difference, low, high = comparison.difference, comparison.low, comparison.high

    labels = [row["label"] for row in data["rows"]]
    assert (labels[pair["better"]], labels[pair["worse"]]) == (comparison.better, comparison.worse)
    assert pair["difference"] == f"{difference:z.2f} [{low:z.2f}, {high:z.2f}]"
    assert pair["turned"] == f"{-difference:z.2f} [{-high:z.2f}, {-low:z.2f}]"
    assert ("is better" in pair["verdict"]) is comparison.is_significant
    assert data["samples"] == "board-1-samples"


def test_every_tested_metric_has_its_pairs(launch: MadeLaunch) -> None:
    """As on a board of files, which tests all metrics."""
    add_pair(launch)
    leaderboard = launch.build()
    (board,) = leaderboard.boards
    pairs = tuple(replace(pair, metric="chrf") for pair in board.comparisons)
    tested = replace(board, tests={**board.tests, "chrf": PairedTests(pairs)})

    data = compare_json({"board-1": tested}, leaderboard)

    (document,) = json.loads(str(data))["boards"]
    assert [pair["metric"] for pair in document["pairs"]] == ["bleu", "chrf"]


def test_numbers_of_other_signatures_are_measured_differently(launch: MadeLaunch) -> None:
    for name, signature in (("ada", "tok:13a"), ("bob", "tok:zh")):
        metrics = {"bleu": made_metric(20.0), "chrf": made_metric(40.0, signature=signature)}
        key = launch.add_scores(name, all=metrics)
        launch.add_run(name, [launch.score(key, system=name)], system=name)

    (board,) = data_of(launch)["boards"]  # type: ignore[misc]
    left, right = (row["measures"] for row in board["rows"])

    assert left[0] == right[0]
    assert left[1] != right[1]


def test_settings_are_those_of_the_configurations_that_differ(launch: MadeLaunch) -> None:
    add_pair(launch)
    for name, rate in (("bob", 0.1), ("ada", 0.2)):
        text = f"seed: 1\noptimizer: {{learning_rate: {rate}}}\ndata_root: /x/{name}\n"
        write_text(launch.runs_root / "tiny" / name / "config.yaml", text)

    leaderboard = launch.build()

    assert [run.run_id for run in leaderboard.runs] == ["bob", "ada"]
    assert run_differences(leaderboard) == (
        CONFIGURATION,
        [("optimizer.learning_rate", ("0.1", "0.2"))],
    )


def test_without_configurations_the_overrides_are_compared(launch: MadeLaunch) -> None:
    launch.add_run("first", overrides=["model=a", "+x=1", "seed=1"])
    launch.add_run("second", overrides=["model=b", "seed=1"])

    compared, settings = run_differences(launch.build())

    assert compared == OVERRIDES
    assert settings == [("model", ("a", "b")), ("x", ("1", None))]


def test_board_of_one_system_has_nothing_to_compare(launch: MadeLaunch) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))])

    leaderboard = launch.build()

    assert compare_json({"board-1": leaderboard.boards[0]}, leaderboard) is None
