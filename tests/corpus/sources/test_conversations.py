"""Successive records of a conversation become one dialogue.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.corpus.preparation import prepare_rows
from mtnlg.corpus.sources.readers import Quarantine
from mtnlg.corpus.sources.sources import iter_records
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject
from mtnlg.records.rows import Row, read_rows

TURNS: list[JsonObject] = [
    {"id": "x", "n": 1, "text": "Hi."},
    {"id": "x", "n": 2, "text": "Hello."},
    {"id": "x", "n": 3, "text": "Bye."},
    {"id": "y", "n": 1, "text": "Alone."},
    {"id": "z", "n": 1, "text": "Tea?"},
    {"id": "z", "n": 2, "text": "No."},
]


def make_task(folder: Path, turns: list[JsonObject], **settings: object) -> TaskConfig:
    lines = "".join(f"{json.dumps(turn)}\n" for turn in turns)
    (folder / "train.jsonl").write_text(lines)
    values: dict[str, object] = {
        "kind": TaskKind.dialogue,
        "reader": "dialogue_turns",
        "source_language": "en",
        "folder": str(folder),
        "columns": {"conversation": "id", "turns": "text"},
        "validation_split": None,
        "test_sets": ["train"],
    }
    return TaskConfig(**{**values, **settings})  # type: ignore[arg-type]


def dialogues(task: TaskConfig, quarantine: Quarantine | None = None) -> list[object]:
    records = iter_records(task, "train", data_root=None, quarantine=quarantine)
    return [record.fields["text"] for record in records]


@pytest.mark.parametrize("columns", [{"turns": "text"}, {"turns": "text|utterance", "id": "id"}])
def test_consecutive_records_are_one_dialogue(tmp_path: Path, columns: dict[str, str]) -> None:
    task = make_task(tmp_path, TURNS, columns={"conversation": "id", **columns})
    (tmp_path / "out").mkdir()

    prepare_rows("mine", task, CleaningConfig(), data_root=None, folder=tmp_path / "out")

    first, second = ("x", "z") if "id" in columns else ("train-0", "train-4")
    assert list(read_rows(tmp_path / "out" / "train.jsonl")) == [
        Row(f"{first}:1", "Hi.", ("Hello.",)),
        Row(f"{first}:2", "Hi.\nHello.", ("Bye.",)),
        Row(f"{second}:1", "Tea?", ("No.",)),
    ]


def test_a_conversation_that_comes_again_is_an_error(tmp_path: Path) -> None:
    task = make_task(tmp_path, [*TURNS, TURNS[0]])

    with pytest.raises(DataError, match=r"train\.jsonl:7: column id is 'x' again .* sort the"):
        dialogues(task)


def test_a_conversation_that_comes_again_is_quarantined_where_some_are_tolerated(
    tmp_path: Path,
) -> None:
    quarantine = Quarantine(0.2)

    turns = dialogues(make_task(tmp_path, [*TURNS, TURNS[0]]), quarantine)
    quarantine.check()

    assert turns == [["Hi.", "Hello.", "Bye."], ["Alone."], ["Tea?", "No."]]
    assert quarantine.num_lines == 7


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"text": "Hi."}, r"train\.jsonl:7: no column id"),
        ({"id": "", "text": "Hi."}, r"train\.jsonl:7: column id must be an id .* found ''"),
        ({"id": "q"}, r"train\.jsonl:7: no column text"),
    ],
)
def test_a_turn_that_cannot_be_placed_is_named(
    tmp_path: Path, turn: JsonObject, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        dialogues(make_task(tmp_path, [*TURNS, turn]))
