"""The prepare stage of one data set: raw splits to cleaned rows, with an audit of all that was
changed or dropped.

It continues what a killed attempt left in the folder. Rows are streamed; only their hashes are
kept, on disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mtnlg.artifacts.shards import GrowingFiles, last_commit, map_in_order
from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.contamination.audit import audit_splits
from mtnlg.contamination.repeats import num_repeats_on_disk
from mtnlg.corpus.alignment import Misalignment, find_misalignment
from mtnlg.corpus.row_shards import HASHES, LENGTHS, SplitCounts, clean_rows, row_shards
from mtnlg.corpus.sources.readers import Quarantine, check_columns, find_reader
from mtnlg.corpus.sources.sources import find_files, iter_records, split_sources
from mtnlg.errors import ArtifactError, DataError, InterruptedReadingError
from mtnlg.records.codec import decode, read_record, write_record
from mtnlg.records.files import JsonObject, read_json, write_json, write_jsonl
from mtnlg.records.places import TRAIN, rows_file
from mtnlg.records.rows import Row, read_rows

AUDIT_FILE = "audit.json"
QUARANTINE_FILE = "quarantine.jsonl"
PROGRESS_FOLDER = ".progress"
"""The progress of a preparation, with hashes and lengths of its rows; deleted at the end."""

OnProgress = Callable[[str, int], None]


def prepare_rows(
    task_name: str,
    task: TaskConfig,
    cleaning: CleaningConfig,
    *,
    data_root: Path | None,
    folder: Path,
    num_workers: int = 1,
    on_progress: OnProgress = lambda _, __: None,
) -> None:
    """Write <split>.jsonl for each of `split_sources`, audit.json and, where lines were unreadable,
    quarantine.jsonl. The number of processes changes no byte.

    `on_progress` gets a split and its rows kept so far, then the splits searched for contamination
    and their rows. Raises DataError where data is missing, broken or all dropped. It then empties
    the folder, as the error would come again; only where the hub failed, finished shards stay.
    """
    check_columns(task)
    find_files(task, data_root=data_root)
    progress = folder / PROGRESS_FOLDER
    progress.mkdir(exist_ok=True)
    audits: dict[str, JsonObject] = {}
    quarantined: list[JsonObject] = []
    try:
        for stem, split in split_sources(task).items():
            preparation = _SplitPreparation(task_name, stem, split, task, cleaning, folder)
            result = preparation.run(data_root, num_workers, on_progress)
            audits[stem] = result.audit
            quarantined += result.quarantined
    except DataError as error:
        can_continue = isinstance(error, InterruptedReadingError) and any(progress.glob("*.json"))
        if not can_continue:
            shutil.rmtree(progress)
            for path in folder.glob("*.jsonl"):
                path.unlink()
        raise
    overlaps = audit_splits(
        folder,
        list(audits),
        is_dialogue=task.kind is TaskKind.dialogue,
        num_workers=num_workers,
        on_progress=on_progress,
    )
    audits = {stem: audit | overlaps[stem] for stem, audit in audits.items()}
    if quarantined:
        write_jsonl(folder / QUARANTINE_FILE, quarantined)
    write_json(folder / AUDIT_FILE, {"task": f"{task.kind.value}/{task_name}", "splits": audits})
    shutil.rmtree(progress)


def read_audits(folder: Path) -> dict[str, Any]:
    """The audit of each split."""
    audits: Any = read_json(folder / AUDIT_FILE)
    return dict(audits["splits"])


@dataclass(frozen=True, slots=True)
class _Result:
    """<stem>.result.json, written when the split is complete."""

    audit: dict[str, Any]
    """The part of audit.json about this split alone; lengths are in characters."""
    quarantined: list[dict[str, Any]]
    """Unreadable lines, without the folder of their file, so that it changes no byte."""


@dataclass
class _SplitPreparation:
    """The preparation of one split, with its counts."""

    task_name: str
    stem: str
    split: str
    task: TaskConfig
    cleaning: CleaningConfig
    folder: Path
    counts: SplitCounts = field(default_factory=SplitCounts)
    quarantine: Quarantine = field(init=False)

    def __post_init__(self) -> None:
        self.quarantine = Quarantine(self.cleaning.max_bad_share)
        self.rows = self.folder / rows_file(self.stem)
        progress = self.folder / PROGRESS_FOLDER
        self.result = progress / f"{self.stem}.result.json"
        self.record = progress / f"{self.stem}.record.json"
        columns = (*HASHES, LENGTHS)
        self.columns = {name: progress / f"{self.stem}.{name}.column" for name in columns}

    def run(self, data_root: Path | None, num_workers: int, on_progress: OnProgress) -> _Result:
        """Write the rows, unless an earlier attempt did."""
        files = [self.rows, *self.columns.values()]
        if self.result.is_file() and last_commit(self.record, files):
            with suppress(ArtifactError):
                return read_record(self.result, _Result, is_sealed=True)
        self._write_rows(data_root, num_workers, on_progress)
        self._check()
        misalignment = self._misalignment()
        audit = {**self._audit(), "misaligned": misalignment and str(misalignment)}
        result = _Result(audit, self._quarantined())
        write_record(self.result, result, is_sealed=True)
        return result

    def _write_rows(
        self, data_root: Path | None, num_workers: int, on_progress: OnProgress
    ) -> None:
        with GrowingFiles(self.record, [self.rows, *self.columns.values()]) as growing:
            self.counts = decode(growing.state, SplitCounts)
            limit = self.task.max_train_rows if self.stem == TRAIN else None
            examples = islice(self._examples(data_root), self.counts.rows_in, limit)
            needs_source = self.task.kind is not TaskKind.language_modeling
            clean = partial(clean_rows, needs_source=needs_source)
            shards = map_in_order(
                clean, self.cleaning, row_shards(examples), num_workers=num_workers
            )
            for shard in shards:
                growing.append(self.rows, shard.lines)
                for name, path in self.columns.items():
                    growing.append(path, shard.columns[name])
                self.counts.add(shard.counts)
                growing.commit(asdict(self.counts))
                on_progress(self.stem, self.counts.rows_out)

    def _check(self) -> None:
        """Raise DataError where too many lines are unreadable, no row is left, or an id repeats."""
        self.quarantine.check()
        what = f"tasks.{self.task_name}: split {self.split}"
        if self.counts.rows_out == 0:
            reasons = ", ".join(
                f"{reason}: {count}" for reason, count in self.counts.dropped.items()
            )
            raise DataError(
                f"{what} has no row left of {self.counts.rows_in} "
                f"({reasons or 'no record gives an example'}); "
                "look at columns and cleaning.max_characters"
            )
        repeats = num_repeats_on_disk(self.columns["ids"])
        if repeats:
            raise DataError(
                f"{what}: the id {_first_repeated_id(self.rows)} is given to several rows "
                f"({repeats} repeats); leave columns.id out to number rows by line"
            )

    def _misalignment(self) -> Misalignment | None:
        """Raises DataError where targets fit other sources everywhere."""
        if self.task.kind not in (TaskKind.translation, TaskKind.summarization):
            return None  # the response of a dialogue is a part of the next source
        path = self.columns[LENGTHS]
        misalignment = find_misalignment(np.memmap(path, np.uint32, "r").reshape(-1, 2))
        if misalignment is not None and misalignment.is_everywhere:
            raise DataError(f"tasks.{self.task_name}: split {self.split}: {misalignment}")
        return misalignment

    def _audit(self) -> dict[str, Any]:
        counts = self.counts
        return {
            "records_in": self.quarantine.num_lines,
            "rows_in": counts.rows_in,
            "rows_out": counts.rows_out,
            "quarantined": len(self.quarantine.entries),
            "dropped": dict(sorted(counts.dropped.items())),
            "changed": dict(sorted(counts.changed.items())),
            "duplicates": {
                "pairs": num_repeats_on_disk(self.columns["rows"]),
                "sources": num_repeats_on_disk(self.columns["sources"]),
            },
            "references_per_row": {
                "min": counts.reference_counts.min,
                "max": counts.reference_counts.max,
            },
            "source_characters": {
                "mean": counts.source_lengths.mean,
                "max": counts.source_lengths.max,
            },
            "target_characters": {
                "mean": counts.target_lengths.mean,
                "max": counts.target_lengths.max,
            },
        }

    def _quarantined(self) -> list[dict[str, Any]]:
        return [
            {"split": self.stem, "location": Path(location).name, "reason": reason}
            for location, reason in self.quarantine.entries
        ]

    def _examples(self, data_root: Path | None) -> Iterator[Row]:
        reader = find_reader(self.task.reader)
        for record in iter_records(
            self.task, self.split, data_root=data_root, quarantine=self.quarantine
        ):
            try:
                examples = list(reader.read(record, self.task))
            except DataError as error:
                self.quarantine.reject(record.location, error)
                continue
            yield from examples


def _first_repeated_id(path: Path) -> str:
    seen: set[str] = set()
    for row in read_rows(path):
        if row.id in seen:
            return row.id
        seen.add(row.id)
    raise AssertionError(f"{path}: repeated ids were counted but none is there")
