"""Leak signals of prepared rows, from files to files: what a data set's own splits share, and what
the test sets of a run share with all of its training sets.

Every training file is streamed once, for all test sets together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtnlg.artifacts.store import recorded_sha256
from mtnlg.config import TaskConfig, TaskKind
from mtnlg.contamination.repeats import num_repeats, text_hash
from mtnlg.contamination.search import RULES, LeakSearch, RowSet, dialogue_key, records
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject, read_jsonl, write_json, write_jsonl
from mtnlg.records.rows import Row, read_rows

SUMMARY_FILE = "leaks.json"
TRAIN, VALIDATION = "train", "validation"
PROGRESS_ROWS = 1000
"""Rows between two words about the progress."""


@dataclass(frozen=True, slots=True)
class RowsFile:
    """A file of prepared rows, its sha256, and whether its rows are turns of dialogues."""

    path: Path
    sha256: str
    is_dialogue: bool

    @property
    def identity(self) -> JsonObject:
        """All of it that can change what is found."""
        return {"sha256": self.sha256, "is_dialogue": self.is_dialogue}


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of all tasks of a run, by `<task>.<split>`."""

    test_sets: Mapping[str, RowsFile]
    training_sets: Mapping[str, RowsFile]

    @classmethod
    def of(cls, tasks: Mapping[str, TaskConfig], folders: Mapping[str, Path]) -> RunFiles:
        """Those that the artifacts of their rows, by task, have."""

        def files(splits: Mapping[str, Sequence[str]]) -> dict[str, RowsFile]:
            return {
                f"{name}.{split}": RowsFile(
                    folders[name] / f"{split}.jsonl",
                    recorded_sha256(folders[name], f"{split}.jsonl"),
                    tasks[name].kind is TaskKind.dialogue,
                )
                for name in splits
                for split in splits[name]
            }

        return cls(
            files({name: task.test_sets for name, task in tasks.items()}),
            files({name: [TRAIN] for name, task in tasks.items() if task.train_split}),
        )

    @property
    def identity(self) -> JsonObject:
        """All of it that can change what is found."""
        return {
            "test_sets": {name: one.identity for name, one in self.test_sets.items()},
            "training_sets": {name: one.identity for name, one in self.training_sets.items()},
        }


def write_leaks(folder: Path, files: RunFiles, *, on_rows: Callable[[int], None]) -> list[str]:
    """Write <name>.jsonl for each test set, with the signals of each row, and leaks.json with their
    counts and rules. `on_rows` gets how many more training rows were read: none where there is no
    test set. Gives a sentence for each test set.
    """
    search = LeakSearch(
        {name: _rows(one.path, one.is_dialogue) for name, one in files.test_sets.items()}
    )
    for _, training in sorted(files.training_sets.items()) if files.test_sets else ():
        search.read(_rows(training.path, training.is_dialogue, on_rows))
    counts: JsonObject = {}
    lines = []
    for name in files.test_sets:
        found = search.found(name)
        write_jsonl(folder / f"{name}.jsonl", (row.to_json() for row in found.rows))
        numbers = found.counts()
        counts[name] = {**numbers}
        lines.append(
            f"{name}: signals found in {numbers['flagged']} of {numbers['checked']} rows checked"
        )
    write_json(
        folder / SUMMARY_FILE,
        {"rules": {**RULES}, "training_sets": sorted(files.training_sets), "test_sets": counts},
    )
    return lines


def read_tags(path: Path) -> dict[str, tuple[str, ...]]:
    """Row id -> its signals, from one of the files that `write_leaks` gives."""
    tags: dict[str, tuple[str, ...]] = {}
    for number, record in read_jsonl(path):
        row_id, names = record.get("id"), record.get("tags")
        if not isinstance(row_id, str) or not isinstance(names, list):
            raise DataError(f"{path}:{number}: has no id or no tags; delete its folder")
        tags[row_id] = tuple(str(name) for name in names)
    return tags


def audit_splits(
    folder: Path,
    stems: Sequence[str],
    *,
    is_dialogue: bool,
    on_progress: Callable[[str, int], None] = lambda _, __: None,
) -> dict[str, JsonObject]:
    """For audit.json, by split: the signals of held-out rows in this data set's training split, of
    test rows in its validation split, and what repeats inside training. `on_progress` gets what is
    read, and its rows so far.
    """
    audits: dict[str, JsonObject] = {stem: {"overlap_with_train": None} for stem in stems}
    tests = [stem for stem in stems if stem not in (TRAIN, VALIDATION)]
    held_out = {TRAIN: [stem for stem in stems if stem != TRAIN], VALIDATION: tests}
    for seen in (one for one in held_out if one in stems and held_out[one]):
        search = LeakSearch(
            {stem: _rows(folder / f"{stem}.jsonl", is_dialogue) for stem in held_out[seen]}
        )
        dialogues = array("Q")
        num_rows = 0

        def advance(amount: int, seen: str = seen) -> None:
            nonlocal num_rows
            num_rows += amount
            on_progress(f"leaks in {seen}", num_rows)

        for record in records(_rows(folder / f"{seen}.jsonl", is_dialogue, advance)):
            search.read_record(record, is_dialogue=is_dialogue)
            if is_dialogue:
                dialogues.append(text_hash(dialogue_key(record)))
        for stem in held_out[seen]:
            audits[stem][f"overlap_with_{seen}"] = {**search.found(stem).counts()}
        if is_dialogue:
            audits[seen]["dialogues"] = {
                "checked": len(dialogues),
                "repeated": num_repeats(dialogues),
                "held_out": search.num_dialogues_found,
            }
    return audits


def _rows(path: Path, is_dialogue: bool, on_rows: Callable[[int], None] = lambda _: None) -> RowSet:
    return RowSet(_counted(read_rows(path), on_rows), is_dialogue)


def _counted(rows: Iterator[Row], on_rows: Callable[[int], None]) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(rows, start=1):
        if number % PROGRESS_ROWS == 0:
            on_rows(PROGRESS_ROWS)
        yield row
    on_rows(number % PROGRESS_ROWS)
