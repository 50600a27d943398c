"""Records of a Hugging Face data set, downloaded or streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.files import describe_folder, remedy
from mtnlg.corpus.sources.readers import Quarantine, Record
from mtnlg.errors import DataError, InterruptedReadingError
from mtnlg.records.files import JsonObject


def hub_records(
    task: TaskConfig, split: str, data_root: Path | None, quarantine: Quarantine
) -> Iterator[Record]:
    """Records of a hub data set; a streamed one is read only as far as records are taken.

    A failure raises an error that names both the hub data set and the missing local folder.
    """
    name = f"{task.hub}@{task.revision}"
    try:
        from datasets import load_dataset  # takes a second and most runs read local files

        records = iter(load_dataset(task.hub, **_arguments(task, split)))
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


def hub_identity(task: TaskConfig) -> JsonObject:
    """Everything that can change the raw data of a hub data set."""
    identity: JsonObject = {
        "hub": task.hub,
        "config": task.hub_config,
        "revision": task.revision,
    }
    return identity if task.hub_folder is None else {**identity, "folder": task.hub_folder}


def _arguments(task: TaskConfig, split: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "name": task.hub_config,
        "revision": task.revision,
        "split": split,
    }
    if task.hub_folder is not None:
        arguments["data_dir"] = task.hub_folder
    if task.streaming:
        arguments["streaming"] = True
    return arguments


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
