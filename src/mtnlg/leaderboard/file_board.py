"""Files of outputs as one board: each file is a system, scored and compared by every metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtnlg.evaluation import Metric, Resampling, Texts, score_metric
from mtnlg.evaluation.metrics.base import first_excess
from mtnlg.evaluation.score import measure_systems, measure_whole, num_cores
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.leaderboard.evidence import Evidence
from mtnlg.leaderboard.file_inputs import Inputs, Settings
from mtnlg.leaderboard.file_notes import reading_notes, text_notes
from mtnlg.leaderboard.model import Board, BoardRow, left_out_text
from mtnlg.leaderboard.ranking import rank_rows
from mtnlg.leaderboard.row_comparisons import compare_rows
from mtnlg.leaderboard.samples import evenly_spaced, write_sample_values
from mtnlg.process.progress import Task, track
from mtnlg.records.files import write_jsonl
from mtnlg.records.places import predictions_file, scores_folder
from mtnlg.records.rows import Prediction
from mtnlg.records.text_files import TextFile

LONG_WORK = 20_000_000
"""Characters to measure, once for each metric, beyond which processes start and progress is shown:
some seconds of work. A process takes a third of a second to start.
"""
LONG_COMPARISON = 1_000_000
"""Pairs of systems to compare, once for each metric and example, beyond which progress is shown."""
SLOW_TOKENS, SLOWNESS = 2_000, 100
"""Texts beyond which a metric refuses to be computed, where it is about so many times slower."""


@dataclass(frozen=True, slots=True)
class SamplesFolder:
    """Where the outputs that a page shows are kept, as in a folder of artifacts."""

    path: Path
    count: int
    """Rows of each system, at even distances."""


@dataclass(frozen=True, kw_only=True)
class _System:
    """One file, and what was measured of it."""

    label: str
    texts: Texts
    statistics: dict[str, FloatArray]
    """Metric -> statistics (N, K)."""
    left_out: dict[str, str]
    """Metric -> why it is not computed."""
    notes: Sequence[str]
    """What a reader must know beside its numbers."""


def build_file_board(
    inputs: Inputs, settings: Settings, *, task: str, samples: SamplesFolder | None = None
) -> Board:
    """The board of all files, scored with the same settings, ranked, and compared by every metric;
    each missing number or test has its reason.
    """
    systems = _measured(inputs, settings)
    if samples is not None:
        _write_samples(inputs, systems, samples)
    names = _metric_order(systems, settings)
    metrics = {metric.name: metric for metric in settings.metrics}
    rows = [
        _row(index, system, {name: metrics[name] for name in names}, settings.resampling)
        for index, system in enumerate(systems)
    ]
    board = Board(
        task,
        " + ".join(file.name for file in inputs.references),
        "all",
        settings.language,
        tuple(rank_rows(rows, metric_names=names)),
        names,
    )
    by_label = {system.label: system for system in systems}

    def evidence(row: BoardRow, name: str) -> Evidence | str:
        if not metrics[name].is_resampleable:
            return metrics[name].interval_reason
        statistics = by_label[row.label].statistics[name]
        return Evidence(metrics[name], (statistics,), np.ones(len(statistics), np.bool_))

    is_long = len(names) * len(systems) ** 2 * len(inputs.targets) > LONG_COMPARISON
    with _progress("compared systems by metric", len(names), is_shown=is_long) as progress:
        for name in names:
            board = compare_rows(
                board,
                name,
                evidence=evidence,
                num_trials=settings.num_trials,
                resampling=settings.resampling,
                margin=settings.margins.get(name),
            )
            progress.advance(note=name)
    return board


def _write_samples(inputs: Inputs, systems: Sequence[_System], samples: SamplesFolder) -> None:
    """The predictions of each system for the rows that a page shows, and their values."""
    file = inputs.references[0]
    shown = evenly_spaced(range(len(inputs.targets)), samples.count)
    for index, (system, hypotheses) in enumerate(zip(systems, inputs.hypotheses, strict=True)):
        path = predictions_file(samples.path, _key(index))
        path.parent.mkdir(parents=True)
        scores = scores_folder(samples.path, _key(index))
        scores.mkdir(parents=True)
        write_sample_values(scores, system.statistics, shown)
        predictions = (
            Prediction(
                f"line {file.line_numbers[row]}",
                inputs.sources.examples[row][0] if inputs.sources else "",
                inputs.targets[row],
                hypotheses.examples[row][0],
            )
            for row in shown
        )
        write_jsonl(path, (prediction.to_json() for prediction in predictions))


def _key(system: int) -> str:
    return f"system-{system + 1}"


def _measured(inputs: Inputs, settings: Settings) -> list[_System]:
    """All systems in the order of their files."""
    systems = [
        _System(
            label=label,
            texts=inputs.texts(index, settings.language),
            statistics={},
            left_out=_too_long([*inputs.references, inputs.hypotheses[index]], settings),
            notes=[
                *reading_notes([inputs.hypotheses[index], *inputs.references]),
                *inputs.notes,
                *text_notes(inputs.texts(index, settings.language)),
            ],
        )
        for index, label in enumerate(inputs.labels)
    ]
    texts = [system.texts for system in systems]
    wanted = {
        metric.name: [
            index for index, system in enumerate(systems) if metric.name not in system.left_out
        ]
        for metric in settings.metrics
    }
    whole = [metric for metric in settings.metrics if metric.is_whole]
    by_chunk = {
        metric.name: wanted[metric.name] for metric in settings.metrics if not metric.is_whole
    }
    num_characters = sum(len(text) for system in texts for text in system.hypotheses)
    work = sum(SLOWNESS if metric.max_tokens <= SLOW_TOKENS else 1 for metric in settings.metrics)
    is_long = num_characters * work > LONG_WORK
    most = settings.max_processes or num_cores()
    num_processes = min(most, 1 + len(texts[0]) // 1_000) if is_long else 1
    with _progress("measured rows", len(texts[0]), is_shown=is_long) as task:
        measured = measure_systems(texts, by_chunk, num_processes=num_processes, task=task)
    measured_whole, not_run = measure_whole(whole, texts, wanted)
    for name, arrays in (measured | measured_whole).items():
        for index, array in zip(wanted[name], arrays, strict=True):
            systems[index].statistics[name] = array
    for name, reason in not_run.items():
        for system in systems:
            system.left_out[name] = reason
    return systems


def _metric_order(systems: Sequence[_System], settings: Settings) -> tuple[str, ...]:
    """The main metric first; those that are not computed for all systems last."""
    names = [metric.name for metric in settings.metrics]
    names.sort(key=lambda name: any(name in system.left_out for system in systems))
    names.sort(key=lambda name: name != settings.main_metric)
    return tuple(names)


def _row(
    index: int, system: _System, metrics: Mapping[str, Metric], resampling: Resampling
) -> BoardRow:
    """The system with its scores, in the order of the metrics."""
    row = BoardRow(
        system.label,
        "external",
        "finished",
        metrics={
            name: score_metric(metric, system.statistics[name], system.texts, resampling=resampling)
            for name, metric in metrics.items()
            if name in system.statistics
        },
        left_out=system.left_out,
        predictions=(_key(index),),
        scores=(_key(index),),
        label=system.label,
    )
    notes = [note for note in (left_out_text(row), *system.notes) if note]
    return replace(row, reason="; ".join(notes) or None)


def _too_long(files: Sequence[TextFile], settings: Settings) -> dict[str, str]:
    """Metric -> the first text that is too long for it."""
    excesses = {
        metric.name: _excess(metric, files, settings.language) for metric in settings.metrics
    }
    return {name: excess for name, excess in excesses.items() if excess is not None}


def _excess(metric: Metric, files: Sequence[TextFile], language: str) -> str | None:
    for file in files:
        if (excess := first_excess(metric, file.examples, language=language)) is not None:
            index, num_tokens = excess
            return (
                f"{file.location(index)} has {num_tokens} tokens; {metric.name} is computed for at "
                f"most {metric.max_tokens}"
            )
    return None


def _progress(title: str, total: int, *, is_shown: bool) -> AbstractContextManager[Task]:
    return track(title, total) if is_shown else nullcontext(Task(title, total))
