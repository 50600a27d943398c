"""The local files of a data set, and their sha256.

They are in one folder, with a file for each split, `<split>.<ending>` with an ending of
formats.FORMATS, or two of parallel plain text: `<split>.<language>` for each of the two languages.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.formats import FORMATS, PACKED_ENDING, WHOLE_FORMATS
from mtnlg.errors import ArtifactError, DataError
from mtnlg.records.files import JsonObject, read_json, write_json

LISTED_NAMES = 12
"""Most names of files in a message."""
RECENT_NANOSECONDS = 2_000_000_000
"""The sha256 of a file that changed this recently is not cached: it may change again within one
tick of its time stamp."""


def local_folder(task: TaskConfig, data_root: Path | None) -> Path | None:
    """The folder of the local copy, which need not exist; None where none is set. Raises DataError
    where data_root does not exist.
    """
    if task.folder is None:
        return None
    if Path(task.folder).is_absolute():
        return Path(task.folder)
    if data_root is None:
        return None
    if not data_root.is_dir():
        raise DataError(
            f"data_root={data_root}: no such folder; give the folder that holds {task.folder}"
        )
    return data_root / task.folder


def describe_folder(task: TaskConfig, data_root: Path | None) -> str:
    """The start of an error message that says why there is no local copy."""
    folder = local_folder(task, data_root)
    if folder is not None:
        return f"no folder {folder}"
    if task.folder is None:
        return "no local folder (tasks.*.folder is not set)"
    return f"no local folder {task.folder} (data_root is not set)"


def remedy(task: TaskConfig) -> str:
    """How to make a local copy, for error messages."""
    single = ", ".join(f".{ending}" for ending in FORMATS if ending != "jsonl")
    layout = f"<split>.jsonl (or {single})"
    if task.output_language != task.source_language:
        layout += f" or <split>.{task.source_language} + <split>.{task.output_language}"
    if task.folder is not None and Path(task.folder).is_absolute():
        return f"put {layout} into {task.folder}"
    return f"put {layout} into <data_root>/{task.folder or '<tasks.*.folder>'} and set data_root"


def split_files(folder: Path, split: str, task: TaskConfig) -> list[Path]:
    """The file of a split, or the two of parallel text; raises DataError for none or a choice."""
    candidates = [[name] for name in _single_names(split)]
    if task.output_language != task.source_language:
        languages = (task.source_language, task.output_language)
        candidates += [
            [f"{split}.{language}{end}" for language in languages] for end in ("", PACKED_ENDING)
        ]
    matches = [names for names in candidates if all((folder / name).is_file() for name in names)]
    if len(matches) == 1:
        return [folder / name for name in matches[0]]
    if matches:
        choices = ", ".join(" + ".join(names) for names in matches)
        raise DataError(
            f"{folder}: several files for split {split}: {choices}; leave one of them there"
        )
    present = sorted(path.name for path in folder.iterdir() if path.is_file())[:LISTED_NAMES]
    expected = ", ".join(" + ".join(names) for names in candidates)
    raise DataError(
        f"{folder}: no file for split {split}; looked for {expected}; "
        f"the folder has: {', '.join(present) or 'nothing'}; "
        "add the file, or take the split out of train_split, validation_split or test_sets"
    )


def file_hashes(files: Mapping[str, Sequence[Path]], *, cache: Path | None) -> JsonObject:
    """The sha256 of each file, by split and name.

    `cache` is a JSON file with the sha256 of files whose path, size and time have not changed.
    """
    known = _read_cache(cache)
    before = json.dumps(known)
    hashes: JsonObject = {
        split: {path.name: _cached_sha256(path, known) for path in paths}
        for split, paths in files.items()
    }
    if cache is not None and json.dumps(known) != before:
        write_json(cache, {"files": known}, is_sealed=True)
    return hashes


def _single_names(split: str) -> list[str]:
    return [
        f"{split}.{ending}{packed}"
        for ending in FORMATS
        for packed in ("", PACKED_ENDING)
        if not (packed and ending in WHOLE_FORMATS)
    ]


def _read_cache(cache: Path | None) -> JsonObject:
    """Known hashes by path; none where the cache is missing or broken."""
    if cache is None or not cache.is_file():
        return {}
    try:
        files = read_json(cache, is_sealed=True).get("files")
    except ArtifactError:
        return {}
    return files if isinstance(files, dict) else {}


def _cached_sha256(path: Path, known: JsonObject) -> str:
    """The sha256 of a file, from `known` where it is unchanged; else added to `known`."""
    status = path.stat()
    stamp = f"{status.st_size}:{status.st_mtime_ns}"
    entry = known.get(str(path.resolve()))
    if isinstance(entry, dict) and entry.get("stamp") == stamp:
        return str(entry["sha256"])
    sha256 = file_sha256(path)
    if time.time_ns() - status.st_mtime_ns > RECENT_NANOSECONDS:
        known[str(path.resolve())] = {"stamp": stamp, "sha256": sha256}
    return sha256
