"""The sources of raw records: local files first, then the Hugging Face hub, or the built-in corpus.

Records are streamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.files import (
    describe_folder,
    file_hashes,
    local_folder,
    remedy,
    split_files,
)
from mtnlg.corpus.sources.formats import parallel_records, read_file
from mtnlg.corpus.sources.readers import BUILTIN, CONVERSATION, Quarantine, Record, group_turns
from mtnlg.errors import ConfigError, DataError, InterruptedReadingError
from mtnlg.records.files import JsonObject

BUILTIN_SIZES = {"train": 5000, "validation": 300, "test": 500}
BUILTIN_SEED = 1
BUILTIN_VERSION = 1
"""Raised whenever the rows of the built-in corpus change."""

RESERVED_STEMS = ("quarantine",)
"""Names of files that preparation writes beside the splits."""


def split_sources(task: TaskConfig) -> dict[str, str]:
    """File stem of each prepared split -> the split of the raw data, the training split first;
    raises ConfigError where two share a stem.
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


def find_files(task: TaskConfig, *, data_root: Path | None) -> dict[str, list[Path]]:
    """The files of each raw split: one, or two for parallel plain text; empty for the hub and the
    built-in corpus. Raises DataError where a split is missing or has several sources.
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
        return _hub_records(task, split, data_root, quarantine)
    if len(files) == 1:
        return read_file(files[0], split, quarantine)
    return parallel_records(files, split, task, quarantine)


def source_fingerprint(
    task: TaskConfig, data_root: Path | None, *, cache: Path | None = None
) -> JsonObject:
    """Everything that can change the raw data: the sha256 of each local file, which `cache` keeps,
    or the revision of the hub data set, or the version of the built-in corpus.
    """
    if task.reader == BUILTIN:
        return {"builtin": BUILTIN_VERSION, "kind": task.kind.value, "seed": BUILTIN_SEED}
    if files := find_files(task, data_root=data_root):
        return {"files": file_hashes(files, cache=cache)}
    identity: JsonObject = {"hub": task.hub, "config": task.hub_config, "revision": task.revision}
    return identity if task.hub_folder is None else {**identity, "folder": task.hub_folder}


def _builtin_records(task: TaskConfig, split: str, quarantine: Quarantine) -> Iterator[Record]:
    from mtnlg.corpus.builtin.corpus import generate_rows  # only the built-in corpus needs words

    if split not in BUILTIN_SIZES:
        raise DataError(
            f"the built-in corpus has no split {split}; known: {', '.join(BUILTIN_SIZES)}"
        )
    num_rows = BUILTIN_SIZES[split]
    if split == "train" and task.max_train_rows is not None:
        num_rows = max(num_rows, task.max_train_rows)
    rows = generate_rows(task.kind.value, split, num_rows=num_rows, seed=BUILTIN_SEED)
    for number, row in enumerate(rows, start=1):
        quarantine.num_lines += 1
        yield Record(f"builtin/{task.kind.value}/{split}:{number}", row.id, row.to_json())


def _hub_records(
    task: TaskConfig, split: str, data_root: Path | None, quarantine: Quarantine
) -> Iterator[Record]:
    """Records of a hub data set; a streamed one is read only as far as records are taken."""
    name = f"{task.hub}@{task.revision}"
    arguments: dict[str, Any] = {
        "name": task.hub_config,
        "revision": task.revision,
        "split": split,
        **({} if task.hub_folder is None else {"data_dir": task.hub_folder}),
        **({"streaming": True} if task.streaming else {}),
    }
    try:
        from datasets import load_dataset  # takes a second and most runs read local files

        records = iter(load_dataset(task.hub, **arguments))
    except Exception as error:
        raise InterruptedReadingError(
            f"split {split}: {describe_folder(task, data_root)}; hub data set {name} cannot be "
            f"read ({_cause(error)}); {remedy(task)}, or choose splits that the "
            "hub has and allow the network"
        ) from error
    number = 0
    while (fields := _next(records, f"{name}/{split}:{number + 1}")) is not None:
        number += 1
        quarantine.num_lines += 1
        yield Record(f"{name}/{split}:{number}", f"{split}-{number - 1}", fields)
    if number == 0:
        raise DataError(f"{name}: split {split} is empty")


def _next(records: Iterator[Any], location: str) -> JsonObject | None:
    """The next record, or None at the end; the network can fail at every record of a stream."""
    try:
        return dict(next(records))
    except StopIteration:
        return None
    except Exception as error:
        raise InterruptedReadingError(
            f"{location}: cannot be read ({_cause(error)}); run the same command again"
        ) from error


def _cause(error: Exception) -> str:
    first_line = (str(error).strip().splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: {first_line}"
