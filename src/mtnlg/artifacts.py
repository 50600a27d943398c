"""Folders that are made once, whole or not at all, under a key of everything that can change their content.

Refuses to know what a stage does. An artifact is `<root>/<stage>/<key>/` with an `artifact.json`: the inputs that gave the key and the
size and sha256 of each file. It is made beside its place, synced and renamed, by one process at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from filelock import FileLock, Timeout

from mtnlg.errors import ArtifactError
from mtnlg.records import JsonObject, read_json, write_json

RECORD_FILE = "artifact.json"
PARTIAL_SUFFIX = ".partial"
KEY_LENGTH = 16
"""Hexadecimal digits of a key: 64 bits."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A complete folder."""

    stage: str
    key: str
    folder: Path
    is_new: bool
    """Made by this call, not found."""


def artifact_key(stage: str, inputs: JsonObject) -> str:
    """A name for whatever these inputs give: the start of the sha256 of their canonical JSON."""
    canonical = json.dumps([stage, inputs], sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]


def package_versions(*names: str) -> JsonObject:
    """major.minor of installed packages whose release can change a result."""
    return {name: ".".join(metadata.version(name).split(".")[:2]) for name in names}


def find_artifact(root: Path, stage: str, key: str) -> Path | None:
    """The complete folder of this key, if there is one; raises ArtifactError where a file of it has gone or shrunk."""
    folder = root / stage / key
    if not (folder / RECORD_FILE).is_file():
        return None
    files = read_json(folder / RECORD_FILE).get("files")
    assert isinstance(files, dict), f"{folder}: artifact.json without files"
    for name, record in files.items():
        assert isinstance(record, dict), f"{folder}: {name}={record}"
        path = folder / name
        if not path.is_file() or path.stat().st_size != record["bytes"]:
            raise ArtifactError(f"{path}: missing or not {record['bytes']} bytes; delete {folder} to have it made again")
    return folder


def recorded_sha256(folder: Path, name: str) -> str:
    """The sha256 of one file of a complete folder, as it was when the folder was made."""
    files = read_json(folder / RECORD_FILE).get("files")
    record = files.get(name) if isinstance(files, dict) else None
    if not isinstance(record, dict):
        raise ArtifactError(f"{folder / RECORD_FILE}: has no file {name}; delete {folder} to have it made again")
    return str(record["sha256"])


def verify_artifact(folder: Path) -> None:
    """Compare each file with its recorded sha256; raises ArtifactError naming the first that differs."""
    files = read_json(folder / RECORD_FILE).get("files")
    assert isinstance(files, dict), f"{folder}: artifact.json without files"
    for name, record in files.items():
        assert isinstance(record, dict), f"{folder}: {name}={record}"
        actual = file_sha256(folder / name)
        if actual != record["sha256"]:
            raise ArtifactError(
                f"{folder / name} is corrupt: sha256 is {actual}, was {record['sha256']}; delete {folder} to remake it"
            )


def make_artifact(
    root: Path,
    stage: str,
    inputs: JsonObject,
    build: Callable[[Path], None],
    *,
    is_resumable: bool = False,
    on_wait: Callable[[str], None] | None = None,
) -> Artifact:
    """The folder of these inputs, built only where it is not complete yet.

    `build` fills the empty folder that it is given. A resumable one finds there what an earlier, interrupted attempt
    left; any other starts from nothing.
    """
    key = artifact_key(stage, inputs)
    folder = root / stage / key
    if find_artifact(root, stage, key) is not None:
        return Artifact(stage, key, folder, is_new=False)
    with _lock(root / stage / f".{key}.lock", f"{stage} {key}", on_wait):
        if find_artifact(root, stage, key) is not None:
            return Artifact(stage, key, folder, is_new=False)
        partial = folder.with_name(key + PARTIAL_SUFFIX)
        if not is_resumable:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, exist_ok=True)
        _build(partial, folder, build)
        write_json(partial / RECORD_FILE, {"stage": stage, "key": key, "inputs": inputs, "files": _files(partial)})
        shutil.rmtree(folder, ignore_errors=True)
        _sync_tree(partial)
        os.rename(partial, folder)
        _sync_folder(folder.parent)
    return Artifact(stage, key, folder, is_new=True)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _build(partial: Path, folder: Path, build: Callable[[Path], None]) -> None:
    try:
        build(partial)
    except OSError as error:
        if error.errno is None:
            raise
        free = shutil.disk_usage(partial).free
        raise ArtifactError(f"{folder}: {error.strerror} ({error.filename or partial}); {free:,} bytes are free") from error


def _files(folder: Path) -> JsonObject:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        for path in paths
    }


@contextmanager
def _lock(path: Path, what: str, on_wait: Callable[[str], None] | None) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait(f"waiting for another process that makes {what}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
