"""Range checks for settings, each naming key, value and what is allowed."""

from __future__ import annotations

import math

from mtnlg.errors import ConfigError


def require(is_met: bool, key: str, value: object, allowed: str) -> None:
    """Raise ConfigError unless the condition is met."""
    if not is_met:
        raise ConfigError(f"{key}={value}: must be {allowed}")


def at_least(key: str, value: float, minimum: float) -> None:
    """A finite number that is not below the minimum."""
    require(math.isfinite(value) and value >= minimum, key, value, f"a finite number >= {minimum}")


def above(key: str, value: float, bound: float) -> None:
    """A finite number strictly above the bound."""
    require(math.isfinite(value) and value > bound, key, value, f"a finite number > {bound}")


def share(key: str, value: float, *, includes_one: bool = False) -> None:
    """A number in [0, 1), or in [0, 1]."""
    is_inside = math.isfinite(value) and (0 <= value < 1 or (includes_one and value == 1))
    require(is_inside, key, value, "in [0, 1]" if includes_one else "in [0, 1)")
