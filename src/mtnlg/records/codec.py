"""Records to JSON and back. A record is a frozen dataclass: its fields are the keys of the file.

`key("n")` gives a field another name in the file. A field that holds its default is not written;
unknown keys are ignored, so that a file of a later version can still be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mtnlg.errors import ArtifactError
from mtnlg.records.files import JsonObject, JsonValue, read_json, write_json

Record = TypeVar("Record")


def key(name: str) -> dict[str, str]:
    """The metadata of a field that has this name in the file."""
    return {"key": name}


def encode(record: object) -> JsonObject:
    """A record as a JSON object."""
    document = _encoded(record)
    assert isinstance(document, dict), f"{type(record).__name__} is no record"
    return document


def decode(document: object, kind: type[Record], *, at: str = "$") -> Record:
    """The record that a JSON value holds; raises ArtifactError naming the field that is missing or
    has another type. `at` is where the value stands in its file.
    """
    import msgspec  # takes a tenth of the start-up time, and only reading needs it

    keys = _keys(kind)
    if keys and isinstance(document, dict):
        names = {name: field_name for field_name, name in keys.items()}
        document = {names.get(name, name): value for name, value in document.items()}
    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as error:
        fault, _, path = str(error).partition(" - at `$")
        location = at + path.removesuffix("`")
        message = fault if location == "$" else f"{fault} - at `{location}`"
        for field_name, name in keys.items():
            message = re.sub(rf"\b{field_name}\b", name, message)
        raise ArtifactError(message) from None


def decode_settings(document: object, kind: type[Record]) -> Record:
    """As `decode`, but an unknown key is an error too, since it can be a setting that matters."""
    from msgspec import to_builtins

    settings = decode(document, kind)
    _check_known(document, to_builtins(settings), at="$")
    return settings


def _check_known(document: object, known: Any, *, at: str) -> None:
    for name, value in document.items() if isinstance(document, dict) else ():
        if name not in known:
            raise ArtifactError(f"Object contains unknown field `{name}` - at `{at}`")
        _check_known(value, known[name], at=f"{at}.{name}")


def read_record(
    path: Path, kind: type[Record], *, remedy: str = "", is_sealed: bool = False
) -> Record:
    """The record of a JSON file; raises ArtifactError with path, field and remedy."""
    document = read_json(path, is_sealed=is_sealed)
    try:
        return decode(document, kind)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}{'; ' if remedy else ''}{remedy}") from None


def write_record(path: Path, record: object, *, is_sealed: bool = False) -> None:
    """Write a record whole or not at all; a sealed one shows when it was damaged."""
    write_json(path, encode(record), is_sealed=is_sealed)


def _encoded(value: Any) -> JsonValue:
    if is_dataclass(value):
        return {
            field.metadata.get("key", field.name): _encoded(content)
            for field in fields(value)
            if (content := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, Mapping):
        return {str(name): _encoded(content) for name, content in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    assert value is None or isinstance(value, str | int | float), f"{value!r} is no JSON value"
    return value


def _default(field: Field[Any]) -> object:
    """The default of a field; MISSING, which equals no value, where it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _keys(kind: type) -> dict[str, str]:
    """Field -> its name in the file, where that is another."""
    if not is_dataclass(kind):
        return {}
    return {field.name: field.metadata["key"] for field in fields(kind) if "key" in field.metadata}
