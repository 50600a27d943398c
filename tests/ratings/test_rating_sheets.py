"""Sheets are blind, whole and safe to open, and the key alone says what is behind them.

Oracle: the texts of the board made here, and the key written beside the sheets.
"""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from made_rated_board import BOARD, NUM_ROWS, RatedBoard, output_of
from mtnlg.cli.main import main
from mtnlg.records.files import read_json

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [
    *(SCRIPT, '"><img src=x onerror=alert(1)>', "{{7*7}}", "</script><b>", "a\nb,c;d\te"),
    *("=cmd()", "+1", "-1", "@x", "\u202eabc", "\x00\x1b", "\ud800", "a\u2028b", '"quoted"'),
]


def test_every_rater_gets_a_csv_and_a_form_and_nobody_the_key(
    board: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert board.export() == 0

    names = sorted(path.name for path in board.sheets.iterdir())
    shown = capsys.readouterr()
    assert names == [
        "key.json",
        *(f"rater{n}.{kind}" for n in (1, 2, 3) for kind in ("csv", "html")),
    ]
    assert shown.out.splitlines() == [
        str(board.sheets / f"rater{number}.{kind}")
        for number in (1, 2, 3)
        for kind in ("csv", "html")
    ]
    assert "key.json says which system is behind each item" in shown.err
    assert (
        f"3 systems (best, good, poor) on {NUM_ROWS} sources, all that there are of 50" in shown.err
    )
    assert "each two raters share 8 to 8 sources; few for the agreement of two of them" in shown.err


def test_sheets_name_no_system_and_no_artifact(tmp_path: Path) -> None:
    board = RatedBoard(tmp_path)
    board.make(
        ["zebra", "yacht", "xylophone"], output=lambda system, place: f"{len(system)} {place}"
    )

    board.export()

    for path in board.sheets.glob("rater*"):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
        assert not re.search("zebra|yacht|xylophone|run-|row-|bleu|trained", text), path.name


def test_every_line_of_a_sheet_is_what_its_key_says(board: RatedBoard) -> None:
    board.export("--items", "9", "--per-item", "all", "--repeated", "2")

    items = read_json(board.sheets / "key.json")["items"]
    assert isinstance(items, dict)
    seen = []
    for rater in ("rater1", "rater2", "rater3"):
        header, *lines = board.lines(rater)
        assert header == ["item", "source", "output", "score"]
        for item, source, output, score in lines:
            entry = items[item]
            assert entry["rater"] == rater
            place = int(entry["row"].removeprefix("row-"))
            assert source == f"source {place}"
            assert {output_of(system, place) for system in entry["systems"]} == {output}
            assert score == ""
            seen.append(item)
    assert sorted(seen) == sorted(items)


def test_output_that_two_systems_share_is_rated_once_for_both(board: RatedBoard) -> None:
    board.export("--items", str(NUM_ROWS))

    of_first_row = [output for output in board.key.outputs if output.row == "row-0"]
    assert sorted(output.systems for output in of_first_row) == [("best", "good"), ("poor",)]


def test_same_command_writes_the_same_bytes(board: RatedBoard, tmp_path: Path) -> None:
    board.export()
    first = {path.name: path.read_bytes() for path in board.sheets.iterdir()}
    board.sheets.rename(tmp_path / "first")

    board.export()

    assert {path.name: path.read_bytes() for path in board.sheets.iterdir()} == first


def test_items_of_another_export_have_other_numbers(board: RatedBoard, tmp_path: Path) -> None:
    board.export()
    first = set(board.key.items)
    board.sheets.rename(tmp_path / "first")

    board.export("--seed", "2")

    assert not first & set(board.key.items)


def test_references_are_shown_where_asked_for(board: RatedBoard) -> None:
    board.export("--references")

    header, line, *_ = board.lines("rater1")
    assert header == ["item", "source", "reference", "output", "score"]
    place = int(line[1].removeprefix("source "))
    assert line[2] == output_of("best", place)
    assert "<h3>reference</h3>" in (board.sheets / "rater1.html").read_text("utf-8")


def test_csv_begins_with_a_byte_order_mark_and_has_no_formula(tmp_path: Path) -> None:
    board = RatedBoard(tmp_path)
    board.make(["one"], output=lambda _, place: HOSTILE[place % len(HOSTILE)])

    board.export("--raters", "1", "--per-item", "1", "--repeated", "0")

    raw = (board.sheets / "rater1.csv").read_bytes()
    _, *lines = board.lines("rater1")
    assert raw.startswith(b"\xef\xbb\xbf")
    assert len(lines) == NUM_ROWS
    assert {len(cells) for cells in lines} == {4}
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t", "\r")) for one in lines for cell in one
    )


def test_form_has_no_markup_of_a_text_and_obeys_its_own_script_alone(tmp_path: Path) -> None:
    board = RatedBoard(tmp_path)
    board.make(["one"], output=lambda _, place: HOSTILE[place % len(HOSTILE)])

    board.export("--raters", "1", "--per-item", "1", "--repeated", "0")

    text = (board.sheets / "rater1.html").read_text("utf-8")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    assert [attributes for attributes, _ in scripts] == [' type="application/json" id="data"', ""]
    digest = b64encode(sha256(scripts[1][1].encode()).digest()).decode()
    assert (
        f"script-src &#39;sha256-{digest}&#39;" in text or f"script-src 'sha256-{digest}'" in text
    )
    assert "<img" not in text
    assert "<b>" not in text
    assert "http:" not in text.replace("http-equiv", "")
    assert "&lt;script&gt;alert(1)" in text
    assert "{{7*7}}" in text
    assert not set("\x00\x1b\u202e") & set(text)


def test_form_holds_the_lines_of_the_csv(board: RatedBoard) -> None:
    board.export()

    text = (board.sheets / "rater1.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    joined = data["header"] + "".join(f'{line}""\r\n' for line in data["lines"])
    assert joined.encode() == (board.sheets / "rater1.csv").read_bytes()
    assert list(csv.reader(io.StringIO(joined.removeprefix("\ufeff"), newline=""))) == board.lines(
        "rater1"
    )


def test_long_scale_is_typed_and_a_short_one_chosen(board: RatedBoard, tmp_path: Path) -> None:
    board.export("--scale", "0-100")
    typed = (board.sheets / "rater1.html").read_text("utf-8")
    board.sheets.rename(tmp_path / "typed")
    board.export("--scale", "1-7", "--question", "fluency")
    chosen = (board.sheets / "rater1.html").read_text("utf-8")

    assert typed.count('type="number" name=') == len(board.lines("rater1")) - 1
    assert 'type="radio" name=' not in typed
    assert chosen.count('type="radio" name=') == 7 * (len(board.lines("rater1")) - 1)


def test_baseline_is_rated_where_it_is_named(board: RatedBoard) -> None:
    board.export("--systems", "best", "copy")

    assert [system.label for system in board.key.systems] == ["best", "copy"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--board", "translation/x:test"], f"--board translation/x:test: .* known: {BOARD}"),
        (["--systems", "bset"], "--systems bset: the board has no such .*known: 'best', 'good'"),
        (["--scale", "5-1"], "--scale 5-1: must be two whole numbers such as 1-5"),
        (["--scale", "0-500"], "--scale 0-500: .* at most 101 answers"),
        (["--per-item", "4"], "--per-item 4: must be all, or a number from 1 to the 3 of --raters"),
        (["--items", "0"], "--items 0: must be a whole number of at least 1"),
        (["--question", " "], "--question ' ': must be one line of text, or one of adequacy"),
    ],
)
def test_mistakes_of_the_command_are_told_and_nothing_is_written(
    board: RatedBoard, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert board.export(*words) == 2

    assert re.search(message, capsys.readouterr().err)
    assert not board.sheets.exists()


def test_board_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ratings", "export", "tiny"]) == 2

    assert "the following arguments are required: --board" in capsys.readouterr().err


def test_sheets_of_an_earlier_export_are_not_written_over(
    board: RatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    board.export()
    before = {path.name: path.read_bytes() for path in board.sheets.iterdir()}

    assert board.export("--seed", "2") == 2

    assert "has a key.json of an earlier export" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in board.sheets.iterdir()} == before
