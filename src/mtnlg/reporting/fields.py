"""Typed looks into a JSON object that somebody else wrote and that may be incomplete.

Refuses to know: which file the object is from. A value of the wrong type counts as absent, so that
one broken field costs one cell of a report and never the report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from mtnlg.records import JsonObject, JsonValue

MAX_NAME_BYTES = 200
"""Less than the 255 of common file systems, to leave room for the endings that are added."""


def text_of(record: Mapping[str, JsonValue], key: str) -> str | None:
    """The text under a key; None where it is absent, empty or no text."""
    value = record.get(key)
    return value if isinstance(value, str) and value else None


def number_of(record: Mapping[str, JsonValue], key: str) -> float | None:
    """The finite number under a key; None where it is absent, no number, infinite or NaN. Whole
    numbers stay int.
    """
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def count_of(record: Mapping[str, JsonValue], key: str) -> int | None:
    """The whole number of at least zero under a key; None for anything else."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def object_of(record: Mapping[str, JsonValue], key: str) -> JsonObject:
    """The object under a key; empty where it is absent or something else."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def objects_of(record: Mapping[str, JsonValue], key: str) -> list[JsonObject]:
    """The objects in the list under a key; items that are no objects are left out."""
    value = record.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts_of(record: Mapping[str, JsonValue], key: str) -> tuple[str, ...]:
    """The texts in the list under a key; items that are no text are left out."""
    value = record.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def is_folder_name(name: str) -> bool:
    """True where a name can be one step of a path: no separator, no parent, and the disk can hold
    it.
    """
    try:
        num_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return False
    is_step = name not in {"", ".", ".."} and not set(name) & set("/\\\0")
    return is_step and num_bytes <= MAX_NAME_BYTES
