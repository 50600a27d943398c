"""Text from data, models and users is shown and never obeyed: not as markup, formula, template or
direction.

Oracle: a parser of each format, and escapes written by hand.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from hostile_report import HOSTILE, SCRIPT, TEMPLATE, report_with
from made_launch import MadeLaunch
from mtnlg.report.text_formats import escape_markdown
from mtnlg.text.display import visible
from read_report import Page, written


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def hostile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_hostile_text_adds_no_tag_and_no_attribute(
    hostile: str, launch: MadeLaunch, tmp_path: Path
) -> None:
    page = Page(report_with(hostile, launch, tmp_path / "report")["index.html"])

    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    tags = {tag for tag, _ in page.tags}
    data = [
        {"type": "application/json", "id": name} for name in ("board-1-samples", "compare-data")
    ]
    assert scripts == [*data, {}], "ours"
    names = {name for _, attributes in page.tags for name in attributes}
    assert not tags & {"img", "iframe", "object", "embed", "form", "base"}
    assert not {name for name in names if name.startswith("on") or name == "src"}
    assert not any(mark in page.text for mark in "\x00\x1b\u202e")


def test_template_in_text_is_not_evaluated(launch: MadeLaunch, tmp_path: Path) -> None:
    page = Page(report_with(TEMPLATE, launch, tmp_path / "report")["index.html"])

    assert TEMPLATE in page.text


def test_script_in_text_is_shown_as_text(launch: MadeLaunch, tmp_path: Path) -> None:
    page = Page(report_with(SCRIPT, launch, tmp_path / "report")["index.html"])

    assert SCRIPT in page.text


def test_markdown_rows_keep_their_number_of_cells(
    hostile: str, launch: MadeLaunch, tmp_path: Path
) -> None:
    text = report_with(hostile, launch, tmp_path / "report")["leaderboard.md"]

    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]

    assert len(tables) == 3, "the summary, the board and the runs"
    for lines in tables:
        cells = {line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines}
        assert len(cells) == 1
    assert "<" not in re.sub(r"\\<|</?(details|summary)>", "", text)


def test_markdown_escapes_every_mark() -> None:
    assert escape_markdown("a|b `c` *d* _e_ <f>\ng [h](https://i)\\") == (
        r"a\|b \`c\` \*d\* \_e\_ \<f\> ↵ g \[h\](https\://i)" + "\\\\"
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t="])
def test_csv_text_never_starts_a_formula(start: str, launch: MadeLaunch, tmp_path: Path) -> None:
    report = report_with(f"{start}cmd()", launch, tmp_path / "report")

    records = list(csv.DictReader(io.StringIO(report["leaderboard.csv"])))

    assert records[0]["model"].lstrip() == f"'{start}cmd()"
    cells = [cell for record in records for cell in record.values()]
    assert not any(cell.startswith(("=", "+", "@", "\t")) for cell in cells)


def test_csv_numbers_below_zero_stay_numbers(launch: MadeLaunch, tmp_path: Path) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", -2.5))])

    report = written(launch.build(), tmp_path)

    (record,) = csv.DictReader(io.StringIO(report["leaderboard.csv"]))
    assert float(record["value"]) == -2.5


def test_half_a_surrogate_pair_is_written_as_a_replacement(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    report = report_with("\ud800", launch, tmp_path / "report")

    assert all("\ufffd" in text for text in report.values())


def test_control_and_direction_characters_are_made_visible() -> None:
    assert visible("a\x00b\u202ec\u2028d\r\ne\x7ff") == "a␀b⟨U+202E⟩c\nd\ne\ufffdf"


def test_chinese_and_joined_emoji_are_left_alone() -> None:
    assert visible("央行维持利率不变。👩\u200d🔬") == "央行维持利率不变。👩\u200d🔬"
