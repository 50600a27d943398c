"""The learning curves of a launch as charts: a color for each system, a line for each of its seeds,
and a band from their minimum to their maximum.

Runs that share a model, such as those of several decodings, are one training.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

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
from mtnlg.report.charts import DASHES, NUM_COLORS, Band, Labels, Line, line_chart

LOSSES = {"train_loss": ", training", "validation_loss": ", validation"}
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


def curve_charts(leaderboard: Leaderboard) -> Iterator[Chart]:
    """Losses and validation metrics over the training, with at most NUM_COLORS systems a chart."""
    systems = trained_systems(leaderboard)
    axis = best_axis(training.table for system in systems for training in system.trainings)
    for start in range(0, len(systems), NUM_COLORS):
        yield from _charts_of(systems[start : start + NUM_COLORS], axis=axis)


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


def _charts_of(systems: Sequence[TrainedSystem], *, axis: str) -> Iterator[Chart]:
    tables = [training.table for system in systems for training in system.trainings]
    yield from _chart("Loss", "nats per target token", systems, axis=axis, columns=LOSSES)
    for column in metric_columns(tables):
        task = column.partition("/")[2]
        title = f"Validation metric, {task}" if task else "Validation metric"
        yield from _chart(title, "validation metric", systems, axis=axis, columns={column: ""})


def _chart(
    title: str,
    up_label: str,
    systems: Sequence[TrainedSystem],
    *,
    axis: str,
    columns: Mapping[str, str],
) -> Iterator[Chart]:
    """One chart of some columns of each training, or none if nothing was measured."""
    curves: dict[str, Curve] = {}
    minimized: set[str] = set()
    lines: list[Line] = []
    bands: list[Band] = []
    for color, system in enumerate(systems):
        for column, suffix in columns.items():
            by_name = {
                system.name_of(training) + suffix: training.curve(column, axis=axis)
                for training in system.trainings
            }
            curves |= by_name
            if system.trainings[0].is_minimized(column):
                minimized |= by_name.keys()
            is_faint = column == "train_loss"
            legend = _legend(system) + suffix
            lines += [
                Line(
                    legend,
                    curve.points,
                    color,
                    is_faint=is_faint,
                    dash=dash,
                    name=name,
                    is_of_several=len(by_name) > 1,
                )
                for dash, (name, curve) in enumerate(by_name.items())
            ]
            if not is_faint and len(by_name) > 1:
                bands.append(band_of([curve.points for curve in by_name.values()], color))
    right_label = axis.replace("_", " ")
    drawing = line_chart(lines, Labels(title, right_label, up_label), bands=bands)
    runs = [training.run for system in systems for training in system.trainings]
    remarks = [*_seed_remarks(systems), *_remarks(curves, axis=axis)]
    if MEAN_METRIC in columns and any(len(metric_directions(run)) > 1 for run in runs):
        remarks.append(TURNED)
    if any(curve.points or curve.not_finite_at is not None for curve in curves.values()):
        yield Chart(title, drawing, tuple(remarks), tuple(_values(curves, minimized)), right_label)


def _legend(system: TrainedSystem) -> str:
    """A system's name in the legend, with the number of its seeds."""
    if len(system.trainings) == 1:
        return system.name_of(system.trainings[0])
    return f"{system.label} ({len(system.trainings)} seeds)"


def _seed_remarks(systems: Sequence[TrainedSystem]) -> Iterator[str]:
    """The dash of each seed, once for systems with the same seeds."""
    labels: dict[tuple[int | None, ...], list[str]] = {}
    for system in systems:
        if len(system.trainings) > 1:
            seeds = tuple(training.run.seed for training in system.trainings)
            labels.setdefault(seeds, []).append(system.label)
    for seeds, names in labels.items():
        dashes = (f"{seed} {DASHES[index % len(DASHES)]}" for index, seed in enumerate(seeds))
        systems_text = f" of {', '.join(names)}" if len(labels) > 1 else ""
        yield f"Seeds{systems_text}: {', '.join(dashes)}; the band spans their values."


def band_of(curves: Sequence[Sequence[Point]], color: int) -> Band:
    """From the minimum to the maximum of several curves, wherever all of them were measured."""
    values = [dict(points) for points in curves]
    shared = [right for right in values[0] if all(right in curve for curve in values)]
    low = tuple((right, min(curve[right] for curve in values)) for right in shared)
    high = tuple((right, max(curve[right] for curve in values)) for right in shared)
    return Band(low, high, color)


def _values(curves: Mapping[str, Curve], minimized: Collection[str]) -> Iterator[CurveValues]:
    for name, curve in curves.items():
        if curve.points:
            choose = min if name in minimized else max
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
