"""Answers read back: mistakes are told by file and line, what is missing is counted, and the report
has what they say.

Oracle unless a test names another: the answers are a function of outputs whose quality the test
chooses, so that means, orders and agreement follow by hand.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from made_rated_board import NUM_ROWS, RatedBoard, knowing
from mtnlg.records.files import read_json

REPORTS = ("index.html", "leaderboard.md", "leaderboard.json", "leaderboard.tex", "leaderboard.csv")


def recorded(board: RatedBoard) -> dict[str, Any]:
    """The one entry of ratings.json."""
    document: dict[str, Any] = read_json(board.root / "runs" / "tiny" / "ratings" / "ratings.json")
    (entry,) = document["ratings"]
    return dict(entry)


def reports(board: RatedBoard) -> dict[str, str]:
    folder = board.root / "reports" / board.experiment
    return {name: (folder / name).read_text("utf-8") for name in REPORTS}


@pytest.fixture
def filled(board: RatedBoard) -> RatedBoard:
    """Three raters who agree on everything."""
    board.export()
    for rater in ("rater1", "rater2", "rater3"):
        board.fill(rater, knowing)
    return board


def test_means_are_those_of_the_answers_and_systems_are_told_apart(filled: RatedBoard) -> None:
    assert filled.read() == 0

    systems = recorded(filled)["systems"]
    found = {one["label"]: (one["mean"]["value"], one["group"]) for one in systems}
    good = (4 * (NUM_ROWS - 1) + 5) / NUM_ROWS
    assert found == {
        "best": (5.0, "a"),
        "good": (pytest.approx(good, abs=1e-6), "b"),
        "poor": (2.0, "c"),
    }
    assert [one["mean"]["count"] for one in systems] == [NUM_ROWS] * 3
    assert [one["num_answers"] for one in systems] == [2 * NUM_ROWS] * 3
    assert systems[1]["mean"]["low"] < good < systems[1]["mean"]["high"]


def test_raters_who_agree_have_alpha_one_and_are_consistent(filled: RatedBoard) -> None:
    filled.read()

    entry = recorded(filled)
    assert entry["alpha"]["value"] == entry["interval_alpha"] == 1.0
    assert entry["alpha"]["count"] == len(filled.key.outputs)
    for rater in entry["raters"]:
        assert rater["num_answered"] == rater["num_asked"]
        assert (rater["num_repeated"], rater["num_same"], rater["mean_change"]) == (5, 5, 0.0)


def test_metrics_that_order_as_raters_do_have_tau_one(filled: RatedBoard) -> None:
    filled.read()

    metrics = {one["metric"]: one for one in recorded(filled)["metrics"]}
    assert set(metrics) == {"bleu", "chrf"}
    assert metrics["chrf"]["systems"] == {
        **{"value": 1.0, "low": None, "high": None, "count": 3, "reason": None}
    }
    assert metrics["chrf"]["outputs"]["value"] == 1.0
    pairs = 3 * (NUM_ROWS - 1) + 1
    assert metrics["chrf"]["outputs"]["count"] == pairs, (
        "best and good share the first row's output"
    )


def test_raters_who_turn_the_scale_round_have_tau_minus_one(board: RatedBoard) -> None:
    board.export()
    for rater in ("rater1", "rater2", "rater3"):
        board.fill(rater, lambda output, source: str(6 - int(knowing(output, source))))

    board.read()

    chrf = recorded(board)["metrics"][1]
    assert (chrf["metric"], chrf["systems"]["value"], chrf["outputs"]["value"]) == ("chrf", -1, -1)
    assert [one["label"] for one in recorded(board)["systems"]] == ["poor", "good", "best"]


def test_tau_of_two_systems_is_not_told(board: RatedBoard) -> None:
    board.export("--systems", "best", "poor")
    for rater in ("rater1", "rater2", "rater3"):
        board.fill(rater, knowing)

    board.read()

    systems = recorded(board)["metrics"][0]["systems"]
    assert systems["value"] is None
    assert systems["reason"] == "needs at least 3 systems that have both numbers"


def test_raters_who_disagree_as_by_chance_have_no_agreement(board: RatedBoard) -> None:
    board.export("--items", "24", "--per-item", "all", "--raters", "2")
    board.fill("rater1", lambda output, source: "1" if int(source.split()[1]) % 2 else "5")
    board.fill("rater2", lambda output, source: "1" if int(source.split()[1]) // 2 % 2 else "5")

    board.read()

    alpha = recorded(board)["alpha"]
    assert alpha["value"] == pytest.approx(0, abs=0.03)
    assert alpha["low"] < 0 < alpha["high"]


def test_repeats_count_for_consistency_alone(board: RatedBoard) -> None:
    """Raters who have forgotten: the second answer to an output is always two lower."""
    board.export("--raters", "1", "--per-item", "1")
    header, *lines = board.lines("rater1")
    seen: set[tuple[str, str]] = set()
    for cells in lines:
        is_again = (cells[1], cells[2]) in seen
        seen.add((cells[1], cells[2]))
        cells[-1] = "3" if is_again else "5"
    board.put("rater1", [header, *lines])

    board.read()

    entry = recorded(board)
    (rater,) = entry["raters"]
    assert (rater["num_repeated"], rater["num_same"], rater["mean_change"]) == (5, 0, 2.0)
    assert {one["mean"]["value"] for one in entry["systems"]} == {5.0}
    assert entry["alpha"]["reason"] == "no output has answers of two raters"


def test_partial_answers_are_counted_and_no_error(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *lines = filled.lines("rater2")
    filled.put("rater2", [header, *([*cells[:-1], ""] for cells in lines[:20]), *lines[30:]])
    (filled.sheets / "rater3.csv").unlink()

    assert filled.read() == 0

    shown = capsys.readouterr().err
    assert f"rater2: {len(lines) - 30} of {len(lines)} items answered" in shown
    assert re.search(r"rater3: 0 of \d+ items answered", shown)
    assert recorded(filled)["raters"][2]["mean"] is None


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_sheet_saved_by_a_spreadsheet_of_another_country_is_read(
    filled: RatedBoard, delimiter: str
) -> None:
    filled.read()
    before = recorded(filled)
    for rater in ("rater1", "rater2", "rater3"):
        lines = [[*cells[:-1], f"{cells[-1]},0"] for cells in filled.lines(rater)[1:]]
        with (filled.sheets / f"{rater}.csv").open("w", encoding="gb18030", newline="") as stream:
            writer = csv.writer(stream, delimiter=delimiter)
            writer.writerows([["item", "source", "output", "score"], *lines, ["", "", "", ""]])

    assert filled.read() == 0

    assert recorded(filled) == before


def test_reading_again_replaces_and_another_question_is_added(
    filled: RatedBoard, tmp_path: Path
) -> None:
    filled.read()
    filled.read()
    first = recorded(filled)["name"]
    filled.sheets.rename(tmp_path / "first")
    filled.export("--question", "fluency")
    filled.fill("rater1", knowing)

    filled.read()

    document: Any = read_json(filled.root / "runs" / "tiny" / "ratings" / "ratings.json")
    assert [first, "fluency"] == [one["name"] for one in document["ratings"]]


@pytest.mark.parametrize("score", ["6", "0", "-1", "4.5", "four", "1e0", "=4"])
def test_score_out_of_the_scale_is_told_by_file_and_line(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str], score: str
) -> None:
    lines = filled.lines("rater2")
    lines[7][-1] = score
    path = filled.put("rater2", lines)

    assert filled.read() == 3

    said = f"{path}:8: score {score!r} must be a whole number from 1 to 5, or empty"
    assert said in capsys.readouterr().err
    assert not (filled.root / "runs" / "tiny" / "ratings").exists()


def test_line_of_a_mistake_counts_the_line_ends_within_cells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = RatedBoard(tmp_path)
    board.make(output=lambda system, place: f"{system}\n{place}")
    board.export()
    lines = board.lines("rater1")
    lines[3][-1] = "9"
    path = board.put("rater1", lines)

    board.read()

    assert f"{path}:6: score '9'" in capsys.readouterr().err


def test_unknown_item_is_told_by_file_and_line(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = filled.lines("rater1")
    lines[4][0] = "abcdef-rater1-004"
    path = filled.put("rater1", lines)

    assert filled.read() == 3

    shown = capsys.readouterr().err
    assert f"{path}:5: item 'abcdef-rater1-004' is not of this export" in shown
    assert f"begin with '{filled.key.export}'" in shown


def test_item_that_is_answered_twice_is_told_with_both_places(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = filled.put("rater1", filled.lines("rater1"), name="rater1 (1).csv")
    first = filled.lines("rater1")[1][0]

    assert filled.read() == 3

    shown = capsys.readouterr().err
    assert f"rater1.csv:2: item '{first}' has an answer already, in {path}:2; keep one" in shown


@pytest.mark.parametrize("text", ["", "item;points\n1;2\n", "\ufeffname,score\n"])
def test_file_without_the_columns_is_told(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = filled.sheets / "notes.csv"
    path.write_text(text, "utf-8")

    assert filled.read() == 3

    assert f"{path}:1: has no column '" in capsys.readouterr().err


def test_sheets_without_any_answer_are_told(
    board: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    board.export()

    assert board.read() == 3

    assert "has no answer in 3 CSV files" in capsys.readouterr().err


def test_answers_of_another_experiment_are_refused(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.make(experiment="other")

    assert filled.read("other") == 2

    assert "are of experiment 'tiny'; name that one" in capsys.readouterr().err


def test_key_that_was_changed_or_is_gone_is_refused(
    filled: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = filled.sheets / "key.json"
    document = json.loads(path.read_text("utf-8"))
    document["outputs"][0]["systems"] = ["poor"]
    path.write_text(json.dumps(document), "utf-8")
    changed = filled.read()
    path.write_text("{}", "utf-8")
    broken = filled.read()
    path.unlink()
    gone = filled.read()

    shown = capsys.readouterr().err
    assert (changed, broken, gone) == (4, 4, 4)
    assert "was changed since it was written" in shown
    assert "key.json: Object missing required field `experiment`; export the ratings again" in shown
    assert "no such file" in shown


def test_every_format_shows_the_ratings_beside_the_board_and_not_in_it(filled: RatedBoard) -> None:
    filled.read()
    found = reports(filled)

    for name in ("index.html", "leaderboard.md", "leaderboard.tex"):
        plain = re.sub(r"<[^>]*>|[\\{}]", "", found[name])
        for text in (
            "Human ratings: adequacy",
            "5.00 [5.00, 5.00]",
            "Krippendorff",
            "tau-b within",
        ):
            assert text in plain, (name, text)
        assert filled.key.export in plain
    (board,) = json.loads(found["leaderboard.json"])["boards"]
    assert board["ratings"] == [recorded(filled)]
    assert [row["system"] for row in board["rows"]] == ["best", "good", "poor", "copy"]
    assert not any("human" in metric for row in board["rows"] for metric in row["metrics"])
    lines = list(csv.DictReader(found["leaderboard.csv"].splitlines()))
    people = [one for one in lines if one["metric"] == "human adequacy"]
    assert [(one["system"], one["rank"], one["cld"]) for one in people] == [
        ("best", "", "a"),
        ("good", "", "b"),
        ("poor", "", "c"),
    ]


def test_ratings_of_outputs_that_changed_say_so(filled: RatedBoard) -> None:
    filled.read()
    filled.make(["best", "good", "copy"])
    filled.fill("rater1", knowing)

    assert filled.read() == 0

    said = "its outputs are no longer on this board: poor"
    assert all(said in text for name, text in reports(filled).items() if name != "leaderboard.csv")
    assert recorded(filled)["metrics"][0]["systems"]["count"] == 2


def test_broken_ratings_cost_the_report_nothing_but_them(filled: RatedBoard) -> None:
    from mtnlg.leaderboard.board import build_leaderboard

    filled.read()
    path = filled.root / "runs" / "tiny" / "ratings" / "ratings.json"
    path.write_text(path.read_text("utf-8").replace('"least": 1,', ""), "utf-8")

    leaderboard = build_leaderboard(
        "tiny", runs_root=filled.root / "runs", artifacts_root=filled.root / "artifacts"
    )

    assert len(leaderboard.boards[0].ranked) == 4
    assert leaderboard.boards[0].ratings == ()
    fault = leaderboard.runs[-1]
    assert (fault.run_id, fault.status) == ("ratings.json", "failed")
    assert str(fault.reason).endswith(
        "ratings.json: Object missing required field `least` - at `$.ratings[0]`; "
        "read the ratings again"
    )
