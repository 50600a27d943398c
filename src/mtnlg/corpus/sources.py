"""Where raw records come from: local files first, then the Hugging Face hub, or the built-in
corpus; streamed, never held.

Refuses to know: the shape of a record. A local split is `<split>.jsonl` or parallel plain text
`<split>.<language>`, one file for each language of the task, each also as `.gz`. Lines end at a
line feed only, so that U+2028 inside a text splits nothing.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from mtnlg.artifacts import file_sha256
from mtnlg.config import TaskConfig
from mtnlg.corpus.readers import BUILTIN, Record
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.records import JsonObject, decode_line, open_bytes, read_json, write_json

BUILTIN_SIZES = {"train": 5000, "validation": 300, "test": 500}
BUILTIN_SEED = 1
BUILTIN_VERSION = 1
"""Goes up when the built-in corpus gives other rows."""

RESERVED_STEMS = ("quarantine",)
"""Files that preparation writes beside the splits."""
RECENT_NANOSECONDS = 2_000_000_000
"""A file changed this recently may change again within one tick of its time stamp: its sha256 is
not cached.
"""
LISTED_NAMES = 12


class Quarantine:
    """The unreadable lines of one split, and how many of them are borne."""

    def __init__(self, max_bad_share: float = 0.0) -> None:
        self.max_bad_share = max_bad_share
        self.num_lines = 0
        self.entries: list[tuple[str, str]] = []
        """Location and reason."""

    def reject(self, location: str, error: DataError) -> None:
        """Put a line aside; raises the error where none is borne."""
        if self.max_bad_share == 0:
            raise error
        self.entries.append((location, str(error).removeprefix(f"{location}: ")))

    def check(self) -> None:
        """Raise DataError if more lines were put aside than are borne."""
        if len(self.entries) > self.max_bad_share * self.num_lines:
            location, reason = self.entries[0]
            raise DataError(
                f"{location}: {reason}; and so on: {len(self.entries)} of {self.num_lines} lines "
                f"are unreadable, more than cleaning.max_bad_share={self.max_bad_share}; "
                "repair them or raise the share"
            )


def split_sources(task: TaskConfig) -> dict[str, str]:
    """File stem of each prepared split -> the split of the raw data; raises ConfigError where two
    share a stem.
    """
    named = [("train", task.train_split), ("validation", task.validation_split)]
    sources: dict[str, str] = {}
    for stem, split in [*named, *((one, one) for one in task.test_sets)]:
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
    """The files of each raw split: one, or two for parallel plain text. Empty where the hub or the
    built-in corpus is read.

    Raises DataError where a local folder lacks a split, or where there is neither folder nor hub.
    """
    if task.reader == BUILTIN:
        return {}
    folder = _local_folder(task, data_root)
    if folder is not None and folder.is_dir():
        return {split: _split_files(folder, split, task) for split in split_sources(task).values()}
    if task.hub is None:
        raise DataError(
            f"no raw data: {_describe_folder(task, data_root)}; no hub data set "
            f"(tasks.*.hub is not set); {_remedy(task)}"
        )
    return {}


def iter_records(
    task: TaskConfig, split: str, *, data_root: Path | None, quarantine: Quarantine | None = None
) -> Iterator[Record]:
    """The raw records of one split, in order; unreadable lines raise DataError or go into the
    quarantine.
    """
    quarantine = quarantine or Quarantine()
    if task.reader == BUILTIN:
        records = _builtin_records(task, split, quarantine)
    else:
        files = find_files(task, data_root=data_root).get(split)
        if files is None:
            records = _hub_records(task, split, data_root, quarantine)
        elif len(files) == 1:
            records = _json_records(files[0], split, quarantine)
        else:
            records = _text_records(files, split, task, quarantine)
    yield from records


def source_fingerprint(
    task: TaskConfig, data_root: Path | None, *, cache: Path | None = None
) -> JsonObject:
    """What identifies the raw data: sha256 of each file by split and name, or the hub's revision,
    or the built-in version.

    `cache` is a JSON file that remembers a sha256 as long as a file's path, size and time stay the
    same.
    """
    if task.reader == BUILTIN:
        return {"builtin": BUILTIN_VERSION, "kind": task.kind.value, "seed": BUILTIN_SEED}
    files = find_files(task, data_root=data_root)
    if not files:
        return {"hub": task.hub, "config": task.hub_config, "revision": task.revision}
    known = _read_cache(cache)
    before = json.dumps(known)
    hashes: JsonObject = {
        split: {path.name: _cached_sha256(path, known) for path in paths}
        for split, paths in files.items()
    }
    if cache is not None and json.dumps(known) != before:
        write_json(cache, {"files": known})
    return {"files": hashes}


def _local_folder(task: TaskConfig, data_root: Path | None) -> Path | None:
    """Where the local copy would be; None where none is set. A missing data_root is an error."""
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


def _describe_folder(task: TaskConfig, data_root: Path | None) -> str:
    folder = _local_folder(task, data_root)
    if folder is not None:
        return f"no folder {folder}"
    if task.folder is None:
        return "no local folder (tasks.*.folder is not set)"
    return f"no local folder {task.folder} (data_root is not set)"


def _remedy(task: TaskConfig) -> str:
    layout = f"<split>.jsonl or <split>.{task.source_language} + <split>.{task.output_language}"
    if task.folder is not None and Path(task.folder).is_absolute():
        return f"put {layout} into {task.folder}"
    return f"put {layout} into <data_root>/{task.folder or '<tasks.*.folder>'} and set data_root"


def _split_files(folder: Path, split: str, task: TaskConfig) -> list[Path]:
    candidates = [[f"{split}.jsonl"], [f"{split}.jsonl.gz"]]
    if task.output_language != task.source_language:
        languages = (task.source_language, task.output_language)
        candidates += [
            [f"{split}.{language}{end}" for language in languages] for end in ("", ".gz")
        ]
    for names in candidates:
        if all((folder / name).is_file() for name in names):
            return [folder / name for name in names]
    there = sorted(path.name for path in folder.iterdir() if path.is_file())[:LISTED_NAMES]
    looked_for = ", ".join(" + ".join(names) for names in candidates)
    raise DataError(
        f"{folder}: no file for split {split}; looked for {looked_for}; "
        f"the folder has: {', '.join(there) or 'nothing'}; "
        "add the file, or take the split out of train_split, validation_split or test_sets"
    )


def _numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines by number from 1; raises DataError where the file is empty or cannot be unpacked."""
    number = 0
    try:
        with open_bytes(path) as stream:
            for number, raw in enumerate(stream, start=1):
                yield number, raw
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}:{number + 1}: cannot be read ({error}); copy the file again"
        ) from None
    if number == 0:
        raise DataError(f"{path}: the file is empty; give it at least one record")


def _json_records(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    num_records = 0
    for number, raw in _numbered_lines(path):
        if not raw.strip():
            continue
        num_records += 1
        quarantine.num_lines += 1
        location = f"{path}:{number}"
        try:
            fields = _parse(decode_line(raw, path=path, number=number), location)
        except DataError as error:
            quarantine.reject(location, error)
            continue
        yield Record(location, f"{split}-{number - 1}", fields)
    if num_records == 0:
        raise DataError(f"{path}: only blank lines; give it at least one record")


def _parse(line: str, location: str) -> JsonObject:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{location}: not valid JSON ({error}); repair or remove the line"
        ) from None
    if not isinstance(fields, dict):
        raise DataError(f"{location}: expected a JSON object, found {type(fields).__name__}")
    return fields


def _text_records(
    paths: list[Path], split: str, task: TaskConfig, quarantine: Quarantine
) -> Iterator[Record]:
    """Pairs of lines as records with a column for each language; counted first, lest they shift."""
    counts = [sum(1 for _ in _numbered_lines(path)) for path in paths]
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]} lines and {paths[1]} has {counts[1]}: "
            "parallel files need as many; find the line where they part"
        )
    languages = (task.source_language, task.output_language)
    for lines in zip(*map(_numbered_lines, paths), strict=True):
        quarantine.num_lines += 1
        number = lines[0][0]
        texts: JsonObject = {}
        for path, language, (_, raw) in zip(paths, languages, lines, strict=True):
            try:
                texts[language] = decode_line(raw, path=path, number=number)
            except DataError as error:
                quarantine.reject(f"{path}:{number}", error)
                break
        else:
            yield Record(f"{paths[0]}:{number}", f"{split}-{number - 1}", texts)


def _hub_records(
    task: TaskConfig, split: str, data_root: Path | None, quarantine: Quarantine
) -> Iterator[Record]:
    """Records of a hub data set; any failure is one error that names both places looked in."""
    place = f"{task.hub}@{task.revision}"
    try:
        from datasets import load_dataset  # takes a second and most runs read local files

        data = load_dataset(task.hub, name=task.hub_config, revision=task.revision, split=split)
    except Exception as error:
        cause = (str(error).strip().splitlines() or [""])[0][:300]
        raise DataError(
            f"split {split}: {_describe_folder(task, data_root)}; hub data set {place} cannot be "
            f"read ({type(error).__name__}: {cause}); {_remedy(task)}, or choose splits that the "
            "hub has and allow the network"
        ) from error
    number = -1
    for number, fields in enumerate(data):
        quarantine.num_lines += 1
        yield Record(f"{place}/{split}:{number + 1}", f"{split}-{number}", dict(fields))
    if number < 0:
        raise DataError(f"{place}: split {split} is empty")


def _builtin_records(task: TaskConfig, split: str, quarantine: Quarantine) -> Iterator[Record]:
    from mtnlg.corpus.synthetic import generate_rows  # its word lists are needed by nobody else

    if split not in BUILTIN_SIZES:
        raise DataError(
            f"the built-in corpus has no split {split}; known: {', '.join(BUILTIN_SIZES)}"
        )
    rows = generate_rows(task.kind.value, split, num_rows=BUILTIN_SIZES[split], seed=BUILTIN_SEED)
    for number, row in enumerate(rows, start=1):
        quarantine.num_lines += 1
        yield Record(f"builtin/{task.kind.value}/{split}:{number}", row.id, row.to_json())


def _read_cache(cache: Path | None) -> JsonObject:
    """Known hashes by path; a cache that is missing or broken costs time, nothing else."""
    if cache is None or not cache.is_file():
        return {}
    try:
        files = read_json(cache).get("files")
    except ArtifactError:
        return {}
    return files if isinstance(files, dict) else {}


def _cached_sha256(path: Path, known: JsonObject) -> str:
    """The sha256 of a file; `known` is read, and updated where the file is new or has changed."""
    status = path.stat()
    stamp = f"{status.st_size}:{status.st_mtime_ns}"
    entry = known.get(str(path.resolve()))
    if isinstance(entry, dict) and entry.get("stamp") == stamp:
        return str(entry["sha256"])
    sha256 = file_sha256(path)
    if time.time_ns() - status.st_mtime_ns > RECENT_NANOSECONDS:
        known[str(path.resolve())] = {"stamp": stamp, "sha256": sha256}
    return sha256
