"""The table of known leaks, on a data set made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtnlg.cli import main
from mtnlg.corpus.known_leaks import KNOWN, known_leaks_table


def test_sets_that_are_there_are_counted_and_others_are_skipped(tmp_path: Path) -> None:
    """Oracle: one of two test abstracts stands in train, and none of validation."""
    folder = tmp_path / "summarization" / "scitldr_a"
    folder.mkdir(parents=True)
    for split, names in (("train", "ab"), ("validation", "c"), ("test", "bd")):
        records = ({"source": [f"Text {name}."], "target": [f"Sum {name}."]} for name in names)
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")

    _, _, validation, test = known_leaks_table(tmp_path).splitlines()

    assert [cell.strip() for cell in validation.split("|")[3:6]] == ["abstracts in train", "1", "0"]
    assert [cell.strip() for cell in test.split("|")[3:6]] == ["abstracts in train", "2", "1"]
    assert main(["leaks", "--data-root", str(tmp_path), "--out", str(tmp_path / "x.md")]) == 0
    page = (tmp_path / "x.md").read_text(encoding="utf-8")
    assert test in page
    assert str(tmp_path) not in page


def test_a_folder_without_any_of_the_sets_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["leaks", "--data-root", str(tmp_path)]) != 0

    assert "has none of dialogue/dailydialog, " in capsys.readouterr().err


def test_no_count_is_named_twice() -> None:
    asked = [(one.held_out, one.training, one.measure) for one in KNOWN]

    assert len(set(asked)) == len(asked)
