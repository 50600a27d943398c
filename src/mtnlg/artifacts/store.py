"""Folders built once, whole or not at all, under a key of everything that can change their files.

An artifact is `<root>/<stage>/<key>/` with an `artifact.json`: the inputs behind the key, and the
size and sha256 of each file. One process at a time builds it as `<key>.partial`, syncs and renames.
Its files are hashed before they are used, unless they are as they were when last hashed; a damaged
folder is set aside and built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtnlg.artifacts.source import Code
from mtnlg.errors import ArtifactError, DamagedError, NewerVersionError
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.files import JsonObject, JsonValue, disk_faults, read_json, write_json
from mtnlg.records.places import artifact_folder, damaged_path, verified_file

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy, FileLock

logger = logging.getLogger(__name__)

STAGE_VERSIONS = {
    "pretrained": 1,
    "rows": 4,
    "contamination": 2,
    "tokenizer": 2,
    "targets": 1,
    "tokens": 1,
    "model": 1,
    "predictions": 2,
    "scores": 3,
}
"""Raised by one when a stage gives other files for the same inputs, which a golden test notices."""
MANY = ("predictions", "scores")
"""Stages with a folder for each system and test set, which only the log of a run lists."""
RECORD_FILE = "artifact.json"
PARTIAL_SUFFIX = ".partial"
KEY_LENGTH = 16
"""Hexadecimal digits of a key: 64 bits."""
RECENT_NANOSECONDS = 100_000_000
"""A file that changed this recently is hashed again next time: it may change once more within one
tick of its time stamp."""
VERIFY_SINCE = "MTNLG_VERIFY_SINCE"
"""The environment variable that tells this process and its children to hash each file again that
was last hashed before this time, in nanoseconds."""


_SEEN: ContextVar[dict[Path, ArtifactRecord] | None] = ContextVar("seen", default=None)
"""While nothing may be built: the folders that were found whole, each with its record."""


class MissingError(ArtifactError):
    """An artifact that is not there while nothing may be built."""


@contextmanager
def nothing_built() -> Iterator[None]:
    """Raise MissingError, while the block runs, for what would be built; each folder is looked at
    once, also by a block within this one.
    """
    seen = _SEEN.get()
    token = _SEEN.set({} if seen is None else seen)
    try:
        yield
    finally:
        _SEEN.reset(token)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A complete folder."""

    stage: str
    key: str
    folder: Path
    is_new: bool
    """Built by this call, not cached."""

    def content(self, *, without: tuple[str, ...] = ()) -> str:
        """One hash of the files and their names: equal files are equal inputs of the next stage."""
        files = artifact_record(self.folder).files.items()
        return artifact_key(
            self.stage, {name: file.sha256 for name, file in files if name not in without}
        )


def make_folder(
    artifacts_root: str | Path,
    stage: str,
    inputs: JsonObject,
    build: Callable[[Path], None],
    *,
    code: Code | None = None,
    is_resumable: bool = False,
) -> Artifact:
    """The artifact that this code makes of these inputs; logs whether it was built or cached.
    Without code, the inputs must say what the files hold.
    """
    root = Path(artifacts_root)
    inputs = {"version": STAGE_VERSIONS[stage], **inputs}
    if code is not None:
        inputs |= {"code": code.digest(root), "packages": package_versions(*code.packages)}
        inputs |= {"plugins": list[JsonValue](code.plugins)} if code.plugins else {}

    def build_with_this_code(folder: Path) -> None:
        if code is not None:
            code.load()
        build(folder)

    artifact = make_artifact(root, stage, inputs, build_with_this_code, is_resumable=is_resumable)
    level = logging.DEBUG if stage in MANY else logging.INFO
    logger.log(level, f"{stage:<14}{artifact.key}  {'built' if artifact.is_new else 'cached'}")
    return artifact


def make_artifact(
    root: Path,
    stage: str,
    inputs: JsonObject,
    build: Callable[[Path], None],
    *,
    is_resumable: bool = False,
) -> Artifact:
    """The folder of these inputs, built unless it is complete.

    `build` fills the folder that it is given. A resumable one finds there what an interrupted
    attempt left; any other starts from an empty folder and leaves nothing if it fails. Raises
    ArtifactError where the folder cannot be written.
    """
    from filelock import FileLock

    key = artifact_key(stage, inputs)
    folder = artifact_folder(root, stage, key)
    with suppress(DamagedError):
        if find_artifact(root, stage, key) is not None:
            return Artifact(stage, key, folder, is_new=False)
    if _SEEN.get() is not None:
        raise MissingError(f"{folder}: would be built")
    partial = folder.with_name(key + PARTIAL_SUFFIX)
    with disk_faults(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with acquired(FileLock(folder.with_name(f".{key}.lock")), f"makes {stage} {key}"):
            try:
                if find_artifact(root, stage, key) is not None:
                    return Artifact(stage, key, folder, is_new=False)
            except DamagedError as damage:
                logger.warning(f"{damage}; set aside as {set_aside(folder).name}, built again")
            if not is_resumable:
                shutil.rmtree(partial, ignore_errors=True)
            try:
                partial.mkdir(exist_ok=True)
                build(partial)
                record = ArtifactRecord(stage, key, inputs, _files(partial))
                write_record(partial / RECORD_FILE, record, is_sealed=True)
                _replace(folder, partial)
            except BaseException:
                if not (is_resumable and any(partial.glob("*"))):
                    shutil.rmtree(partial, ignore_errors=True)
                raise
    return Artifact(stage, key, folder, is_new=True)


def artifact_key(stage: str, inputs: JsonObject) -> str:
    """A name for what these inputs give: the start of the sha256 of their canonical JSON."""
    canonical = json.dumps(
        [stage, inputs], sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]


def package_versions(*names: str) -> JsonObject:
    """major.minor of installed packages whose release can change a result."""
    return {name: _release(name) for name in names}


@cache
def _release(package: str) -> str:
    return ".".join(metadata.version(package).split(".")[:2])


def find_artifact(root: Path, stage: str, key: str, *names: str) -> Path | None:
    """The folder of this key, or None where nothing is built. Raises DamagedError naming the first
    file that is not as built; only these names are looked at, if any are given.
    """
    folder, seen = artifact_folder(root, stage, key), _SEEN.get()
    if seen is not None and folder in seen:
        return folder
    if not os.path.lexists(folder):
        return None
    path = folder / RECORD_FILE
    try:
        record = read_record(path, ArtifactRecord, is_sealed=True)
    except NewerVersionError:
        raise
    except ArtifactError as error:
        raise DamagedError(str(error)) from None
    if (record.stage, artifact_key(stage, record.inputs)) != (stage, key):
        raise DamagedError(f"{path} is corrupt: its inputs are not those of {stage} {key}")
    files = {name: file for name, file in record.files.items() if not names or name in names}
    _verify(folder, files)
    if seen is not None and not names:
        seen[folder] = record
    return folder


def _verify(folder: Path, files: Mapping[str, FileRecord]) -> None:
    """Hash the files of a folder that changed since they were last hashed."""
    cache = verified_file(folder)
    verified: JsonObject = {}
    with suppress(ArtifactError, OSError):
        if cache.stat().st_mtime_ns >= int(os.environ.get(VERIFY_SINCE, 0)):
            verified = read_json(cache)
    stamps: JsonObject = {}
    for name, record in files.items():
        stamp, is_old = _stamp(folder / name)
        stamp += f" {record.sha256}"
        if verified.get(name) != stamp:
            check_sha256(folder / name, record.sha256)
        if is_old:
            stamps[name] = stamp
    if any(verified.get(name) != stamp for name, stamp in stamps.items()):
        with suppress(OSError):  # it only saves time
            write_json(cache, verified | stamps)


def _stamp(path: Path) -> tuple[str, bool]:
    """What changes when a file changes, and whether its last change was a while ago."""
    try:
        status = path.stat()
    except OSError as error:
        raise DamagedError(f"{path} is corrupt: {error.strerror}") from None
    stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    return stamp, time.time_ns() - status.st_ctime_ns > RECENT_NANOSECONDS


def check_sha256(path: Path, expected: str) -> None:
    """Raise DamagedError where a file has not this sha256."""
    try:
        actual = file_sha256(path)
    except OSError as error:
        raise DamagedError(f"{path} is corrupt: {error.strerror}") from None
    if actual != expected:
        raise DamagedError(f"{path} is corrupt: sha256 is {actual}, was {expected}")


def set_aside(path: Path) -> Path:
    """Rename a damaged folder or file, so that it can be looked at but is not used."""
    number = 1
    while os.path.lexists(damaged_path(path, number)):
        number += 1
    path.rename(damaged_path(path, number))
    return damaged_path(path, number)


def recorded_sha256(folder: Path, name: str) -> str:
    """The sha256 of one file of a complete folder, as built."""
    record = artifact_record(folder).files.get(name)
    if record is None:
        raise _broken(f"{folder / RECORD_FILE}: has no file {name}", folder)
    return record.sha256


def verify_artifact(folder: Path) -> None:
    """Raise DamagedError naming the first file whose sha256 is not the recorded one."""
    for name, record in artifact_record(folder, is_sealed=True).files.items():
        check_sha256(folder / name, record.sha256)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str:
    """One hash of a folder's files with their names; raises ArtifactError if there is no folder."""
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: no such folder")
    digests = {name: file.sha256 for name, file in _files(folder).items()}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of an artifact."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """artifact.json: the inputs behind the key, and the files as built."""

    stage: str
    key: str
    inputs: dict[str, Any]
    files: dict[str, FileRecord]


def artifact_record(folder: Path, *, is_sealed: bool = False) -> ArtifactRecord:
    """artifact.json of a complete folder."""
    if record := (_SEEN.get() or {}).get(folder):
        return record
    try:
        return read_record(folder / RECORD_FILE, ArtifactRecord, is_sealed=is_sealed)
    except ArtifactError as error:
        raise _broken(str(error), folder) from None


def _broken(fault: str, folder: Path) -> ArtifactError:
    return ArtifactError(f"{fault}; delete {folder} to have it built again")


def _files(folder: Path) -> dict[str, FileRecord]:
    """All files; the record itself may lie there from an attempt that was killed."""
    record = folder / RECORD_FILE
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != record)
    return {
        path.relative_to(folder).as_posix(): FileRecord(path.stat().st_size, file_sha256(path))
        for path in paths
    }


def acquired(lock: FileLock, what: str) -> AcquireReturnProxy[FileLock]:
    """A lock, after waiting for the process that holds it; what it does is said."""
    from filelock import Timeout

    try:
        return lock.acquire(timeout=0)
    except Timeout:
        logger.info(f"waiting for another process that {what}")
        return lock.acquire()


def _replace(folder: Path, partial: Path) -> None:
    """Put the complete folder in its place, on the disk before it has its name."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in (*partial.rglob("*"), partial):
        _sync(path)
    os.rename(partial, folder)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
