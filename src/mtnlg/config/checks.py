"""Ranges of settings: declared in the types of fields, and checked from there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

from mtnlg.errors import ConfigError

MOST = 2**63 - 1
"""The largest whole number of PyTorch."""


class Range(NamedTuple):
    """The finite numbers that a setting may be."""

    allowed: str
    """The numbers in words, for messages."""
    contains: Callable[[float], bool]


def at_least(minimum: float) -> Range:
    """All finite numbers from the minimum up."""
    return Range(f"a finite number >= {minimum}", lambda value: value >= minimum)


def between(least: float, most: float) -> Range:
    """All numbers from the least to the most."""
    return Range(f"from {least:,} to {most:,}", lambda value: least <= value <= most)


def above(bound: float) -> Range:
    """All finite numbers greater than the bound."""
    return Range(f"a finite number > {bound}", lambda value: value > bound)


Count = Annotated[int, at_least(1)]
CountOrZero = Annotated[int, at_least(0)]
Positive = Annotated[float, above(0)]
NonNegative = Annotated[float, at_least(0)]
Share = Annotated[float, Range("in [0, 1)", lambda value: 0 <= value < 1)]
ShareOrAll = Annotated[float, Range("in [0, 1]", lambda value: 0 <= value <= 1)]
PositiveShare = Annotated[float, Range("in (0, 1)", lambda value: 0 < value < 1)]
PositiveShareOrAll = Annotated[float, Range("in (0, 1]", lambda value: 0 < value <= 1)]


def require(is_met: bool, key: str, value: object, allowed: str) -> None:
    """Raise ConfigError unless the condition is met."""
    if not is_met:
        raise ConfigError(f"{key}={value}: must be {allowed}")


def check(key: str, value: float, allowed: Range) -> None:
    """Raise ConfigError unless the range contains the value, and PyTorch can hold it."""
    is_held = abs(value) <= MOST if isinstance(value, int) else math.isfinite(value)
    words = f"{allowed.allowed}, up to {MOST:,}" if value > MOST else allowed.allowed
    require(is_held and allowed.contains(value), key, value, words)


def check_fields(settings: object, prefix: str) -> None:
    """Raise ConfigError for the first field out of its range; None is in every range."""
    kind: Any = type(settings)
    for name, allowed in _ranges(kind):
        value = getattr(settings, name)
        if value is not None:
            check(f"{prefix}{name}", value, allowed)


@cache
def _ranges(kind: type) -> tuple[tuple[str, Range], ...]:
    """The fields of a class that have a range."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple((name, allowed) for name, hint in hints.items() for allowed in _ranges_in(hint))


def _ranges_in(hint: Any) -> Iterator[Range]:
    """The ranges in a type such as `Count`, or `Count | None`."""
    yield from (extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Range))
    for part in get_args(hint):
        yield from _ranges_in(part)
