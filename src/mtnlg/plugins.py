"""Rows that other installed packages add to our tables of metrics, readers, strategies and formats.

An entry point adds a row: its group is the table, its name the row's name, its object the row. Our
rows cannot be replaced. A package that cannot be imported fails only those who use its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

from mtnlg.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Row = TypeVar("Row")


@dataclass(frozen=True)
class UsedRow:
    """A row that a run uses, and its origin."""

    row: object
    module: str | None
    """The module that its entry point names; None for a row of ours."""
    package: str | None
    """Name and release of its package; None for a row of ours."""


@dataclass(frozen=True)
class Table(Generic[Row]):
    """A table of ours and the entry points that add rows to it."""

    group: str
    """The group of the entry points, such as mtnlg.metrics."""
    kind: type[Row]
    """The class of each row; of functions, a runtime-checkable protocol."""
    rows: Mapping[str, Row]
    """Our own rows by name."""

    def find(
        self, name: str, *, key: str, hint: Callable[[str, list[str]], str] = suggestion
    ) -> Row:
        """The row of that name, ours or a package's. Raises ConfigError, which names the setting
        `key` and ends with a hint, if there is none, or two, or it cannot be loaded.
        """
        if name in self.rows:
            return self.rows[name]
        point = self.entry_point(name, key=key)
        if point is None:
            known = self.known_names()
            raise ConfigError(f"{key} has {name!r}; known: {', '.join(known)}{hint(name, known)}")
        try:
            row = point.load()
        except Exception as error:  # any code may stand in a module of others
            raise ConfigError(
                f"{key} has {name!r}: {_described(point)} cannot be loaded "
                f"({type(error).__name__}: {error}); mend or uninstall its package"
            ) from error
        if not isinstance(row, self.kind):
            raise ConfigError(
                f"{key} has {name!r}: {_described(point)} is a {type(row).__name__}; it must be "
                f"a {self.kind.__module__}.{self.kind.__name__}"
            )
        return row

    def entry_point(self, name: str, *, key: str) -> EntryPoint | None:
        """The origin of a package's row; None for our rows and unknown names. Raises ConfigError if
        two packages have it.
        """
        if name in self.rows:
            return None
        points = [point for point in installed(self.group) if point.name == name]
        if len(points) > 1:
            both = " and ".join(_described(point) for point in points)
            raise ConfigError(f"{key} has {name!r}, which is {both}; uninstall one of them")
        return points[0] if points else None

    def used(self, name: str, row: object) -> UsedRow:
        """The row of that name with its package."""
        point = self.entry_point(name, key=self.group)
        if point is None:
            return UsedRow(row, None, None)
        return UsedRow(row, point.module, _package(point))

    def known_names(self) -> list[str]:
        """Our names in order, then those of packages, which are not imported."""
        added = {point.name for point in installed(self.group)}
        return [*self.rows, *sorted(added - set(self.rows))]

    def unused(self) -> list[str]:
        """A sentence about each row of a package that has the name of one of ours."""
        return [
            f"{_described(point)} is not used: {point.name!r} is a row of mtnlg; rename it"
            for point in installed(self.group)
            if point.name in self.rows
        ]


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group in all installed packages, once each."""
    from importlib.metadata import entry_points  # slow to import, and rarely needed

    return tuple(dict.fromkeys(entry_points(group=group)))


def _described(point: EntryPoint) -> str:
    return f"the entry point {point.value} of {_package(point)}"


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
