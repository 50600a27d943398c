"""Settings as the plain values that keys and trackers are made of."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any


def plain_settings(settings: object, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A settings dataclass as JSON values, enums by name, without options that are off (None or
    false): a new option, off by default, leaves the keys of everything built before as they were.
    """
    assert dataclasses.is_dataclass(settings), f"{settings!r} is no dataclass"
    assert not isinstance(settings, type), f"{settings!r} is a class"
    body = dataclasses.asdict(settings)
    return {
        name: body[name].name if isinstance(body[name], Enum) else body[name]
        for name in _names(settings)
        if name not in without and body[name] is not None and body[name] is not False
    }


def flat_settings(settings: object, prefix: str = "") -> dict[str, bool | int | float | str]:
    """Every setting, the ones that are off included, by its dotted name; lists and None as text."""
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        items = {name: getattr(settings, name) for name in _names(settings)}
    elif isinstance(settings, dict):
        items = settings
    else:
        value = settings.name if isinstance(settings, Enum) else settings
        is_plain = isinstance(value, bool | int | float | str)
        return {prefix.removesuffix("."): value if is_plain else str(value)}  # type: ignore[dict-item]
    flat: dict[str, bool | int | float | str] = {}
    for name, value in items.items():
        flat |= flat_settings(value, f"{prefix}{name}.")
    return flat


def _names(settings: Any) -> list[str]:
    """The fields that are settings: those that make two objects differ."""
    return [field.name for field in dataclasses.fields(settings) if field.compare]
