"""The learning curves of a launch as charts, those of different tasks apart: for each system the
mean of its seeds, in a band from their minimum to their maximum.

Runs that share a model, such as those of several decodings, are one training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.leaderboard.curves import (
    Curve,
    Point,
    Table,
    best_axis,
    curve_of,
    metric_columns,
    metric_directions,
    read_table,
)
from mtnlg.leaderboard.labels import Identity, distinct_labels, without_seed
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.runs import RunRecord
from mtnlg.report.charts import NUM_COLORS, Band, Labels, Line, line_chart
from mtnlg.report.display import short_label

LOSSES = ("validation_loss", "train_loss")
MEAN_METRIC = "validation_metric"
TURNED = "Metrics of which less is better are in the mean with their sign turned."


@dataclass(frozen=True, slots=True)
class Training:
    """One seed of a system: its first run, and what was measured."""

    run: RunRecord
    table: Table

    def curve(self, column: str, *, axis: str) -> Curve:
        """One column over one axis. A training maximizes the mean metric, and so turns the sign of
        metrics of which less is better; here it is turned back.
        """
        curve = curve_of(self.table, column, axis=axis)
        if column != MEAN_METRIC or not self.is_minimized(column):
            return curve
        return replace(curve, points=tuple((right, -up) for right, up in curve.points))

    def is_minimized(self, column: str) -> bool:
        """True where less is better by a column."""
        task = column.partition("/")[2]
        return column in LOSSES or metric_directions(self.run, task) == {False}


@dataclass(frozen=True, slots=True)
class TrainedSystem:
    """The trainings that differ only in their seed, under one label."""

    label: str
    trainings: tuple[Training, ...]

    def name_of(self, training: Training) -> str:
        """The name of one of its trainings, with the seed if there are several."""
        several = len(self.trainings) > 1
        name = f"{self.label}, seed {training.run.seed}" if several else self.label
        status = training.run.status
        return name if status == "finished" else f"{name} ({status})"


@dataclass(frozen=True, slots=True)
class CurveValues:
    """The last and the best value of a curve."""

    name: str
    last: float
    best: float
    best_at: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, remarks on it, and the last and best values of its lines."""

    title: str
    drawing: Markup
    remarks: tuple[str, ...]
    values: tuple[CurveValues, ...]
    axis: str


class TaskCurves(NamedTuple):
    """The charts of the trainings of the same tasks."""

    tasks: tuple[str, ...]
    charts: tuple[Chart, ...]


def curve_charts(leaderboard: Leaderboard) -> list[TaskCurves]:
    """Losses and validation metrics over the training, for each set of tasks."""
    groups: dict[tuple[str, ...], list[TrainedSystem]] = {}
    for system in trained_systems(leaderboard):
        tasks = tuple(task.task for task in system.trainings[0].run.tasks)
        groups.setdefault(tasks, []).append(system)
    curves = [(tasks, tuple(_charts_of(_named(group)))) for tasks, group in groups.items()]
    return [TaskCurves(tasks, charts) for tasks, charts in curves if charts]


def trained_systems(leaderboard: Leaderboard) -> list[TrainedSystem]:
    """The trainings with a metrics.csv, by system, in the order of the runs."""
    groups: dict[tuple[object, ...], list[Training]] = {}
    seen: set[str] = set()
    for run in leaderboard.runs:
        table = read_table(run.model, artifacts_root=leaderboard.artifacts_root)
        if run.model is None or run.model in seen or not table:
            continue
        seen.add(run.model)
        key: tuple[object, ...] = (run.system, without_seed(run.overrides))
        if run.seed is None:
            key = (*key, run.run_id)
        while any(training.run.seed == run.seed for training in groups.get(key, ())):
            key = (*key, "again")
        groups.setdefault(key, []).append(Training(run, table))
    systems = [
        tuple(sorted(group, key=lambda training: training.run.seed or 0))
        for group in groups.values()
    ]
    labels = distinct_labels(list(map(_identity, systems)))
    return list(map(TrainedSystem, labels, systems))


def _identity(group: Sequence[Training]) -> Identity:
    run = group[0].run
    seeds = tuple(training.run.seed for training in group if training.run.seed is not None)
    runs = tuple(training.run.run_id for training in group)
    return Identity(run.system, None, run.overrides, seeds=seeds, runs=runs)


def _charts_of(systems: Sequence[TrainedSystem]) -> Iterator[Chart]:
    trainings = [training for system in systems for training in system.trainings]
    axis = best_axis(training.table for training in trainings)
    colored = list(zip(systems, _colors(systems), strict=True))
    unit = "nats per target token"
    yield from _chart("Validation loss", unit, colored, axis=axis, column="validation_loss")
    for column in metric_columns(training.table for training in trainings):
        title, name = _metric_title(column, trainings[0].run)
        yield from _chart(title, name, colored, axis=axis, column=column)
    yield from _chart("Training loss", unit, colored, axis=axis, column="train_loss")


def _metric_title(column: str, run: RunRecord) -> tuple[str, str]:
    """The title of the chart of a validation metric, and the name of the metric."""
    task = column.partition("/")[2]
    names = {record.task: record.main_metric for record in run.tasks if record.main_metric}
    if not task and len(names) > 1:
        return "Validation metric, mean over the tasks", "validation metric"
    name = names.get(task) or next(iter(names.values()), None) or "metric"
    return f"Validation {name}" + (f", {task}" if task else ""), name


def _chart(
    title: str,
    up_label: str,
    systems: Sequence[tuple[TrainedSystem, int | None]],
    *,
    axis: str,
    column: str,
) -> Iterator[Chart]:
    """The chart of one column of each training, or none if nothing was measured."""
    lines: list[Line] = []
    bands: list[Band] = []
    values: list[CurveValues] = []
    remarks: list[str] = []
    for system, color in systems:
        curves = {system.name_of(each): each.curve(column, axis=axis) for each in system.trainings}
        points = [curve.points for curve in curves.values()]
        if len(curves) > 1 and len(mean := mean_of(points)) > 1:
            lines.append(Line(f"{system.label} ({len(curves)} seeds)", mean, color))
            bands += [] if color is None else [band_of(points, color)]
        else:
            lines += [Line(name, curve.points, color) for name, curve in curves.items()]
        is_minimized = system.trainings[0].is_minimized(column)
        values += _values(curves, is_minimized=is_minimized)
        remarks += _remarks(curves, axis=axis)
    right_label = axis.replace("_", " ")
    drawing = line_chart(lines, Labels(title, right_label, up_label), bands=bands)
    if not drawing and not remarks:
        return
    if bands:
        remarks.insert(0, "A line is the mean of its seeds; the band spans them.")
    if any(color is None for _, color in systems):
        remarks.append(f"Gray: all but the {NUM_COLORS} best systems, which are named by pointing.")
    runs = [training.run for system, _ in systems for training in system.trainings]
    if column == MEAN_METRIC and any(len(metric_directions(run)) > 1 for run in runs):
        remarks.append(TURNED)
    yield Chart(title, drawing, tuple(dict.fromkeys(remarks)), tuple(values), right_label)


def _colors(systems: Sequence[TrainedSystem]) -> list[int | None]:
    """A color for each of the systems with the least validation loss; None for the others."""
    curves = [
        [each.curve(LOSSES[0], axis="step").points for each in system.trainings]
        for system in systems
    ]
    losses = [
        min((up for points in group for _, up in points), default=math.inf) for group in curves
    ]
    best = sorted(sorted(range(len(systems)), key=losses.__getitem__)[:NUM_COLORS])
    return [best.index(index) if index in best else None for index in range(len(systems))]


def _named(systems: Sequence[TrainedSystem]) -> list[TrainedSystem]:
    """The systems with labels that are only as long as they must be among these."""
    labels = distinct_labels([_identity(system.trainings) for system in systems])
    return [
        replace(system, label=short_label(label))
        for system, label in zip(systems, labels, strict=True)
    ]


def mean_of(curves: Sequence[Sequence[Point]]) -> tuple[Point, ...]:
    """The mean of several curves over the range that they share."""
    rights, values = _aligned(curves)
    return tuple(zip(rights, values.mean(axis=0).tolist(), strict=True))


def band_of(curves: Sequence[Sequence[Point]], color: int) -> Band:
    """From the minimum to the maximum of several curves over the range that they share."""
    rights, values = _aligned(curves)
    low, high = values.min(axis=0).tolist(), values.max(axis=0).tolist()
    return Band(tuple(zip(rights, low, strict=True)), tuple(zip(rights, high, strict=True)), color)


def _aligned(curves: Sequence[Sequence[Point]]) -> tuple[list[float], FloatArray]:
    """The positions within all curves at which any was measured, and the value of each curve there,
    between its own measurements on a straight line.
    """
    if not all(curves):
        return [], np.empty((len(curves), 0))
    start, end = max(points[0][0] for points in curves), min(points[-1][0] for points in curves)
    measured = {right for points in curves for right, _ in points}
    rights = sorted(right for right in measured if start <= right <= end)
    arrays = [np.array(points) for points in curves]
    return rights, np.array([np.interp(rights, array[:, 0], array[:, 1]) for array in arrays])


def _values(curves: Mapping[str, Curve], *, is_minimized: bool) -> Iterator[CurveValues]:
    choose = min if is_minimized else max
    for name, curve in curves.items():
        if curve.points:
            best = choose(curve.points, key=lambda point: point[1])
            yield CurveValues(name, curve.points[-1][1], best[1], best[0])


def _remarks(curves: Mapping[str, Curve], *, axis: str) -> Iterator[str]:
    """Averaged points, and where values stopped being finite."""
    widest = max((curve.points_per_mean for curve in curves.values()), default=1)
    if widest > 1:
        yield f"Each point is the mean of up to {widest} measurements."
    for label, curve in curves.items():
        if curve.not_finite_at is not None:
            start = f"{axis.replace('_', ' ')} {curve.not_finite_at:.10g}"
            yield f"{label}: not a finite number from {start} on."
