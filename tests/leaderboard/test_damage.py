"""Damage to what a report reads: it is named, and no damaged number is on a board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from made_board import MadeBoard
from mtnlg.cli.main import main
from mtnlg.errors import DamagedError
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.report.publish import Publication, publish


@pytest.fixture
def board(tmp_path: Path) -> MadeBoard:
    """A launch with one system."""
    made = MadeBoard(tmp_path)
    made.make()
    return made


def leaderboard(board: MadeBoard) -> Leaderboard:
    roots = board.roots
    return build_leaderboard("tiny", runs_root=roots["runs"], artifacts_root=roots["artifacts"])


def one_digit(path: Path) -> None:
    """Change a digit of a value, which stays valid JSON."""
    text = path.read_text(encoding="utf-8")
    start = text.index('"value": ') + len('"value": ')
    digit = "1" if text[start] != "1" else "2"
    path.write_text(text[:start] + digit + text[start + 1 :], encoding="utf-8")


FAULTS: dict[str, Callable[[Path], object]] = {
    "scores.json": one_digit,
    "statistics.npz": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"),
    "predictions.jsonl": lambda path: path.write_text(
        path.read_text(encoding="utf-8").replace("row-1", "row-9"), encoding="utf-8"
    ),
    "artifact.json": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_damaged_file_is_named_and_gives_no_number(board: MadeBoard, name: str) -> None:
    """Oracle: the row before the damage had numbers, and no file was named."""
    before = leaderboard(board)
    path = next(board.roots["artifacts"].glob(f"*/*/{name}"))

    FAULTS[name](path)
    after = leaderboard(board)

    assert before.damaged == ()
    assert [row.status for part in before.boards for row in part.rows] == ["finished"] * 2
    rows = [row for part in after.boards for row in part.rows]
    assert {(row.status, bool(row.metrics)) for row in rows} == {("damaged", False)}
    (fault,) = after.damaged
    assert str(path) in fault
    assert {row.reason for row in rows} == {fault}


def test_manifest_with_a_changed_digit_is_named(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the seed of the run, in valid JSON: it may have been edited on purpose."""
    path = board.roots["runs"] / "tiny" / "run1" / "run.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 3'), encoding="utf-8")

    assert leaderboard(board).damaged == ()
    assert f"warning: {path}: was changed after it was written" in capsys.readouterr().err


def test_manifest_that_cannot_be_read_is_named(board: MadeBoard) -> None:
    """Oracle: a torn file."""
    path = board.roots["runs"] / "tiny" / "run1" / "run.json"
    path.write_bytes(path.read_bytes()[:-9])

    (fault,) = leaderboard(board).damaged

    assert fault.startswith("run1: run.json cannot be read: not valid JSON")


@pytest.mark.parametrize("name", FAULTS)
def test_damaged_file_is_neither_published_nor_compared(
    board: MadeBoard, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Oracle: the error names the file, and nothing is published."""
    path = next(board.roots["artifacts"].glob(f"*/*/{name}"))
    FAULTS[name](path)
    roots = {f"{kind}_root": board.roots[kind] for kind in ("runs", "artifacts")}

    with pytest.raises(DamagedError, match=name):
        publish(Publication("tiny", 1), **roots, published_root=tmp_path / "published")
    words = [f"--{kind}-root={board.roots[kind]}" for kind in ("runs", "artifacts")]
    status = main(["diff", "run1", "run1", *words])

    assert status == 4
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "published" / "tiny").exists()
