"""The groups of cases in their order, and the rows that they give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from mtnlg.benchmark.measurement import (
    Cases,
    DifferentOutputError,
    MissingPeerError,
    Row,
    target_of,
)
from mtnlg.config.checks import require
from mtnlg.errors import suggestion

if TYPE_CHECKING:
    from mtnlg.benchmark.workbench import Workbench

GROUPS = ("training", "ragged", "processes", "decoding", "preparation", "scoring", "start")


def chosen_groups(only: str | None) -> list[str]:
    """The groups that a list with commas names; all where there is none."""
    names = list(GROUPS) if only is None else only.split(",")
    for name in names:
        allowed = f"some of {', '.join(GROUPS)}{suggestion(name, GROUPS)}"
        require(name in GROUPS, "--only", name, allowed)
    return [name for name in GROUPS if name in names]


def measure(bench: Workbench, group: str) -> Iterator[Row]:
    """The rows of a group, each with its target, which tiny sizes do not have."""
    cases: Cases = import_module(f"mtnlg.benchmark.{group}").cases(bench)
    for case, rows in cases.items():
        try:
            for row in rows():
                yield row if bench.is_quick else replace(row, target=target_of(row))
        except DifferentOutputError as error:
            yield Row(group, case, status="differs", check=str(error))
        except MissingPeerError as error:
            yield Row(group, case, error.peer, status="skipped", check=str(error))
