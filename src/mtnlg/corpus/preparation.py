"""The prepare stage of one data set: raw splits in, cleaned rows and an audit of everything that
was changed or dropped out.

Refuses to know: keys and locks of artifacts; it fills the folder that it is given, and goes on with
what a killed attempt left there. Rows are streamed: of a row only hashes stay, on the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from mtnlg.artifacts.shards import GrowingFiles, map_in_order
from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.contamination.audit import audit_splits
from mtnlg.contamination.repeats import num_repeats_on_disk
from mtnlg.corpus.counts import SplitCounts
from mtnlg.corpus.row_shards import COLUMNS, clean_rows, row_shards
from mtnlg.corpus.sources.quarantine import Quarantine
from mtnlg.corpus.sources.readers import check_columns, find_reader
from mtnlg.corpus.sources.sources import find_files, iter_records, split_sources, task_splits
from mtnlg.errors import DataError, InterruptedReadingError
from mtnlg.records.files import JsonObject, JsonValue, read_json, write_json, write_jsonl
from mtnlg.records.rows import Row, read_rows

__all__ = ["AUDIT_FILE", "QUARANTINE_FILE", "prepare_rows", "task_splits"]

AUDIT_FILE = "audit.json"
QUARANTINE_FILE = "quarantine.jsonl"
PROGRESS_FOLDER = ".progress"
"""How far a preparation is, and its hashes; gone when it is whole."""

OnProgress = Callable[[str, int], None]


def prepare_rows(
    task_name: str,
    task: TaskConfig,
    cleaning: CleaningConfig,
    *,
    data_root: Path | None,
    folder: Path,
    num_workers: int = 1,
    on_progress: OnProgress | None = None,
) -> None:
    """Write <split>.jsonl for each of `task_splits`, audit.json and, where lines were unreadable,
    quarantine.jsonl. The number of processes changes no byte.

    `on_progress` gets a split and the rows kept so far, and then rows searched for contamination.
    Raises DataError where data is missing, broken or all dropped: then nothing stays, since it
    would be so again; but where the hub failed, the shards that were finished do.
    """
    check_columns(task)
    find_files(task, data_root=data_root)
    progress = folder / PROGRESS_FOLDER
    progress.mkdir(exist_ok=True)
    audits: dict[str, JsonObject] = {}
    quarantined: list[JsonObject] = []
    try:
        for stem, split in split_sources(task).items():
            place = _Place(folder / f"{stem}.jsonl", progress)
            preparation = _SplitPreparation(stem, split, task, cleaning, data_root, place)
            preparation.make(task_name, num_workers, on_progress)
            result = read_json(place.result)
            [audits[stem]] = _objects([result["audit"]])
            quarantined += _objects(result["quarantined"])
    except DataError as error:
        can_go_on = isinstance(error, InterruptedReadingError) and any(progress.glob("*.json"))
        if not can_go_on:
            shutil.rmtree(progress)
            for path in folder.glob("*.jsonl"):
                path.unlink()
        raise
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
    shutil.rmtree(progress)


@dataclass(frozen=True, slots=True)
class _Place:
    """The files of one split, and those that are there only while it is made."""

    rows: Path
    progress: Path

    @property
    def result(self) -> Path:
        """Audit and quarantine: there once the split is whole."""
        return self.progress / f"{self.rows.stem}.result.json"

    @property
    def record(self) -> Path:
        """How far its rows are."""
        return self.progress / f"{self.rows.stem}.record.json"

    def column(self, name: str) -> Path:
        """One column of the rows' hashes."""
        return self.progress / f"{self.rows.stem}.{name}.hashes"


class _SplitPreparation:
    """One split on its way through, with everything that is counted on it."""

    def __init__(
        self,
        stem: str,
        split: str,
        task: TaskConfig,
        cleaning: CleaningConfig,
        data_root: Path | None,
        place: _Place,
    ) -> None:
        self.stem = stem
        self.split = split
        self.task = task
        self.cleaning = cleaning
        self.data_root = data_root
        self.place = place
        self.quarantine = Quarantine(cleaning.max_bad_share)
        self.counts = SplitCounts()

    def make(self, task_name: str, num_workers: int, on_progress: OnProgress | None) -> None:
        """Write the rows and the result, unless an earlier attempt did."""
        if self.place.result.is_file():
            return
        columns = {name: self.place.column(name) for name in COLUMNS}
        with GrowingFiles(self.place.record, [self.place.rows, *columns.values()]) as files:
            self.counts = SplitCounts.from_json(files.state)
            limit = self.task.max_train_rows if self.stem == "train" else None
            examples = islice(self._examples(), self.counts.rows_in, limit)
            needs_source = self.task.kind is not TaskKind.language_modeling
            clean = partial(clean_rows, needs_source=needs_source)
            shards = map_in_order(
                clean, self.cleaning, row_shards(examples), num_workers=num_workers
            )
            for shard in shards:
                files.append(self.place.rows, shard.lines)
                for name, path in columns.items():
                    files.append(path, shard.columns[name])
                self.counts.add(shard.counts)
                files.commit(self.counts.to_json())
                if on_progress is not None:
                    on_progress(self.stem, self.counts.rows_out)
        self._check(task_name)
        result: JsonObject = {"audit": self._audit(), "quarantined": self._quarantined()}
        write_json(self.place.result, result)

    def _check(self, task_name: str) -> None:
        """Raise DataError where too much was unreadable, no row is left, or an id is repeated."""
        self.quarantine.check()
        what = f"tasks.{task_name}: split {self.split}"
        if self.counts.rows_out == 0:
            reasons = ", ".join(
                f"{reason}: {count}" for reason, count in self.counts.dropped.items()
            )
            raise DataError(
                f"{what} has no row left of {self.counts.rows_in} "
                f"({reasons or 'no record gives an example'}); "
                "look at columns and cleaning.max_characters"
            )
        repeats = num_repeats_on_disk(self.place.column("ids"))
        if repeats:
            raise DataError(
                f"{what}: the id {_first_repeated_id(self.place.rows)} is given to several rows "
                f"({repeats} repeats); leave columns.id out to number rows by line"
            )

    def _audit(self) -> JsonObject:
        """What audit.json says of this split by itself; lengths in characters."""
        counts = self.counts
        return {
            "records_in": self.quarantine.num_lines,
            "rows_in": counts.rows_in,
            "rows_out": counts.rows_out,
            "quarantined": len(self.quarantine.entries),
            "dropped": dict(sorted(counts.dropped.items())),
            "changed": dict(sorted(counts.changed.items())),
            "duplicates": {
                "pairs": num_repeats_on_disk(self.place.column("rows")),
                "sources": num_repeats_on_disk(self.place.column("sources")),
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

    def _quarantined(self) -> list[JsonValue]:
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


def _objects(value: JsonValue) -> list[JsonObject]:
    assert isinstance(value, list), f"{value!r} is no list"
    return [one for one in value if isinstance(one, dict)]


def _first_repeated_id(path: Path) -> str:
    seen: set[str] = set()
    for row in read_rows(path):
        if row.id in seen:
            return row.id
        seen.add(row.id)
    raise AssertionError(f"{path}: repeated ids were counted but none is there")
