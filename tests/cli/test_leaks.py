"""`mtnlg leaks`: the published contamination counted again, on data sets made here.

Oracle unless a test names another: the task files.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtnlg.cli.main import main
from mtnlg.corpus.known_contamination import known_contamination_table
from mtnlg.experiment.compose import builtin_tasks


def test_sets_that_are_there_are_counted_and_others_are_skipped(tmp_path: Path) -> None:
    """Oracle: one of two test abstracts stands in train, and none of validation."""
    folder = tmp_path / "summarization" / "scitldr_a"
    folder.mkdir(parents=True)
    for split, names in (("train", "ab"), ("validation", "c"), ("test", "bd")):
        records = ({"source": [f"Text {name}."], "target": [f"Sum {name}."]} for name in names)
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")

    _, _, validation, test = known_contamination_table(builtin_tasks(), tmp_path).splitlines()

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
    asked = [
        (task.folder, *count.held_out, "in", *count.training, count.measure)
        for task in builtin_tasks()
        for count in task.known_contamination
    ]

    assert len(asked) == 26
    assert len(set(asked)) == len(asked)


def test_others_rules_keep_speaker_labels(tmp_path: Path) -> None:
    """Oracle: by eye. The test dialogue says what the training dialogue says, and labels a turn."""
    folder = tmp_path / "dialogue" / "dailydialog"
    folder.mkdir(parents=True)
    said = ["Is there a bank near here ?", "There is one .", "Can you change some money ?"]
    dialogues = {
        "train": [said, said, ["Hello .", "Hi ."]],
        "validation": [["Who is it ?", "Me ."]],
        "test": [[said[0], "Clerk : There is one .", said[2]], ["Well .", "Hello .", "Hi ."]],
    }
    for split, turns in dialogues.items():
        lines = "".join(json.dumps({"dialog": dialog}) + "\n" for dialog in turns)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")

    table = known_contamination_table(builtin_tasks(), tmp_path).splitlines()[2:]

    cells = [[cell.strip() for cell in line.split("|")] for line in table]
    assert [(row[3], row[5], row[7]) for row in cells] == [
        ("dialogues in train", "1", "0"),
        ("dialogues in train", "0", "0"),
        ("train dialogues in validation or test", "2", "0"),
        ("duplicate dialogues inside train", "1", "1"),
        ("(last turn, response) pairs in train", "3", "1"),
    ]
