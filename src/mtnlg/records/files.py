"""JSON documents, JSON lines, texts and folders. All but lines are written whole or not at all.

Every JSON document carries `schema_version`; JSON lines are UTF-8, one object a line, no NaN.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import math
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

from mtnlg.errors import ArtifactError, ConfigError, DataError, NewerVersionError

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
SEAL = "document_sha256"
"""The key of a sealed document that holds the sha256 of its other keys and values."""
GZIP_MAGIC = b"\x1f\x8b"
JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]


def parse_line(
    raw: bytes, *, path: Path | str, number: int, has_only_finite: bool = False
) -> JsonObject:
    """The object on a line of a file; raises DataError with file and line for anything else."""
    line = decode_line(raw, path=path, number=number)
    try:
        record = json.loads(line, parse_constant=_refuse_constant if has_only_finite else None)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}:{number}: not valid JSON ({error}); repair or remove the line"
        ) from None
    if not isinstance(record, dict):
        raise DataError(f"{path}:{number}: expected a JSON object, found {type(record).__name__}")
    return record


def numbered_lines(
    path: Path | str, stream: Iterable[bytes] | None = None
) -> Iterator[tuple[int, bytes]]:
    """The lines of a file or stream, by number from 1; raises DataError if empty or damaged."""
    number = 0
    try:
        with open_bytes(Path(path)) if stream is None else nullcontext(stream) as lines:
            for number, raw in enumerate(lines, start=1):
                yield number, raw
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}:{number + 1}: cannot be read ({error}); copy the file again"
        ) from None
    if number == 0:
        raise DataError(f"{path}: the file is empty; give it at least one record")


def open_bytes(path: Path) -> IO[bytes]:
    """A file for reading, decompressed where its name ends in .gz or its first bytes are gzip's."""
    try:
        stream = path.open("rb")
        is_packed = path.is_file() and stream.peek(2)[:2] == GZIP_MAGIC
        if path.suffix != ".gz" and not is_packed:
            return stream
        stream.close()
        return gzip.open(path, "rb")  # type: ignore[return-value]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def decode_line(raw: bytes, *, path: Path | str, number: int) -> str:
    """The text of a line without its end or a byte-order mark; raises DataError if not UTF-8."""
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{number}: not UTF-8 (byte {error.start + 1} is 0x{raw[error.start]:02x}); "
            "save the file as UTF-8"
        ) from None
    return line.removeprefix("\ufeff").rstrip("\r\n") if number == 1 else line.rstrip("\r\n")


def write_jsonl(path: Path, records: Iterable[JsonObject]) -> int:
    """Write one object a line and return their number."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for record in records:
            stream.write(json_line(record))
            count += 1
    return count


def json_line(record: JsonObject) -> str:
    """One object as its line."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, *, has_only_finite: bool = True, is_sealed: bool = False) -> JsonObject:
    """A JSON document of ours; raises ArtifactError if missing, broken or of a later version. One
    that must be sealed is an error too where it is not what its seal says; of another that has a
    seal a warning says so.
    """
    try:
        document = json.loads(
            path.read_text(encoding="utf-8"),
            parse_constant=_refuse_constant if has_only_finite else None,
            parse_float=_finite if has_only_finite else None,
        )
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(document, dict):
        raise ArtifactError(f"{path}: expected a JSON object, found {type(document).__name__}")
    if (is_sealed or SEAL in document) and document.get(SEAL) != (seal := _seal(document)):
        fault = f"{SEAL} is {document.get(SEAL)}, its content gives {seal}"
        if is_sealed:
            raise ArtifactError(f"{path} is corrupt: {fault}")
        logger.warning(f"{path}: was changed after it was written ({fault})")
    version = document.get("schema_version", 0)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise NewerVersionError(
            f"{path}: schema_version {version!r} is newer than {SCHEMA_VERSION}; "
            "update mtnlg to read it"
        )
    return document


def write_json(path: Path, document: Mapping[str, object], *, is_sealed: bool = False) -> None:
    """Write a JSON document whole or not at all, with `schema_version` first; its seal, if any,
    is last.
    """
    body = {"schema_version": SCHEMA_VERSION, **document}
    body |= {SEAL: _seal(body)} if is_sealed else {}
    write_text(path, json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all: to a temporary file, synced, then renamed. An OSError
    names the file.
    """
    try:
        _replace_text(path, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which gets its name at the end: whole or not at all. Raises
    ConfigError where something is there already.
    """
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise ConfigError(f"{folder}: is not empty; give a new folder")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.is_dir():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an ArtifactError that names the path and the free
    space; any other error passes.
    """
    try:
        yield
    except Exception as error:
        if words := disk_fault(error, path):
            raise ArtifactError(words) from error
        raise


def disk_fault(error: BaseException, path: Path) -> str | None:
    """An error of the operating system about this path in words; None for any other error."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, RuntimeError) and isinstance(error.__context__, OSError):  # of torch.save
        number = error.__context__.errno
    if match := re.search(r"\(os error (\d+)\)", str(error)):  # of libraries in Rust
        number = int(match[1])
    if number is None:
        return None
    file = getattr(error, "filename", None) or path
    folders = (path, *path.absolute().parents)
    existing = next(folder for folder in folders if os.path.isdir(folder))  # as of a long name
    free = shutil.disk_usage(existing).free
    where = f"{path}: " if str(file) == str(path) else f"{path}: {file}: "
    return f"{where}{os.strerror(number)}; {free:,} bytes are free there"


def _seal(document: Mapping[str, object]) -> str:
    """The sha256 of a document's canonical JSON without its seal."""
    content = {name: value for name, value in document.items() if name != SEAL}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_constant(digits)
