"""The statistics of several systems on the same references, by all cores where there is much to do.

Rows are measured in chunks, and chunks go to processes; what comes out does not depend on how many
there are. Refuses to know: what becomes of the statistics.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtnlg.artifacts.shards import map_in_order
from mtnlg.evaluation import Metric, MetricNotRunError, find_metric, measure
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.progress import Task

CHUNK_ROWS = 1_000
"""Enough that counting n-grams of all of them at once pays, few enough to share out."""

REMEDY = "score fewer rows or systems at a time"

Measured = dict[str, list[FloatArray]]
"""Metric -> statistics (N, K) of each system that it is computed for."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some rows of a test set with the outputs of all systems."""

    hypotheses: Sequence[Sequence[str]]
    """By system, and then by row."""
    references: Sequence[Sequence[str]]
    sources: Sequence[str] | None = None
    language: str
    wanted: Mapping[str, Sequence[int]]
    """Metric -> places of the systems that it is computed for."""

    def without(self, names: Iterable[str]) -> Chunk:
        """The same without some metrics."""
        left_out = set(names)
        kept = {name: places for name, places in self.wanted.items() if name not in left_out}
        return replace(self, wanted=kept)

    def part(self, start: int) -> Chunk:
        """The rows of one chunk."""
        rows = slice(start, start + CHUNK_ROWS)
        return replace(
            self,
            hypotheses=[texts[rows] for texts in self.hypotheses],
            references=self.references[rows],
            sources=None if self.sources is None else self.sources[rows],
        )


def measure_systems(everything: Chunk, *, num_processes: int, task: Task) -> Measured:
    """The statistics of all rows; the task counts rows, and is told of each chunk that is done."""
    starts = range(0, len(everything.references), CHUNK_ROWS)
    parts = (everything.part(start) for start in starts)
    found: dict[str, list[list[FloatArray]]] = {
        name: [[] for _ in places] for name, places in everything.wanted.items()
    }
    chunks = map_in_order(measure_chunk, None, parts, num_workers=num_processes, remedy=REMEDY)
    for start, measured in zip(starts, chunks, strict=True):
        for name, of_systems in measured.items():
            for arrays, array in zip(found[name], of_systems, strict=True):
                arrays.append(array)
        task.advance(min(CHUNK_ROWS, len(everything.references) - start))
    return {
        name: [np.concatenate(arrays) for arrays in of_systems]
        for name, of_systems in found.items()
    }


def measure_chunk(_: None, chunk: Chunk) -> Measured:
    """The statistics of one chunk; system by system, as metrics remember how they cut texts."""
    found: Measured = {name: [] for name in chunk.wanted}
    for place, hypotheses in enumerate(chunk.hypotheses):
        for name, places in chunk.wanted.items():
            if place in places:
                metric = find_metric(name)
                found[name].append(_measured(metric, hypotheses, chunk))
    return found


def measure_whole(metrics: Sequence[Metric], everything: Chunk) -> tuple[Measured, dict[str, str]]:
    """The statistics of metrics that load a model, in this process; and for those that cannot be
    run here, the reason.
    """
    found: Measured = {}
    not_run: dict[str, str] = {}
    for metric in metrics:
        try:
            found[metric.name] = [
                _measured(metric, everything.hypotheses[place], everything)
                for place in everything.wanted[metric.name]
            ]
        except MetricNotRunError as reason:
            not_run[metric.name] = f"not run: {reason}"
    return found, not_run


def _measured(metric: Metric, hypotheses: Sequence[str], chunk: Chunk) -> FloatArray:
    return measure(
        metric, hypotheses, chunk.references, language=chunk.language, sources=chunk.sources
    )


def num_cores() -> int:
    """Cores that this process may use."""
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
