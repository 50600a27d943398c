"""Contamination signals of prepared rows, from files to files: what the splits of one data set
share, and what the test sets of a run share with all its training sets.

Every training file is read once, for all test sets together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtnlg.artifacts.store import recorded_sha256
from mtnlg.config import TaskConfig, TaskKind
from mtnlg.contamination.repeats import num_repeats, text_hash
from mtnlg.contamination.search import RULES, ContaminationSearch, RowSet, dialogue_key, records
from mtnlg.records.codec import write_record
from mtnlg.records.files import JsonObject, write_jsonl
from mtnlg.records.places import CONTAMINATION_FILE, TRAIN, VALIDATION, rows_file
from mtnlg.records.rows import Row, read_rows
from mtnlg.records.stages import ContaminationSummary

PROGRESS_ROWS = 1000
"""Rows between two reports of progress."""


@dataclass(frozen=True, slots=True)
class RowsFile:
    """A file of prepared rows, its sha256, and whether its rows are turns of dialogues."""

    path: Path
    sha256: str
    is_dialogue: bool

    @property
    def identity(self) -> JsonObject:
        """Everything that can change the signals."""
        return {"sha256": self.sha256, "is_dialogue": self.is_dialogue}


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of all tasks of a run, by `<task>.<split>`."""

    test_sets: Mapping[str, RowsFile]
    training_sets: Mapping[str, RowsFile]

    @classmethod
    def of(cls, tasks: Mapping[str, TaskConfig], folders: Mapping[str, Path]) -> RunFiles:
        """The files in the folders of prepared rows, by task."""

        def files(splits: Mapping[str, Sequence[str]]) -> dict[str, RowsFile]:
            return {
                f"{name}.{split}": RowsFile(
                    folders[name] / rows_file(split),
                    recorded_sha256(folders[name], rows_file(split)),
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
        """Everything that can change the signals."""
        return {
            "test_sets": {name: file.identity for name, file in self.test_sets.items()},
            "training_sets": {name: file.identity for name, file in self.training_sets.items()},
        }


def write_contamination(
    folder: Path, files: RunFiles, *, on_rows: Callable[[int], None]
) -> list[str]:
    """Write <name>.jsonl for each test set, with the signals of each row, and contamination.json
    with counts and rules; return a sentence for each test set.

    `on_rows` gets the number of training rows since the last call. Without test sets none is read.
    """
    search = ContaminationSearch(
        {name: _rows(file.path, file.is_dialogue) for name, file in files.test_sets.items()}
    )
    for _, training in sorted(files.training_sets.items()) if files.test_sets else ():
        search.read(_rows(training.path, training.is_dialogue, on_rows))
    summary: dict[str, dict[str, int]] = {}
    lines = []
    for name in files.test_sets:
        signals = search.signals(name)
        write_jsonl(folder / rows_file(name), (row.to_json() for row in signals.rows))
        summary[name] = counts = signals.counts()
        lines.append(
            f"{name}: signals found in {counts['flagged']} of {counts['checked']} rows checked"
        )
    record = ContaminationSummary(RULES, tuple(sorted(files.training_sets)), summary)
    write_record(folder / CONTAMINATION_FILE, record)
    return lines


def audit_splits(
    folder: Path,
    stems: Sequence[str],
    *,
    is_dialogue: bool,
    on_progress: Callable[[str, int], None] = lambda _, __: None,
) -> dict[str, JsonObject]:
    """For audit.json, by split: signals of held-out rows in the training split and of test rows in
    the validation split, and repeated dialogues.

    `on_progress` gets what is being read and the number of rows so far.
    """
    audits: dict[str, JsonObject] = {stem: {"overlap_with_train": None} for stem in stems}
    tests = [stem for stem in stems if stem not in (TRAIN, VALIDATION)]
    held_out = {TRAIN: [stem for stem in stems if stem != TRAIN], VALIDATION: tests}
    for seen in (split for split in held_out if split in stems and held_out[split]):
        search = ContaminationSearch(
            {stem: _rows(folder / rows_file(stem), is_dialogue) for stem in held_out[seen]}
        )
        dialogues = array("Q")
        num_rows = 0

        def advance(amount: int, seen: str = seen) -> None:
            nonlocal num_rows
            num_rows += amount
            on_progress(f"contamination in {seen}", num_rows)

        for record in records(_rows(folder / rows_file(seen), is_dialogue, advance)):
            search.read_record(record, is_dialogue=is_dialogue)
            if is_dialogue:
                dialogues.append(text_hash(dialogue_key(record)))
        for stem in held_out[seen]:
            audits[stem][f"overlap_with_{seen}"] = {**search.signals(stem).counts()}
        if is_dialogue:
            audits[seen]["dialogues"] = {
                "checked": len(dialogues),
                "repeated": num_repeats(dialogues),
                "held_out": search.num_dialogues_seen,
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
