"""Statistics of several systems on the same references, on all cores where the work is long.

Processes measure the rows in chunks; how many processes there are does not change the result.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from mtnlg.artifacts.shards import map_in_order
from mtnlg.evaluation.metrics.base import Metric, MetricNotRunError, measure
from mtnlg.evaluation.metrics.registry import find_metric
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts
from mtnlg.progress import Task

CHUNK_ROWS = 1_000
"""Enough rows to count their n-grams quickly, few enough to spread over processes."""

REMEDY = "score fewer rows or systems at a time"

Wanted = Mapping[str, Sequence[int]]
"""Metric -> indexes of the systems that it is computed for."""

Measured = dict[str, list[FloatArray]]
"""Metric -> statistics (N, K) of each system that it is computed for."""


def measure_systems(
    systems: Sequence[Texts], wanted: Wanted, *, num_processes: int, task: Task
) -> Measured:
    """The statistics of all rows of systems with the same references; `task` counts the rows."""
    num_rows = len(systems[0])
    starts = range(0, num_rows, CHUNK_ROWS)
    chunks = ([texts.rows(start, start + CHUNK_ROWS) for texts in systems] for start in starts)
    parts: dict[str, list[list[FloatArray]]] = {
        name: [[] for _ in indexes] for name, indexes in wanted.items()
    }
    measured = map_in_order(measure_chunk, wanted, chunks, num_workers=num_processes, remedy=REMEDY)
    for start, statistics in zip(starts, measured, strict=True):
        for name, arrays in statistics.items():
            for system_parts, array in zip(parts[name], arrays, strict=True):
                system_parts.append(array)
        task.advance(min(CHUNK_ROWS, num_rows - start))
    return {
        name: [np.concatenate(system_parts) for system_parts in metric_parts]
        for name, metric_parts in parts.items()
    }


def measure_chunk(wanted: Wanted, systems: Sequence[Texts]) -> Measured:
    """The statistics of one chunk; system by system, since metrics cache the tokens of texts."""
    statistics: Measured = {name: [] for name in wanted}
    for index, texts in enumerate(systems):
        for name, indexes in wanted.items():
            if index in indexes:
                statistics[name].append(measure(find_metric(name), texts))
    return statistics


def measure_whole(
    metrics: Sequence[Metric], systems: Sequence[Texts], wanted: Wanted
) -> tuple[Measured, dict[str, str]]:
    """The statistics of all rows at once, in this process, as metrics that load a model need; and
    the reason for each metric that cannot run here.
    """
    statistics: Measured = {}
    not_run: dict[str, str] = {}
    for metric in metrics:
        try:
            statistics[metric.name] = [
                measure(metric, systems[index]) for index in wanted[metric.name]
            ]
        except MetricNotRunError as reason:
            not_run[metric.name] = f"not run: {reason}"
    return statistics, not_run


def num_cores() -> int:
    """Cores that this process may use."""
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
