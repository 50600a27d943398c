"""Paired tests on a board: which rows are compared, what is said of the others, and how it shows.
The scores are real ones of made-up texts.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_comparisons import NUM_ROWS, RIGHT, add_system, only_board
from made_launch import MadeLaunch, made_metric, made_task
from mtnlg.evaluation import Resampling, Texts, score_metric
from mtnlg.evaluation.metrics.registry import METRICS
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.significance.comparison import PairedTest, compare_systems
from mtnlg.leaderboard.evidence import Evidence
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.row_comparisons import compare_rows
from mtnlg.records.scores import load_statistics
from mtnlg.report.publish import check_published, open_archive
from mtnlg.report.summary import board_sentence
from read_report import Page, written

TEXTS = Texts(["a"] * 3, [("a",)] * 3, language="en")
TEST_NAME = "paired approximate randomization, 10000 trials, seed 12345"


@pytest.fixture
def three(launch: MadeLaunch) -> MadeLaunch:
    for system in RIGHT:
        add_system(launch, system)
    return launch


def cld_of(board: Board) -> dict[str, dict[str, str]]:
    return {row.label: dict(row.cld) for row in board.rows}


def test_rows_that_are_not_significantly_different_share_a_letter(three: MadeLaunch) -> None:
    board = only_board(three)

    assert cld_of(board) == {
        "good": {"rouge1": "a"},
        "same": {"rouge1": "a"},
        "poor": {"rouge1": "b"},
    }
    assert not board.not_tested


def test_comparisons_are_those_of_the_statistics(three: MadeLaunch) -> None:
    """Oracle: compare_systems on the files, in the order of the ranking."""
    names = ("good", "same", "poor")
    folders = [three.artifacts_root / "scores" / name for name in names]
    statistics = [load_statistics(folder, "rouge1")[0]["rouge1"] for folder in folders]
    expected = compare_systems(
        statistics, METRICS["rouge1"].aggregate, test=PairedTest.approximate_randomization
    )

    document = three.build().to_json()["boards"][0]

    fields = ("better", "worse", "p", "p_holm")
    assert [tuple(map(comparison.get, fields)) for comparison in document["comparisons"]] == [
        (names[pair.better], names[pair.worse], round(pair.p, 6), round(pair.p_holm, 6))
        for pair in expected
    ]
    assert {comparison["test"] for comparison in document["comparisons"]} == {TEST_NAME}
    assert document["rows"][0]["cld"] == {"rouge1": "a"}


def test_sentence_names_what_has_no_significant_difference(
    three: MadeLaunch, tmp_path: Path
) -> None:
    page = Page(written(three.build(), tmp_path)["index.html"])

    assert (
        "no significant difference between this model file of good and this model file of the next "
        "trained system, same ("
    ) in page.text
    assert (
        "No significant difference within: good and same (paired approximate randomization, 10000 "
        "trials, seed 12345; systems among each other, all pairs, Holm-corrected over 3 comparisons"
    ) in page.text
    assert "tied" not in page.text


def test_sentence_names_the_difference_where_there_is_one(launch: MadeLaunch) -> None:
    add_system(launch, "good")
    add_system(launch, "poor", kind="baseline")

    sentence = board_sentence(only_board(launch))

    assert "; this model file of good is better than the best baseline, poor (" in sentence
    remark = "(one seed: another training may differ)"
    assert f", by 50.00 [50.00, 50.00], p = 0.0001 {remark}." in sentence
    tested = f" Tested by {TEST_NAME}; systems against the best baseline, one comparison."
    assert tested in sentence


def test_letters_and_the_test_are_in_every_format(three: MadeLaunch, tmp_path: Path) -> None:
    report = written(three.build(), tmp_path)

    lines = report["leaderboard.md"].splitlines()
    assert [line.split(" | ")[1] for line in lines if line.startswith(("| 1", "| 2", "| 3"))] == [
        "a",
        "a",
        "b",
    ]
    records = list(csv.DictReader(report["leaderboard.csv"].splitlines()))
    assert [
        (record["label"], record["cld"]) for record in records if record["metric"] == "rouge1"
    ] == [
        ("good", "a"),
        ("same", "a"),
        ("poor", "b"),
    ]
    assert all(not record["cld"] for record in records if record["metric"] == "bleu")
    assert json.loads(report["leaderboard.json"])["boards"][0]["rows"][2]["cld"] == {"rouge1": "b"}
    for text in report.values():
        assert "paired approximate randomization" in text


@pytest.mark.parametrize("damage", ["missing", "torn", "other", "shorter", "infinite"])
def test_row_without_its_statistics_is_not_tested_and_says_why(
    three: MadeLaunch, damage: str
) -> None:
    path = three.artifacts_root / "scores" / "same" / "statistics.npz"
    arrays, masks = load_statistics(path.parent)
    is_clean = masks["clean"]
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:200])
    else:
        changed = {
            "other": (arrays["rouge1"] * [0.5, 1], is_clean),
            "shorter": (arrays["rouge1"][:9], is_clean[:9]),
            "infinite": (arrays["rouge1"] * np.inf, is_clean),
        }[damage]
        np.savez(path, rouge1=changed[0], is_clean=changed[1])

    board = only_board(three)

    assert cld_of(board)["same"] == {}
    assert cld_of(board)["poor"] == {"rouge1": "b"}
    (reason,) = board.not_tested.values()
    assert reason.startswith("its statistics")
    assert str(three.artifacts_root) not in reason


def test_board_without_any_statistics_says_not_tested(troubled: MadeLaunch) -> None:
    board = only_board(troubled)

    assert not board.comparisons
    assert list(board.not_tested) == ["micro", "nano", "copy"]


def test_clean_board_compares_equal_clean_rows_only(launch: MadeLaunch) -> None:
    """Oracle: the statistics of the rows that are clean; `same` has as many, but others."""
    add_system(launch, "good", num_tagged=3)
    add_system(launch, "poor", num_tagged=3)
    add_system(launch, "same", num_tagged=3)
    path = launch.artifacts_root / "scores" / "same"
    arrays, masks = load_statistics(path)
    np.savez(path / "statistics.npz", **arrays, is_clean=masks["clean"][::-1])

    everything, clean = launch.build().boards

    assert len(everything.comparisons) == 3
    assert [(comparison.better, comparison.worse) for comparison in clean.comparisons] == [
        ("good", "poor")
    ]
    assert "same" in clean.not_tested


def test_board_of_new_dialogues_is_tested_on_its_own_rows(launch: MadeLaunch) -> None:
    """Oracle: compare_systems on the statistics of the rows that are no turns of a known dialogue.
    `same` was scored before that subset was known, and has its numbers alone.
    """
    for system in RIGHT:
        add_system(launch, system, num_tagged=3, tag="train_dialogue")
    folders = [launch.artifacts_root / "scores" / name for name in ("good", "poor", "same")]
    statistics = [load_statistics(folder, "rouge1")[0]["rouge1"][3:] for folder in folders]
    arrays, masks = load_statistics(folders[2])
    np.savez(folders[2] / "statistics.npz", **arrays, is_clean=masks["clean"])
    (expected,) = compare_systems(statistics[:2], METRICS["rouge1"].aggregate)

    *_, board = launch.build().boards

    assert board.subset == "new_dialogues"
    (comparison,) = board.comparisons
    assert (comparison.better, comparison.worse, comparison.p) == ("good", "poor", expected.p)
    assert comparison.difference == pytest.approx(expected.difference)
    assert board.not_tested == {"same": "its statistics do not say which rows are new_dialogues"}


def test_published_board_holds_its_test_and_can_be_made_again(
    three: MadeLaunch, tmp_path: Path
) -> None:
    for system in RIGHT:
        three.add_predictions(system, ["text"] * NUM_ROWS)
    three.build()
    root = tmp_path / "published"

    three.publish(root, num_samples=1)

    board = json.loads((root / "tiny" / "leaderboard.json").read_text())["boards"][0]
    assert board == three.build().to_json()["boards"][0]
    assert len(board["comparisons"]) == 3
    scores = three.artifacts_root / "scores" / "good"
    with open_archive(root / "tiny" / "record.zip") as record:
        copied, _ = load_statistics(record / "artifacts" / "scores" / "good")
    assert list(copied) == ["rouge1"], "the main metric alone"
    np.testing.assert_array_equal(copied["rouge1"], load_statistics(scores)[0]["rouge1"])
    assert check_published(root, readme=None) == []


def test_detectable_difference_is_in_words_and_in_json(launch: MadeLaunch, tmp_path: Path) -> None:
    """Oracle: 2.8016 standard errors of the differences by example, from the files; the pairs with
    the baseline do not count.
    """
    add_system(launch, "good")
    add_system(launch, "same")
    add_system(launch, "poor", kind="baseline")
    good, same = (
        100 * load_statistics(launch.artifacts_root / "scores" / name)[0]["rouge1"][:, 0]
        for name in ("good", "same")
    )
    expected = 2.801585 * np.std(good - same, ddof=1) / NUM_ROWS**0.5

    report = written(launch.build(), tmp_path)

    (pair, *_) = json.loads(report["leaderboard.json"])["boards"][0]["comparisons"]
    sentence = (
        "systems among each other, all pairs: one comparison; with these 40 examples, a "
        f"true difference of {expected:.2f} rouge1 would be found in 80% of such tests"
    )
    assert pair["detectable"] == pytest.approx(expected, abs=1e-5)
    assert sentence in Page(report["index.html"]).text
    assert sentence in report["leaderboard.md"]


def test_paired_bootstrap_stands_beside_the_test_where_it_is_asked_for(
    three: MadeLaunch, tmp_path: Path
) -> None:
    """Oracle: compare_systems with that test; it must change neither letters nor p."""
    folders = [three.artifacts_root / "scores" / name for name in ("good", "same", "poor")]
    statistics = [load_statistics(folder, "rouge1")[0]["rouge1"] for folder in folders]
    expected = compare_systems(
        statistics, METRICS["rouge1"].aggregate, test=PairedTest.paired_bootstrap
    )
    (plain,) = three.build().to_json()["boards"]

    leaderboard = three.build(has_paired_bootstrap=True)

    (board,) = leaderboard.to_json()["boards"]
    assert [comparison.pop("p_bootstrap") for comparison in board["comparisons"]] == pytest.approx(
        [comparison.p for comparison in expected], abs=1e-6
    )
    assert board == plain
    assert "good and same p = " in Page(written(leaderboard, tmp_path)["index.html"]).text


def test_label_of_each_comparison_is_that_of_a_row(three: MadeLaunch) -> None:
    board = only_board(three)

    labels = {row.label for row in board.rows}

    assert {
        name for comparison in board.comparisons for name in (comparison.better, comparison.worse)
    } == labels


def test_main_metric_that_is_not_installed_leaves_a_board_untested(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    """Oracle: the ranking by the values alone, with the reason at every row, in a report that is
    written; several seeds, too.
    """
    for name, value, seed in (("weak", 10.0, 1), ("good", 30.0, 1), ("good", 32.0, 2)):
        key = launch.add_scores(f"{name}-{seed}", all={"theirs": made_metric(value)})
        tasks = [made_task(main_metric="theirs")]
        launch.add_run(
            f"{name}-{seed}", [launch.score(key, system=name)], system=name, seed=seed, tasks=tasks
        )

    board = only_board(launch)

    assert [(row.label, row.rank) for row in board.rows] == [("good", 1), ("weak", 2)]
    assert board.rows[0].metrics["theirs"].value == 31.0
    assert board.not_tested == dict.fromkeys(
        ("good", "weak"), "theirs is no metric that is installed here"
    )
    assert not board.comparisons
    assert not any(row.cld for row in board.rows)
    assert "is no metric that is installed here" in written(launch.build(), tmp_path)["index.html"]


def test_resampled_values_that_are_no_number_are_a_reason(launch: MadeLaunch) -> None:
    """Oracle: two examples of 1e308 and two of -1e308 cancel out in the score, and overflow where
    one of them is drawn twice; a row with a reason of its own keeps that.
    """
    for system in RIGHT:
        add_system(launch, system)
    before = {row.label: row.metrics["rouge1"].value for row in only_board(launch).rows}
    for system, value in before.items():
        folder = launch.artifacts_root / "scores" / system
        if system == "same":
            (folder / "statistics.npz").unlink()
            continue
        statistics = np.ones((NUM_ROWS, 2))
        statistics[:, 0] = value / 100
        statistics[:5, 0] = (1e308, -1e308, 1e308, -1e308, 5 * value / 100)
        np.savez(folder / "statistics.npz", rouge1=statistics, is_clean=np.ones(NUM_ROWS, bool))

    board = only_board(launch)

    assert [(row.label, row.rank) for row in board.rows] == [("good", 1), ("same", 2), ("poor", 3)]
    assert not board.comparisons
    assert not any(row.cld for row in board.rows)
    assert board.not_tested["good"] == board.not_tested["poor"]
    assert board.not_tested["good"] == "rouge1 of resampled examples is no finite number"
    assert board.not_tested["same"].startswith("its statistics.npz")
    assert len(board.not_tested) == 3


@pytest.mark.parametrize("metric", ["bleu", "rouge1", "chrf"])
def test_board_of_one_example_has_no_detectable_difference(
    launch: MadeLaunch, tmp_path: Path, metric: str
) -> None:
    """Oracle: one example has no variance: nothing is significant, and no number is made up."""
    for system in ("good", "poor"):
        add_system(launch, system, num_rows=1, metrics=(metric,))

    board = only_board(launch)

    (pair,) = board.comparisons
    assert (pair.better, pair.worse, pair.detectable) == ("good", "poor", None)
    assert pair.p > 0.3
    assert cld_of(board) == {"good": {metric: "a"}, "poor": {metric: "a"}}
    report = written(launch.build(), tmp_path)
    (pair_record,) = json.loads(report["leaderboard.json"])["boards"][0]["comparisons"]
    assert pair_record["detectable"] is None
    assert "a true difference of" not in report["index.html"]


@pytest.mark.filterwarnings("ignore:invalid value encountered in subtract")
@pytest.mark.parametrize("is_better", [True, False])
def test_interval_with_one_infinite_end_is_a_reason(is_better: bool) -> None:
    """Oracle: the logarithm of resamples without the one example that is not 0."""

    def logarithm(sums: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.log(sums[..., 0] / sums[..., 1])

    metric = replace(METRICS["rouge1"], aggregate=logarithm)
    often_zero = np.array([[9.0 if is_better else 1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    statistics = {"often zero": often_zero, "constant": np.ones((3, 2))}
    rows = [
        BoardRow(
            *(label, "external", "finished"),
            label=label,
            rank=1,
            metrics={"rouge1": score_metric(metric, array, TEXTS, resampling=Resampling())},
        )
        for label, array in statistics.items()
    ]
    board = Board("task", "test", "all", "en", tuple(rows), ("rouge1",))

    compared = compare_rows(
        board,
        "rouge1",
        evidence=lambda row, name: Evidence(metric, (statistics[row.label],), np.ones(3, bool)),
    )

    assert not compared.comparisons
    reason = "rouge1 of resampled examples is no finite number"
    assert compared.not_tested == dict.fromkeys(statistics, reason)
