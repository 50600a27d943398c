"""Settings as the plain values that keys and trackers are made of."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any


def plain_settings(settings: object, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A settings dataclass as JSON values, enums by name, without options that are off (None or
    false): a new option, off by default, leaves the keys of everything made before as they were.
    """
    assert dataclasses.is_dataclass(settings), f"{settings!r} is no dataclass"
    assert not isinstance(settings, type), f"{settings!r} is a class"
    body = dataclasses.asdict(settings)
    return {
        name: value.name if isinstance(value, Enum) else value
        for name, value in body.items()
        if name not in without and value is not None and value is not False
    }


def flat_settings(settings: object, prefix: str = "") -> dict[str, bool | int | float | str]:
    """Every setting, the ones that are off included, by its dotted name; lists and None as text."""
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        items = {one.name: getattr(settings, one.name) for one in dataclasses.fields(settings)}
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
