"""The published contamination of public data sets, counted again.

The published counts stand in the task files (`known_contamination`). Where their authors count in
another way than the audit, their way is repeated here too, as far as it is known.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

from mtnlg.config import CleaningConfig, KnownContamination, TaskConfig, TaskKind
from mtnlg.contamination.repeats import RowHashes, num_repeats, text_hash
from mtnlg.contamination.search import (
    LONG_LINE_WORDS,
    SIGNAL_SHARE,
    ContaminationSearch,
    RowSet,
    dialogue_key,
    records,
)
from mtnlg.corpus.cleaning import Cleaner
from mtnlg.corpus.sources.readers import find_reader
from mtnlg.corpus.sources.sources import iter_records
from mtnlg.errors import DataError
from mtnlg.records.rows import Row
from mtnlg.text.spelling import normalized_key

LABELS = "speaker labels kept"
SPACES = "words between white space; only labels such as #Person1#: cut"
RULES = {
    "labeled dialogues": LABELS,
    "labeled exchanges": LABELS,
    "labeled repeats": LABELS,
    "labeled training dialogues": LABELS,
    "spaced lines": SPACES,
}
"""A measure of other authors -> how it differs from the audit's."""
HEAD = (
    "| rows of | looked for in | counted | by others | by the audit | measure | by their rule "
    "| remark |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)
PERSON_LABEL = re.compile(r"#\w+#:\s*")


def known_contamination_table(tasks: Sequence[TaskConfig], data_root: Path) -> str:
    """The published counts beside the audit's, as Markdown, of the data sets that are there; raises
    DataError where none is.
    """
    sets = _DataSets({str(task.folder): task for task in tasks}, data_root)
    known = [task for task in tasks if task.known_contamination]
    # Test sets last: they are compared with the training splits of other data sets.
    known.sort(key=lambda task: (task.kind.value, task.train_split is None))
    lines = [
        _line(count, str(task.folder), sets)
        for task in known
        for count in task.known_contamination
        if sets.has(_names(str(task.folder), [*count.held_out, *count.training]))
    ]
    if not lines:
        folders = ", ".join(str(task.folder) for task in known)
        raise DataError(f"{data_root}: has none of {folders}; give their common folder")
    return "".join(f"{line}\n" for line in (*HEAD, *lines))


def _line(count: KnownContamination, folder: str, sets: _DataSets) -> str:
    held_out, training = _names(folder, count.held_out), _names(folder, count.training)
    by_their_rule = audited = sets.audit(held_out, training)[count.measure]
    remark = count.remark
    if count.others_measure is not None:
        by_their_rule = sets.count_by_others(held_out, training)[count.others_measure]
        remark = remark or RULES[count.others_measure]
    cells = [
        " ".join(held_out) or "itself",
        " ".join(training),
        count.claim,
        "–" if count.count is None else str(count.count),
        str(audited),
        count.measure,
        str(by_their_rule),
        remark,
    ]
    return f"| {' | '.join(cells)} |"


def _names(folder: str, splits: Iterable[str]) -> tuple[str, ...]:
    """Splits with their folders, such as dialogue/dailydialog/train."""
    return tuple(split if "/" in split else f"{folder}/{split}" for split in splits)


class _DataSets:
    """The data sets below a folder, by folder of their task; nothing is counted twice."""

    def __init__(self, tasks: Mapping[str, TaskConfig], data_root: Path) -> None:
        self.tasks = tasks
        self.data_root = data_root
        self.audit = cache(self._audit)
        self.count_by_others = cache(self._count_by_others)

    def has(self, names: Iterable[str]) -> bool:
        """True if the folders of all these splits are there."""
        return all((self.data_root / name).parent.is_dir() for name in names)

    def _audit(self, held_out: tuple[str, ...], training: tuple[str, ...]) -> Mapping[str, int]:
        """The counts of the audit; signals only where one split is held out."""
        search = ContaminationSearch({name: self._rows(name) for name in held_out})
        hashes, sources, dialogues = RowHashes(), array("Q"), array("Q")
        for name in training:
            rows = self._rows(name)
            for record in records(rows):
                search.read_record(record, is_dialogue=rows.is_dialogue)
                for row in record:
                    hashes.add(row)
                    sources.append(text_hash(normalized_key(row.source)))
                dialogues.append(text_hash(dialogue_key(record)))
        counts = search.signals(held_out[0]).counts() if len(held_out) == 1 else {}
        return {
            **counts,
            "training dialogues that are held-out ones": search.num_dialogues_seen,
            "repeated rows": num_repeats(hashes.rows),
            "repeated sources, by letters and digits": num_repeats(sources),
            "repeated dialogues": num_repeats(dialogues),
        }

    def _count_by_others(
        self, held_out: tuple[str, ...], training: tuple[str, ...]
    ) -> Mapping[str, int]:
        """The counts of RULES, all by letters and digits."""
        texts = [text for name in held_out for text in self._texts(name)]
        turns = [_keys(text) for text in texts]
        training_turns = [_keys(text) for name in training for text in self._texts(name)]
        dialogues = ["".join(text) for text in turns]
        training_dialogues = ["".join(text) for text in training_turns]
        exchanges = {pair for text in training_turns for pair in pairwise(text)}
        training_lines = {line for text in training_turns for line in text}
        unlabeled = ([PERSON_LABEL.sub("", line, count=1) for line in text] for text in texts)
        long_lines = [
            _keys(line for line in text if len(line.split()) >= LONG_LINE_WORDS)
            for text in unlabeled
        ]
        return {
            "labeled dialogues": _num_in(dialogues, set(training_dialogues)),
            "labeled exchanges": sum(_num_in(pairwise(text), exchanges) for text in turns),
            "labeled repeats": len(training_dialogues) - len(set(training_dialogues)),
            "labeled training dialogues": _num_in(training_dialogues, set(dialogues)),
            "spaced lines": sum(
                _num_in(lines, training_lines) >= SIGNAL_SHARE * len(lines)
                for lines in long_lines
                if lines
            ),
        }

    def _texts(self, name: str) -> Iterator[list[str]]:
        """The turns of each dialogue; the lines of each source of another data set."""
        rows = self._rows(name)
        for record in records(rows):
            lines = record[0].source.split("\n")
            yield [*lines, *(row.references[0] for row in record)] if rows.is_dialogue else lines

    def _rows(self, name: str) -> RowSet:
        """The cleaned rows of a split, from local files alone."""
        folder, _, split = name.rpartition("/")
        task = self.tasks[folder]
        columns = {key: column for key, column in task.columns.items() if key != "id"}
        task = replace(task, hub=None, hub_config=None, hub_folder=None, columns=columns)
        return RowSet(self._cleaned(task, split), task.kind is TaskKind.dialogue)

    def _cleaned(self, task: TaskConfig, split: str) -> Iterator[Row]:
        cleaner, reader = Cleaner(CleaningConfig()), find_reader(task.reader)
        for record in iter_records(task, split, data_root=self.data_root):
            yield from filter(None, map(cleaner.clean, reader.read(record, task)))


def _keys(lines: Iterable[str]) -> list[str]:
    return [normalized_key(line) for line in lines]


def _num_in(texts: Iterable[Hashable], known: Set[Hashable]) -> int:
    return sum(text in known for text in texts)
