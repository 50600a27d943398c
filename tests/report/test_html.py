"""The table of all pairs of a board.

Oracle: three systems whose ranking is known, and the comparisons of the board itself.
"""

from __future__ import annotations

from pathlib import Path

from made_comparisons import add_system, only_board
from made_launch import MadeLaunch
from mtnlg.report.html import board_pairs, render_html
from read_report import Page


def test_every_pair_is_a_row_with_difference_and_p(launch: MadeLaunch) -> None:
    for system in ("good", "same", "poor"):
        add_system(launch, system)
    board = only_board(launch)

    pairs = board_pairs(board)

    assert [(pair.comparison.better, pair.comparison.worse) for pair in pairs] == [
        ("good", "same"),
        ("good", "poor"),
        ("same", "poor"),
    ]
    assert [pair.comparison for pair in pairs] == list(board.comparisons)
    assert all(pair.p.startswith("p = ") and "[" in pair.difference for pair in pairs)


def test_page_has_the_pairs_without_its_script(launch: MadeLaunch, tmp_path: Path) -> None:
    for system in ("good", "poor"):
        add_system(launch, system)
    leaderboard = launch.build()
    (pair,) = board_pairs(leaderboard.boards[0])

    text = " ".join(Page(render_html(leaderboard, num_samples=0)).text.split())

    assert f"Pairs: 1 compared by {leaderboard.boards[0].main_metric}" in text
    assert pair.difference in text
    assert pair.p_holm in text


def test_pair_of_runs_has_the_overrides_that_differ(launch: MadeLaunch) -> None:
    for system, rate in (("good", "1e-3"), ("poor", "2e-3")):
        add_system(launch, system)
        launch.overrides[system] = [f"optimizer.learning_rate={rate}", "seed=1", "model=a"]

    (pair,) = board_pairs(only_board(launch))

    assert pair.settings == (("optimizer.learning_rate=1e-3", "optimizer.learning_rate=2e-3"),)
