"""JSON documents, JSON lines and texts. Documents and texts are written whole or not at all.

Every JSON document carries `schema_version`; JSON lines are UTF-8, one object a line, no NaN.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from mtnlg.errors import ArtifactError, DataError

SCHEMA_VERSION = 1
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


def read_json(path: Path, *, has_only_finite: bool = True) -> JsonObject:
    """A JSON document of ours; raises ArtifactError if missing, broken or of a later version."""
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
    version = document.get("schema_version", 0)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise ArtifactError(
            f"{path}: schema_version {version!r} is newer than {SCHEMA_VERSION}; "
            "update mtnlg to read it"
        )
    return document


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Write a JSON document whole or not at all, with `schema_version` first."""
    body = {"schema_version": SCHEMA_VERSION, **document}
    write_text(path, json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all: to a temporary file, synced, then renamed."""
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


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_constant(digits)
