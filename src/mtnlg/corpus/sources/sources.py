"""The sources of raw records: local files first, then the Hugging Face hub, or the built-in corpus.

Records are streamed. A local split is `<split>.<ending>`, with an ending of formats.FORMATS, or
parallel plain text: `<split>.<language>` for each of the two languages.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.conversations import CONVERSATION, group_turns
from mtnlg.corpus.sources.files import describe_folder, local_folder, remedy, split_files
from mtnlg.corpus.sources.formats import parallel_records, read_file
from mtnlg.corpus.sources.hub import hub_identity, hub_records
from mtnlg.corpus.sources.readers import BUILTIN, Quarantine, Record
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.records.files import JsonObject, read_json, write_json

__all__ = [
    "Quarantine",
    "find_files",
    "iter_records",
    "source_fingerprint",
    "split_sources",
    "task_splits",
]

BUILTIN_SIZES = {"train": 5000, "validation": 300, "test": 500}
BUILTIN_SEED = 1
BUILTIN_VERSION = 1
"""Raised whenever the rows of the built-in corpus change."""

RESERVED_STEMS = ("quarantine",)
"""Names of files that preparation writes beside the splits."""
RECENT_NANOSECONDS = 2_000_000_000
"""The sha256 of a file that changed this recently is not cached: the file may change again within
one tick of its time stamp."""


def split_sources(task: TaskConfig) -> dict[str, str]:
    """File stem of each prepared split -> the split of the raw data; raises ConfigError where two
    share a stem.
    """
    named = [("train", task.train_split), ("validation", task.validation_split)]
    sources: dict[str, str] = {}
    for stem, split in [*named, *((name, name) for name in task.test_sets)]:
        if split is None:
            continue
        if sources.setdefault(stem, split) != split or stem in RESERVED_STEMS:
            raise ConfigError(
                f"tasks.*.test_sets={task.test_sets}: {stem} would name two files of the prepared "
                "data; rename that split"
            )
    return sources


def task_splits(task: TaskConfig) -> list[str]:
    """File stems of the prepared splits, the training split first."""
    return list(split_sources(task))


def find_files(task: TaskConfig, *, data_root: Path | None) -> dict[str, list[Path]]:
    """The files of each raw split: one, or two for parallel plain text; empty for the hub and the
    built-in corpus.

    Raises DataError where a local folder lacks a split or has it twice, and where there is neither
    folder nor hub data set.
    """
    if task.reader == BUILTIN:
        return {}
    folder = local_folder(task, data_root)
    if folder is not None and folder.is_dir():
        return {split: split_files(folder, split, task) for split in split_sources(task).values()}
    if task.hub is None:
        raise DataError(
            f"no raw data: {describe_folder(task, data_root)}; no hub data set "
            f"(tasks.*.hub is not set); {remedy(task)}"
        )
    return {}


def iter_records(
    task: TaskConfig, split: str, *, data_root: Path | None, quarantine: Quarantine | None = None
) -> Iterator[Record]:
    """The raw records of one split, in order; unreadable lines go into the quarantine, or raise
    DataError without one.
    """
    quarantine = quarantine or Quarantine()
    records = _ungrouped_records(task, split, data_root, quarantine)
    if CONVERSATION in task.columns:
        records = group_turns(records, task, quarantine)
    yield from records


def _ungrouped_records(
    task: TaskConfig, split: str, data_root: Path | None, quarantine: Quarantine
) -> Iterator[Record]:
    if task.reader == BUILTIN:
        return _builtin_records(task, split, quarantine)
    files = find_files(task, data_root=data_root).get(split)
    if files is None:
        return hub_records(task, split, data_root, quarantine)
    if len(files) == 1:
        return read_file(files[0], split, quarantine)
    return parallel_records(files, split, task, quarantine)


def source_fingerprint(
    task: TaskConfig, data_root: Path | None, *, cache: Path | None = None
) -> JsonObject:
    """What identifies the raw data: the sha256 of each file by split and name, or the revision of
    the hub data set, or the built-in version.

    `cache` is a JSON file with the sha256 of files whose path, size and time have not changed.
    """
    if task.reader == BUILTIN:
        return {"builtin": BUILTIN_VERSION, "kind": task.kind.value, "seed": BUILTIN_SEED}
    files = find_files(task, data_root=data_root)
    if not files:
        return hub_identity(task)
    known = _read_cache(cache)
    before = json.dumps(known)
    hashes: JsonObject = {
        split: {path.name: _cached_sha256(path, known) for path in paths}
        for split, paths in files.items()
    }
    if cache is not None and json.dumps(known) != before:
        write_json(cache, {"files": known})
    return {"files": hashes}


def _builtin_records(task: TaskConfig, split: str, quarantine: Quarantine) -> Iterator[Record]:
    from mtnlg.corpus.builtin.corpus import generate_rows  # only the built-in corpus needs words

    if split not in BUILTIN_SIZES:
        raise DataError(
            f"the built-in corpus has no split {split}; known: {', '.join(BUILTIN_SIZES)}"
        )
    rows = generate_rows(task.kind.value, split, num_rows=BUILTIN_SIZES[split], seed=BUILTIN_SEED)
    for number, row in enumerate(rows, start=1):
        quarantine.num_lines += 1
        yield Record(f"builtin/{task.kind.value}/{split}:{number}", row.id, row.to_json())


def _read_cache(cache: Path | None) -> JsonObject:
    """Known hashes by path; none where the cache is missing or broken."""
    if cache is None or not cache.is_file():
        return {}
    try:
        files = read_json(cache).get("files")
    except ArtifactError:
        return {}
    return files if isinstance(files, dict) else {}


def _cached_sha256(path: Path, known: JsonObject) -> str:
    """The sha256 of a file, from `known` where the file is unchanged; else `known` is updated."""
    status = path.stat()
    stamp = f"{status.st_size}:{status.st_mtime_ns}"
    entry = known.get(str(path.resolve()))
    if isinstance(entry, dict) and entry.get("stamp") == stamp:
        return str(entry["sha256"])
    sha256 = file_sha256(path)
    if time.time_ns() - status.st_mtime_ns > RECENT_NANOSECONDS:
        known[str(path.resolve())] = {"stamp": stamp, "sha256": sha256}
    return sha256
