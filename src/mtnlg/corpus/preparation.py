"""The prepare stage of one data set: raw splits in, cleaned rows and an audit of everything that
was changed or dropped out.

Refuses to know: keys and locks of artifacts; it fills the folder that it is given. Rows are
streamed: of a row only hashes stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.corpus.cleaning import Cleaner
from mtnlg.corpus.leak_audit import audit_splits
from mtnlg.corpus.readers import check_columns, find_reader
from mtnlg.corpus.repeats import RowHashes
from mtnlg.corpus.sources import Quarantine, find_files, iter_records, split_sources, task_splits
from mtnlg.errors import DataError
from mtnlg.records import JsonObject, Row, read_rows, write_json, write_jsonl

__all__ = ["AUDIT_FILE", "QUARANTINE_FILE", "prepare_rows", "task_splits"]

AUDIT_FILE = "audit.json"
QUARANTINE_FILE = "quarantine.jsonl"
PROGRESS_ROWS = 1000
"""Rows between two calls of `on_progress`."""

OnProgress = Callable[[str, int], None]


def prepare_rows(
    task_name: str,
    task: TaskConfig,
    cleaning: CleaningConfig,
    *,
    data_root: Path | None,
    folder: Path,
    on_progress: OnProgress | None = None,
) -> None:
    """Write <split>.jsonl for each of `task_splits`, audit.json and, where lines were unreadable,
    quarantine.jsonl.

    `on_progress` gets a split and the rows kept so far, and then what is looked through for leaks.
    Raises DataError where data is missing, broken or all dropped.
    """
    check_columns(task)
    find_files(task, data_root=data_root)
    audits: dict[str, JsonObject] = {}
    quarantined: list[JsonObject] = []
    for stem, split in split_sources(task).items():
        preparation = _SplitPreparation(stem, split, task, cleaning, data_root)
        path = folder / f"{stem}.jsonl"
        write_jsonl(path, (row.to_json() for row in preparation.rows(on_progress)))
        preparation.check(task_name, path)
        audits[stem] = preparation.audit()
        quarantined += preparation.quarantined()
    overlaps = audit_splits(
        folder,
        list(audits),
        is_dialogue=task.kind is TaskKind.dialogue,
        on_progress=on_progress or (lambda _, __: None),
    )
    audits = {stem: audit | overlaps[stem] for stem, audit in audits.items()}
    if quarantined:
        write_jsonl(folder / QUARANTINE_FILE, quarantined)
    write_json(folder / AUDIT_FILE, {"task": f"{task.kind.value}/{task_name}", "splits": audits})


class _SplitPreparation:
    """One split on its way through, with everything that is counted on it."""

    def __init__(
        self,
        stem: str,
        split: str,
        task: TaskConfig,
        cleaning: CleaningConfig,
        data_root: Path | None,
    ) -> None:
        self.stem = stem
        self.split = split
        self.task = task
        self.data_root = data_root
        needs_source = task.kind is not TaskKind.language_modelling
        self.cleaner = Cleaner(cleaning, needs_source=needs_source)
        self.quarantine = Quarantine(cleaning.max_bad_share)
        self.hashes = RowHashes()
        self.rows_out = 0
        self.source_lengths = _Lengths()
        self.target_lengths = _Lengths()
        self.reference_counts = _Lengths()

    def rows(self, on_progress: OnProgress | None) -> Iterator[Row]:
        """The cleaned rows, counted as they pass."""
        limit = self.task.max_train_rows if self.stem == "train" else None
        for raw in islice(self._examples(), limit):
            row = self.cleaner.clean(raw)
            if row is None:
                continue
            self._count(row)
            if on_progress is not None and self.rows_out % PROGRESS_ROWS == 0:
                on_progress(self.stem, self.rows_out)
            yield row
        if on_progress is not None:
            on_progress(self.stem, self.rows_out)

    def check(self, task_name: str, path: Path) -> None:
        """Raise DataError where too much was unreadable, no row is left, or an id is repeated."""
        self.quarantine.check()
        what = f"tasks.{task_name}: split {self.split}"
        if self.rows_out == 0:
            reasons = ", ".join(
                f"{reason}: {count}" for reason, count in self.cleaner.dropped.items()
            )
            raise DataError(
                f"{what} has no row left of {self.cleaner.rows_in} "
                f"({reasons or 'no record gives an example'}); "
                "look at columns and cleaning.max_characters"
            )
        if self.hashes.num_repeated_ids:
            raise DataError(
                f"{what}: the id {_first_repeated_id(path)} is given to several rows "
                f"({self.hashes.num_repeated_ids} repeats); "
                "leave columns.id out to number rows by line"
            )

    def audit(self) -> JsonObject:
        """What audit.json says of this split by itself; lengths in characters."""
        return {
            "records_in": self.quarantine.num_lines,
            "rows_in": self.cleaner.rows_in,
            "rows_out": self.rows_out,
            "quarantined": len(self.quarantine.entries),
            "dropped": dict(sorted(self.cleaner.dropped.items())),
            "changed": dict(sorted(self.cleaner.changed.items())),
            "duplicates": {
                "pairs": self.hashes.num_repeated_rows,
                "sources": self.hashes.num_repeated_sources,
            },
            "references_per_row": {
                "min": self.reference_counts.min,
                "max": self.reference_counts.max,
            },
            "source_characters": {"mean": self.source_lengths.mean, "max": self.source_lengths.max},
            "target_characters": {"mean": self.target_lengths.mean, "max": self.target_lengths.max},
        }

    def quarantined(self) -> list[JsonObject]:
        """The lines put aside, without the folder they came from: the artifact does not depend on
        it.
        """
        return [
            {"split": self.stem, "location": Path(location).name, "reason": reason}
            for location, reason in self.quarantine.entries
        ]

    def _examples(self) -> Iterator[Row]:
        reader = find_reader(self.task.reader)
        for record in iter_records(
            self.task, self.split, data_root=self.data_root, quarantine=self.quarantine
        ):
            try:
                examples = list(reader.read(record, self.task))
            except DataError as error:
                self.quarantine.reject(record.location, error)
                continue
            yield from examples

    def _count(self, row: Row) -> None:
        self.rows_out += 1
        self.hashes.add(row)
        self.source_lengths.add(len(row.source))
        self.reference_counts.add(len(row.references))
        for reference in row.references:
            self.target_lengths.add(len(reference))


class _Lengths:
    """Extremes and mean of a stream of lengths."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.min = 0
        self.max = 0

    def add(self, length: int) -> None:
        self.min = length if self.count == 0 else min(self.min, length)
        self.max = max(self.max, length)
        self.count += 1
        self.total += length

    @property
    def mean(self) -> float:
        """Rounded to one hundredth."""
        return round(self.total / self.count, 2) if self.count else 0.0


def _first_repeated_id(path: Path) -> str:
    seen: set[str] = set()
    for row in read_rows(path):
        if row.id in seen:
            return row.id
        seen.add(row.id)
    raise AssertionError(f"{path}: repeated ids were counted but none is there")
