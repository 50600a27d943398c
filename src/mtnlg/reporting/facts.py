"""What the runs of a launch were made with, told once where it is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtnlg.reporting.display import moment_text
from mtnlg.reporting.manifests import RunRecord
from mtnlg.reporting.run_config import settings_of


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
        for name, value in settings_of(run.environment):
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
