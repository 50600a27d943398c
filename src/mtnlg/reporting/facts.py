"""What the runs of a launch were made with, told once where it is the same for all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtnlg.records import JsonValue
from mtnlg.reporting.display import moment_text
from mtnlg.reporting.manifests import RunRecord


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of an environment; runs are empty where every run that says anything agrees."""

    name: str
    value: str
    runs: tuple[str, ...]


def environment_facts(runs: Sequence[RunRecord]) -> list[Fact]:
    """Versions, git and hardware of the runs, by name; a value that not all share comes with the
    runs that have it.
    """
    holders: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        for name, value in _leaves(run.environment):
            holders.setdefault(name, {}).setdefault(value, []).append(run.run_id)
    return [
        Fact(name, value, () if len(values) == 1 else tuple(run_ids))
        for name, values in holders.items()
        for value, run_ids in values.items()
    ]


def finished_text(runs: Sequence[RunRecord]) -> str:
    """When the last run finished; not the present time, so that a report can be made again byte for
    byte.
    """
    moments = [run.finished for run in runs if run.finished is not None]
    return f"finished {moment_text(max(moments))}" if moments else "no run has finished"


def _leaves(record: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The values of a nested object with their dotted names."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield prefix + name, value
        else:
            yield prefix + name, json.dumps(value, ensure_ascii=False)
