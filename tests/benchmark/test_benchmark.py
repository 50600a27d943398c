"""The command and its files, with cases that cost nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mtnlg.benchmark import suite
from mtnlg.benchmark.board import bars, markdown, read_groups, row_line, save
from mtnlg.benchmark.decoding import FLOAT, INTEGER, check_outputs, widest_spread
from mtnlg.benchmark.measurement import DifferentOutputError, MissingPeerError, Row
from mtnlg.benchmark.scoring import check_scores
from mtnlg.cli.main import main

MEASURED = Row(
    "start", "help", "sacreBLEU", "ratio", [1.5, 1.0, 3.0], [2.0, 2.5, 2.1], check="both print"
)


def rows_of(name: str) -> Iterator[Row]:
    """A case that measures, one that differs and one whose peer is missing."""
    if name == "differs":
        raise DifferentOutputError("7 of 8 outputs equal")
    if name == "missing":
        raise MissingPeerError("a peer", "x is not installed")
    yield MEASURED


@pytest.fixture
def fake_cases(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cases that each group has; a test fills the list."""
    names: list[str] = []

    def cases(bench: Any) -> dict[str, Any]:
        return {name: lambda name=name: rows_of(name) for name in names}

    monkeypatch.setattr(suite, "import_module", lambda name: SimpleNamespace(cases=cases))
    return names


def test_command_measures_a_group_and_writes_three_files(
    fake_cases: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the fake row, by hand; the board names no folder and shows the target's verdict."""
    fake_cases.append("help")

    assert main(["benchmark", "--only", "start", "--output", str(tmp_path), "--repeats", "3"]) == 0

    out = capsys.readouterr().out
    assert "start: help / sacreBLEU: 1.50 [1.00, 3.00]; wall 2.10 [2.00, 2.50]; both print" in out
    document = json.loads((tmp_path / "benchmark.json").read_text())
    (row,) = document["groups"]["start"]["rows"]
    assert row["processor"] == [1.5, 1.0, 3.0]
    assert document["groups"]["start"]["facts"]["alternations"] == 3
    assert document["machine"]["threads"] == 1
    for file in ("benchmark.json", "benchmark.md", "index.html"):
        assert str(tmp_path) not in (tmp_path / file).read_text()
    page = (tmp_path / "index.html").read_text()
    assert "<rect" in page
    assert not re.search(r"(src|href)=[\"']?http", page)


def test_exit_status_is_1_where_an_output_differs_and_the_case_is_named(
    fake_cases: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the case that raises; the one after it is measured all the same."""
    fake_cases += ["differs", "help"]

    assert main(["benchmark", "--only", "start", "--output", str(tmp_path)]) == 1

    out = capsys.readouterr().out
    assert "start: differs: DIFFERS: 7 of 8 outputs equal" in out
    assert "help / sacreBLEU: 1.50" in out
    assert "**differs**: 7 of 8" in (tmp_path / "benchmark.md").read_text()


def test_missing_peer_is_a_skipped_row_and_no_failure(
    fake_cases: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: exit status 0 and the reason."""
    fake_cases.append("missing")

    assert main(["benchmark", "--only", "start", "--output", str(tmp_path)]) == 0

    assert "missing / a peer: SKIPPED: x is not installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["--only", "trainng"], ["--repeats", "0"], ["--threads", "0"], ["--onyl", "start"]]
)
def test_wrong_option_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: exit status 2 and one line that has the option."""
    assert main(["benchmark", *words, "--output", str(tmp_path)]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words[0] in error


def test_groups_stay_on_the_board_of_the_same_machine_only(tmp_path: Path) -> None:
    """Oracle: the names of the groups, by hand."""

    def groups(machine: str, *names: str) -> list[str]:
        record = {"facts": {"on": "a day"}, "rows": []}
        save(tmp_path, {"processor": machine}, dict.fromkeys(names, record))
        return [group.name for group in read_groups(tmp_path / "benchmark.json")]

    assert groups("A", "start") == ["start"]
    assert groups("A", "scoring") == ["start", "scoring"]
    assert groups("B", "decoding") == ["decoding"]


def test_board_shows_seconds_against_the_most_that_are_wanted() -> None:
    """Oracle: by hand."""
    row = Row("start", "first step", unit="s", processor=[3.0], wall=[9.0], target=5.0)
    group = SimpleNamespace(name="start", facts="on a day", rows=[row])

    assert "3.00 s [3.00, 3.00]; wall 9.00 s [9.00, 9.00]; target ≤ 5, reached" in row_line(row)
    assert "| first step |" in markdown({}, [group])  # type: ignore[list-item]
    assert bars(group) is None  # type: ignore[arg-type]


def test_bar_begins_at_1_and_ends_at_the_median() -> None:
    """Oracle: positions on a logarithmic scale from 1/4 to 4, by hand."""
    rows = [Row("g", "c", "p", processor=[0.25, 4.0, 2.0], target=4.0)]
    chart = bars(SimpleNamespace(name="g", facts="", rows=rows))  # type: ignore[arg-type]

    assert chart is not None
    scale, (bar,) = chart
    assert scale.at(1) == pytest.approx(220)
    assert (bar.low, bar.high, bar.goal) == pytest.approx((8, 432, 432))
    assert bar.end == pytest.approx(220 + 212 / 2)


def test_outputs_that_differ_are_refused_but_for_another_arithmetic() -> None:
    """Oracle: 98 of 100 and 99 of 100 equal outputs, by hand."""
    outputs = [[number] for number in range(100)]

    assert check_outputs(FLOAT, outputs, [[0, 0], *outputs[1:]]) == "99 of 100 outputs equal"
    with pytest.raises(DifferentOutputError, match="98 of 100"):
        check_outputs(FLOAT, outputs, [[7], [7], *outputs[2:]])
    assert check_outputs(INTEGER, outputs, [[-1]] * 100) == "0 of 100 outputs equal"


def test_scores_that_differ_are_refused() -> None:
    """Oracle: by hand."""
    assert check_scores([31.004, 50.0], [31.0, 50.009], 0.01) == "both score 31.00/50.00"
    with pytest.raises(DifferentOutputError, match=r"our scores are 31\.00, theirs 31\.02"):
        check_scores([31.0], [31.02], 0.01)


def test_end_is_the_token_that_spreads_lengths_most() -> None:
    """Oracle: 5 ends outputs after 0, 20 and 40 tokens, the others all early or all late."""
    outputs = [[5, 1, 2], [1, *[2] * 19, 5], [1, *[2] * 39]]

    assert widest_spread(outputs) == 5
