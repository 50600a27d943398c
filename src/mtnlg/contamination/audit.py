"""Contamination signals of prepared rows, from files to files: what the splits of one data set
share, and what the test sets of a run share with all its training sets.

Every training file is read once, for all test sets together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mtnlg.artifacts.shards import map_in_order
from mtnlg.artifacts.store import recorded_sha256
from mtnlg.config import TaskConfig, TaskKind
from mtnlg.contamination.repeats import num_repeats, text_hash
from mtnlg.contamination.search import (
    RULES,
    ContaminationSearch,
    RowSet,
    Seen,
    dialogue_key,
    records,
)
from mtnlg.records.codec import write_record
from mtnlg.records.files import JsonObject, write_jsonl
from mtnlg.records.places import CONTAMINATION_FILE, TRAIN, VALIDATION, rows_file
from mtnlg.records.rows import LineBlock, line_blocks, parse_rows, read_rows
from mtnlg.records.stages import ContaminationSummary

BLOCK_BYTES = 1_000_000
"""Bytes of the training rows that a process searches together."""


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
    folder: Path, files: RunFiles, *, num_workers: int = 1, on_rows: Callable[[int], None]
) -> list[str]:
    """Write <name>.jsonl for each test set, with the signals of each row, and contamination.json
    with counts and rules; return a sentence for each test set.

    `on_rows` gets the number of training rows since the last call. Without test sets none is read.
    The number of processes changes no byte.
    """
    search = ContaminationSearch(
        {
            name: RowSet(read_rows(file.path), file.is_dialogue)
            for name, file in files.test_sets.items()
        }
    )
    for _, training in sorted(files.training_sets.items()) if files.test_sets else ():
        for part in _searched(search, training.path, training.is_dialogue, num_workers):
            on_rows(part.num_rows)
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
    num_workers: int = 1,
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
            {
                stem: RowSet(read_rows(folder / rows_file(stem)), is_dialogue)
                for stem in held_out[seen]
            }
        )
        dialogues = array("Q")
        num_rows = 0
        for part in _searched(search, folder / rows_file(seen), is_dialogue, num_workers):
            num_rows += part.num_rows
            on_progress(f"contamination in {seen}", num_rows)
            dialogues.extend(part.dialogues)
        for stem in held_out[seen]:
            audits[stem][f"overlap_with_{seen}"] = {**search.signals(stem).counts()}
        if is_dialogue:
            audits[seen]["dialogues"] = {
                "checked": len(dialogues),
                "repeated": num_repeats(dialogues),
                "held_out": search.num_dialogues_seen,
            }
    return audits


@dataclass(frozen=True, slots=True)
class _Part:
    """What a process found in some training rows."""

    seen: Seen
    num_rows: int
    dialogues: array[int]
    """A hash of each dialogue; empty for other tasks."""


def _searched(
    search: ContaminationSearch, path: Path, is_dialogue: bool, num_workers: int
) -> Iterator[_Part]:
    """Search a training file; the parts are its blocks, in order."""
    blocks = line_blocks(path, BLOCK_BYTES)
    if is_dialogue:
        blocks = _whole_dialogues(blocks)
    read = partial(_read_block, is_dialogue=is_dialogue)
    for part in map_in_order(read, search, blocks, num_workers=num_workers):
        search.add_seen(part.seen)
        yield part


def _read_block(search: ContaminationSearch, block: LineBlock, *, is_dialogue: bool) -> _Part:
    rows = list(block.rows())
    training = RowSet(rows, is_dialogue)
    search.read(training)
    dialogues = records(training) if is_dialogue else ()
    hashes = array("Q", (text_hash(dialogue_key(dialogue)) for dialogue in dialogues))
    return _Part(search.take_seen(), len(rows), hashes)


def _whole_dialogues(blocks: Iterator[LineBlock]) -> Iterator[LineBlock]:
    """The same lines in blocks of which each ends with a dialogue."""
    held: list[bytes] = []
    for block in blocks:
        lines, first = [*held, *block.lines], block.first - len(held)
        start = len(lines) - 1
        while start > 0 and _is_one_dialogue(
            lines[start - 1 : start + 1], block.path, first + start
        ):
            start -= 1
        held = lines[start:]
        yield LineBlock(block.path, lines[:start], first, block.position)
    if held:
        yield replace(block, lines=held, first=block.last - len(held) + 1)


def _is_one_dialogue(lines: list[bytes], path: Path, first: int) -> bool:
    """Whether two rows may be turns of one dialogue, by their ids."""
    names = {row.id.rpartition(":")[0] for row in parse_rows(lines, path=path, first=first)}
    return len(names) == 1 and names != {""}
