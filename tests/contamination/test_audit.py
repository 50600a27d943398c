"""Contamination signals, from files to files, written out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtnlg.contamination.audit import RowsFile, RunFiles, write_contamination
from mtnlg.errors import DataError
from mtnlg.records.files import read_json, write_jsonl
from mtnlg.records.rows import Row, read_tags

TRAIN = [Row("0", "a cat", ("eine Katze",)), Row("1", "a dog", ("ein Hund",))]
TEST = [Row("x", "a dog", ("ein Tier",)), Row("y", "a bird", ("ein Vogel",))]


def rows_file(path: Path, rows: list[Row]) -> RowsFile:
    write_jsonl(path, (row.to_json() for row in rows))
    return RowsFile(path, "", is_dialogue=False)


def test_signals_of_every_row_are_written_and_read_again(tmp_path: Path) -> None:
    tests = {"mine.test": rows_file(tmp_path / "test.jsonl", TEST)}
    seen: list[int] = []

    lines = write_contamination(
        tmp_path,
        RunFiles(tests, {"mine.train": rows_file(tmp_path / "train.jsonl", TRAIN)}),
        on_rows=seen.append,
    )

    summary = read_json(tmp_path / "contamination.json")
    assert lines == ["mine.test: signals found in 1 of 2 rows checked"]
    assert read_tags(tmp_path / "mine.test.jsonl") == {
        "x": ("train_source", "train_near_source"),
        "y": (),
    }
    assert sum(seen) == len(TRAIN)
    assert summary["training_sets"] == ["mine.train"]


def test_nothing_is_read_where_nothing_is_tested(tmp_path: Path) -> None:
    """Such as in a run of plain text alone, whose training text may be long."""
    missing = RowsFile(tmp_path / "no_such_file.jsonl", "", is_dialogue=False)

    assert (
        write_contamination(tmp_path, RunFiles({}, {"a.train": missing}), on_rows=lambda _: None)
        == []
    )

    assert read_json(tmp_path / "contamination.json")["test_sets"] == {}


def test_file_that_is_none_of_ours_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": "1"}\n', encoding="utf-8")

    with pytest.raises(DataError, match=r"x\.jsonl:1: Object missing required field `tags`"):
        read_tags(tmp_path / "x.jsonl")
