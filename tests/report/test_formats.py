"""The written report: whole, the same bytes each time, and every number with its evidence.

Oracle: the launch that each test writes by hand.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from made_launch import INTERVAL, SIGNATURE, MadeLaunch, made_metric
from mtnlg.errors import ConfigError
from mtnlg.report import FORMATS, Format, write_report
from mtnlg.report.text_formats import score_lines
from read_report import Page, written

NAMES = ["index.html", "leaderboard.csv", "leaderboard.json", "leaderboard.md", "leaderboard.tex"]
EVIDENCE = ("n = 7", f"interval: {INTERVAL}", f"signature: {SIGNATURE}")


def test_report_writes_one_file_for_each_format(troubled: MadeLaunch, tmp_path: Path) -> None:
    report = written(troubled.build(), tmp_path / "report")

    assert sorted(report) == NAMES
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == NAMES


def test_report_written_twice_has_the_same_bytes(troubled: MadeLaunch, tmp_path: Path) -> None:
    first = written(troubled.build(), tmp_path / "first")
    second = written(troubled.build(), tmp_path / "second")

    assert first == second


def test_json_file_is_the_leaderboard(troubled: MadeLaunch, tmp_path: Path) -> None:
    leaderboard = troubled.build()

    report = written(leaderboard, tmp_path)

    assert json.loads(report["leaderboard.json"]) == leaderboard.to_json()


@pytest.mark.parametrize("status", ["failed", "running"])
def test_report_of_a_launch_without_numbers_shows_every_run(
    launch: MadeLaunch, tmp_path: Path, status: str
) -> None:
    launch.add_run("one", status=status, reason="because of the first")
    launch.add_run("two", status=status, reason="because of the second")

    report = written(launch.build(), tmp_path)

    for text in report.values():
        assert "because of the first" in text
        assert "because of the second" in text


def test_report_of_a_launch_without_runs_is_written(launch: MadeLaunch, tmp_path: Path) -> None:
    report = written(launch.build(), tmp_path)

    assert sorted(report) == NAMES


@pytest.mark.parametrize("name", ["index.html", "leaderboard.md"])
def test_numbers_come_with_n_interval_and_signature(
    launch: MadeLaunch, tmp_path: Path, name: str
) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 21.25))])

    report = written(launch.build(), tmp_path)

    text = Page(report[name]).text if name.endswith("html") else report[name].replace("\\", "")
    assert re.search(r"21\.25\s*\[20\.25, 22\.25\]", text)
    assert all(evidence in text for evidence in EVIDENCE)


@pytest.mark.parametrize(
    ("name", "expected"), [("index.html", "40.00c"), ("leaderboard.md", "41.00], group c")]
)
def test_letters_of_a_second_tested_metric_stand_beside_its_value(
    launch: MadeLaunch, tmp_path: Path, name: str, expected: str
) -> None:
    """As on a board of files, which tests all metrics; the main one has its own column."""
    metrics = {"bleu": made_metric(21.25), "chrf": made_metric(40.0)}
    launch.add_run("run", [launch.score(launch.add_scores("run", all=metrics))])
    leaderboard = launch.build()
    (board,) = leaderboard.boards
    rows = tuple(replace(row, cld={"bleu": "b", "chrf": "c"}) for row in board.rows)

    report = written(replace(leaderboard, boards=(replace(board, rows=rows),)), tmp_path)

    text = Page(report[name]).text if name.endswith("html") else report[name].replace("\\", "")
    assert expected in text
    assert "21.25b" not in text


def test_number_without_interval_comes_with_the_reason_in_every_format(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    metric = made_metric(21.25, low=None, high=None, interval=None, interval_reason="a ratio")
    launch.add_run("run", [launch.score(launch.add_scores("run", all={"bleu": metric}))])

    report = written(launch.build(), tmp_path)

    for text in report.values():
        assert "a ratio" in text
    assert re.search(r"21\.25\s*no interval", Page(report["index.html"]).text)
    assert "21.25 no interval" in report["leaderboard.md"]


def test_every_csv_line_with_a_value_has_its_evidence(troubled: MadeLaunch, tmp_path: Path) -> None:
    report = written(troubled.build(), tmp_path)

    records = list(csv.DictReader(report["leaderboard.csv"].splitlines()))

    assert len(records) == 8
    for record in records:
        assert bool(record["value"]) == bool(record["metric"])
        if record["value"]:
            assert record["n"] == "7"
            assert record["signature"]
            assert record["interval"] or record["interval_reason"]
        else:
            assert record["reason"]


def test_failed_rows_are_red_on_the_page(troubled: MadeLaunch, tmp_path: Path) -> None:
    page = Page(written(troubled.build(), tmp_path)["index.html"])

    rows = [attributes.get("class") for tag, attributes in page.tags if tag == "tr"]

    assert rows.count("failed") == 5, "three on the board, and in the table of runs all but nan"


def test_summary_names_the_leader_and_says_what_was_not_tested(
    troubled: MadeLaunch, tmp_path: Path
) -> None:
    page = Page(written(troubled.build(), tmp_path)["index.html"])

    first_screen, _, board = " ".join(page.text.split()).partition("Overlapping intervals")
    assert (
        "micro bleu 23.50 [22.50, 24.50] not tested from nano not tested from copy" in first_screen
    )
    assert "micro leads with bleu 23.50 [22.50, 24.50], n = 7" in board
    assert (
        "not tested against the next trained system, nano (20.00 [19.00, 21.00]): micro: its "
        "statistics.npz: missing or broken (no such file); evaluate again"
    ) in board
    assert "not tested against the best baseline, copy (5.00 [4.00, 6.00])" in board


def test_page_has_the_date_of_the_last_run_in_utc(launch: MadeLaunch, tmp_path: Path) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))])

    page = Page(written(launch.build(), tmp_path)["index.html"])

    assert "finished 2026-05-01 10:20 UTC" in page.text


def test_page_is_self_contained(troubled: MadeLaunch, tmp_path: Path) -> None:
    markup = written(troubled.build(), tmp_path)["index.html"]

    page = Page(markup)

    names = {name for _, attributes in page.tags for name in attributes}
    links = [attributes["href"] or "" for _, attributes in page.tags if "href" in attributes]
    policies = [
        attributes["content"]
        for _, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    style, script = (hash_of(tag, markup) for tag in ("style", "script"))
    assert policies == [
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]
    assert not names & {"src", "style"}
    files = [f"./{name}" for name in NAMES[1:]]
    assert [link for link in links if not link.startswith("#") and link != "data:,"] == [
        *(files[2], files[0], files[1], files[3]),
    ], "the other files of the report, in their order"
    assert "http://" not in markup
    assert "https://" not in markup


def hash_of(tag: str, markup: str) -> str:
    """The hash by which a policy allows the page's only element of that kind."""
    (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", markup, re.DOTALL)
    return "sha256-" + b64encode(hashlib.sha256(content.encode()).digest()).decode()


def test_external_system_is_ranked_with_its_own_kind(launch: MadeLaunch, tmp_path: Path) -> None:
    theirs = launch.score(launch.add_scores("theirs", 40.0), kind="external", system="theirs")
    launch.add_run("run", [launch.score(launch.add_scores("ours", 20.0)), theirs])

    report = written(launch.build(), tmp_path)

    summary = " ".join(Page(report["index.html"]).text.partition("Overlapping")[0].split())
    assert "theirs external bleu 40.00" in summary
    assert "theirs, an external system, leads with bleu 40.00" in report["leaderboard.md"]


def test_trained_parameters_are_shown_where_they_are_known(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    """Oracle: the costs by hand, 18 tokens in 4 s; without any, the columns are left out."""
    cost = {"parameters": 900, "trained_parameters": 70, "training_tokens": 18}
    cost |= {"training_seconds": 4.0}
    launch.add_run("a", [launch.score(launch.add_scores("a", 20.0), cost=cost)])

    report = written(launch.build(), tmp_path / "report")

    (row,) = {
        row["trained_parameters"] for row in csv.DictReader(report["leaderboard.csv"].splitlines())
    }
    assert row == "70"
    assert json.loads(report["leaderboard.json"])["boards"][0]["rows"][0]["cost"] == {
        **dict.fromkeys(("training_flops", "decoding_tokens_per_second", "peak_memory_bytes")),
        **cost,
    }
    text = " ".join(Page(report["index.html"]).text.split())
    assert (
        "parameters trained training tokens training FLOPs training time training tokens/s" in text
    )
    assert "900 70 18 – 4 s 4.5" in text


def test_only_the_formats_asked_for_are_written(launch: MadeLaunch, tmp_path: Path) -> None:
    paths = write_report(launch.build(), tmp_path / "report", formats=["csv", "json"])

    assert [path.name for path in paths] == ["leaderboard.csv", "leaderboard.json"]
    assert len(list((tmp_path / "report").iterdir())) == 2


def test_launch_ends_with_the_main_scores_of_each_board(troubled: MadeLaunch) -> None:
    """Oracle: the rows of the board itself, of whose baselines only the best is kept."""
    leaderboard = troubled.build()
    board = next(board for board in leaderboard.boards if board.subset == "all")
    main = board.metric_names[0]
    baselines = [row.label for row in board.rows if row.kind == "baseline"]
    kept = [row for row in board.rows if row.label not in baselines[1:]]

    lines = score_lines(leaderboard)

    assert lines[0] == f"{board.task} · {board.test_set}: {main}"
    assert [line.split()[0] for line in lines[1 : len(kept) + 1]] == [row.label for row in kept]
    assert f"{kept[0].metrics[main].value:.2f}" in lines[1]


def test_terminal_table_has_every_system_with_its_evidence_or_reason(
    troubled: MadeLaunch, tmp_path: Path
) -> None:
    """Oracle: the numbers and reasons that the fixture plants."""
    (path,) = write_report(troubled.build(), tmp_path, formats=["terminal"])

    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert path.name == "leaderboard.txt"
    assert lines[2].split() == ["system", "bleu", "interval", "group"]
    assert [line.split()[0] for line in lines[3:11]] == [
        *("micro", "nano", "copy", "odd", "going", "nan", "fell", "gone"),
    ]
    assert lines[3].split()[1:] == ["23.50", "[22.50,", "24.50]", "–"]
    assert all(evidence in text for evidence in EVIDENCE)
    assert "fell: failed: out of memory" in lines
    assert "going: running: it has not finished" in lines


def test_unknown_format_is_refused_with_the_known_ones(launch: MadeLaunch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"report\.formats has 'htm'; known: html, markdown"):
        write_report(launch.build(), tmp_path / "report", formats=["htm"])


def test_format_that_names_a_path_writes_nothing(
    launch: MadeLaunch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = Format("../outside.txt", "text", lambda leaderboard, num_samples: "text")
    monkeypatch.setitem(FORMATS, "outside", outside)

    with pytest.raises(ConfigError, match="name without a path"):
        write_report(launch.build(), tmp_path / "report", formats=["csv", "outside"])

    assert not (tmp_path / "report").exists()
