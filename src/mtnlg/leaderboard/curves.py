"""Learning curves from a model's `metrics.csv`, thinned to what a chart can show."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtnlg.leaderboard.damage import fault_of
from mtnlg.leaderboard.evidence import installed_metric
from mtnlg.records.places import METRICS_FILE, is_folder_name, model_folder
from mtnlg.records.runs import RunRecord

MAX_POINTS = 200
"""Points per curve: more than a chart of this width can resolve."""
AXES = ("target_tokens", "step")
"""Horizontal axes, best first: tokens compare runs of different batch sizes."""

Point = tuple[float, float]
Table = list[dict[str, str]]
"""The rows of a metrics.csv, by the names of its columns."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The values of one column, each with its position on the horizontal axis."""

    points: tuple[Point, ...]
    points_per_mean: int
    """How many measurements each point is the mean of."""
    not_finite_at: float | None
    """Where the column was first NaN or infinite; None where it never was."""


def read_table(key: str | None, *, artifacts_root: Path) -> Table:
    """The rows of a model's metrics.csv, also during its training; empty where there is none. A
    validation has the target tokens of its step, which only the rows between are written with.
    """
    if key is None or not is_folder_name(key):
        return []
    if fault_of("model", key, artifacts_root=artifacts_root):
        return []
    for folder in (key, f"{key}.partial"):
        path = model_folder(artifacts_root, folder) / METRICS_FILE
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace", newline="") as stream:
                return _with_tokens([_texts(row) for row in csv.DictReader(_without_nul(stream))])
    return []


def _with_tokens(table: Table) -> Table:
    """The table, with the tokens at each validation in proportion to those of the row before."""
    tokens_per_step: float | None = None
    for row in table:
        step, tokens = _number(row.get("step")), _number(row.get("target_tokens"))
        if not step:
            continue
        if tokens is not None:
            tokens_per_step = tokens / step
        elif tokens_per_step is not None and row.get("validation_loss"):
            row["target_tokens"] = f"{tokens_per_step * step:.0f}"
    return table


def best_axis(tables: Iterable[Sequence[dict[str, str]]]) -> str:
    """The first axis that every table has, so that all curves of a chart share it."""
    filled = [
        {axis for axis in AXES if any(row.get(axis) for row in table)} for table in tables if table
    ]
    return next((axis for axis in AXES if all(axis in axes for axes in filled)), AXES[-1])


def curve_of(table: Sequence[dict[str, str]], column: str, *, axis: str) -> Curve:
    """One column over one axis, without its blank cells."""
    points: list[Point] = []
    not_finite_at: float | None = None
    for row in table:
        right, up = _number(row.get(axis)), _number(row.get(column))
        if right is None or up is None or not math.isfinite(right):
            continue
        if math.isfinite(up):
            points.append((right, up))
        elif not_finite_at is None:
            not_finite_at = right
    width = math.ceil(len(points) / MAX_POINTS) or 1
    return Curve(_means(points, width), width, not_finite_at)


def metric_columns(tables: Iterable[Sequence[dict[str, str]]]) -> list[str]:
    """The columns of validation metrics, of all tasks together and of each."""
    names = dict.fromkeys(name for table in tables for row in table[:1] for name in row)
    return [name for name in names if name.partition("/")[0] == "validation_metric"]


def metric_directions(run: RunRecord, task: str = "") -> set[bool]:
    """Whether more is better, by the main metric of one task of a run, or of all its tasks."""
    names = (record.main_metric for record in run.tasks if task in ("", record.task))
    metrics = (installed_metric(name) for name in names if name)
    known = (metric for metric in metrics if not isinstance(metric, str))
    return {metric.higher_is_better is not False for metric in known}


def shown_metric(value: float, run: RunRecord) -> float:
    """A mean validation metric as a reader expects it: a training maximizes it, and so turns the
    sign of metrics of which less is better.
    """
    return -value if metric_directions(run) == {False} else value


def _means(points: Sequence[Point], width: int) -> tuple[Point, ...]:
    """Means over neighbors, each at the position of the last: a curve ends where training does."""
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return tuple((group[-1][0], math.fsum(up for _, up in group) / len(group)) for group in groups)


def _number(cell: str | None) -> float | None:
    """The number in a cell; None for a blank one or for other text."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return None


def _texts(row: dict[str | None, str | list[str] | None]) -> dict[str, str]:
    """A row without the extra or missing cells of a broken line."""
    return {
        name: cell for name, cell in row.items() if isinstance(name, str) and isinstance(cell, str)
    }


def _without_nul(lines: Iterable[str]) -> Iterable[str]:
    """The lines without NUL, in which a crash can end a file and which the csv module refuses."""
    return (line.replace("\0", "") for line in lines)
