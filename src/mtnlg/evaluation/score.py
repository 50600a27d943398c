"""From predictions to scores: each metric with value, interval, number of examples and signature.

Statistics are computed once, and each subset of the rows is aggregated from them. Where several
systems have many rows, processes measure these in chunks; how many does not change the result.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtnlg.artifacts.shards import map_in_order
from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import Artifact, folder_sha256, make_folder
from mtnlg.config import EvaluationConfig, plain_settings
from mtnlg.evaluation.metrics.base import Metric, MetricNotRunError, measure, metric_value
from mtnlg.evaluation.metrics.registry import find_metric, used_metrics
from mtnlg.evaluation.significance.bootstrap import (
    DEFAULT_RESAMPLING,
    FloatArray,
    Resampling,
)
from mtnlg.evaluation.texts import Texts, check_texts
from mtnlg.process.progress import Task
from mtnlg.records.files import JsonObject
from mtnlg.records.places import PREDICTIONS_FILE
from mtnlg.records.rows import Prediction, read_predictions
from mtnlg.records.scores import (
    CLEAN,
    NEW_DIALOGUES,
    MetricScore,
    Scores,
    SubsetScores,
    save_scores,
)

CONTAMINATION_PREFIX = "train_"
"""The start of tags that are contamination signals."""

DIALOGUE_TAG = "train_dialogue"
"""The signal that training has the whole dialogue of the row."""

EMPTY = {
    CLEAN: "every row has a signal that training may have seen it",
    NEW_DIALOGUES: "every row's whole dialogue stands in training",
}
"""Subset -> the reason where it has no row."""

CHUNK_ROWS = 1_000
"""Enough rows to count their n-grams quickly, few enough to spread over processes."""

REMEDY = "score fewer rows or systems at a time"

Wanted = Mapping[str, Sequence[int]]
"""Metric -> indexes of the systems that it is computed for."""

Measured = dict[str, list[FloatArray]]
"""Metric -> statistics (N, K) of each system that it is computed for."""


def make_scores(
    artifacts_root: str | Path, predictions: Artifact, *, language: str, settings: EvaluationConfig
) -> Artifact:
    """The scores of a folder of predictions, whoever made these; the language is that of the
    references.
    """
    inputs: JsonObject = {
        "predictions": predictions.key,
        "language": language,
        "evaluation": plain_settings(
            settings, without=("has_baselines", "model_folders", "equivalence_margin")
        ),
    }
    models = settings.model_folders
    if models:
        inputs["models"] = {name: folder_sha256(Path(models[name])) for name in sorted(models)}

    def build(folder: Path) -> None:
        scores = score_predictions(
            read_predictions(predictions.folder / PREDICTIONS_FILE),
            language=language,
            metrics=settings.metrics or (),
            resampling=Resampling(
                num_resamples=settings.num_resamples,
                confidence=settings.confidence,
                seed=settings.seed,
                is_bca=settings.has_bca_intervals,
            ),
            model_folders=models,
        )
        save_scores(folder, scores)

    code = Code(
        make_scores,
        packages=("sacrebleu", "rouge-score", "numpy"),
        rows=used_metrics(settings.metrics or ()),
    )
    return make_folder(artifacts_root, "scores", inputs, build, code=code)


def score_predictions(
    predictions: Sequence[Prediction],
    *,
    language: str,
    metrics: Sequence[str],
    resampling: Resampling = DEFAULT_RESAMPLING,
    model_folders: Mapping[str, str] | None = None,
) -> Scores:
    """Every metric on all rows, and on each subset that leaves rows out.

    The language is that of the references; model folders are by name of the metric that reads one.
    Raises ConfigError for an unknown metric and DataError, naming the row, for text that cannot be
    scored.
    """
    chosen = [find_metric(name, model_folders=model_folders) for name in dict.fromkeys(metrics)]
    texts = Texts(
        [row.prediction for row in predictions],
        [row.references for row in predictions],
        language=language,
        sources=[row.source for row in predictions],
        ids=[row.id for row in predictions],
    )
    check_texts(texts)
    measured, not_run = measure_whole(chosen, [texts], {metric.name: [0] for metric in chosen})
    statistics = {name: array for name, (array,) in measured.items()}
    run = [metric for metric in chosen if metric.name in statistics]
    masks = {
        CLEAN: np.array([not is_contaminated(row) for row in predictions], np.bool_),
        NEW_DIALOGUES: np.array([DIALOGUE_TAG not in row.tags for row in predictions], np.bool_),
    }
    subsets: dict[str, SubsetScores] = {}
    for name, mask in {"all": np.ones(len(predictions), np.bool_), **masks}.items():
        if not mask.any():
            subsets[name] = SubsetScores(0, {}, not_run, EMPTY[name])
        elif name == "all" or not mask.all():
            kept = texts.where(mask)
            scores = {
                metric.name: score_metric(
                    metric, statistics[metric.name][mask], kept, resampling=resampling
                )
                for metric in run
            }
            subsets[name] = SubsetScores(len(kept), scores, not_run)
    return Scores(language=language, subsets=subsets, statistics=statistics, masks=masks)


def is_contaminated(row: Prediction) -> bool:
    """True if the row has a contamination signal."""
    return any(tag.startswith(CONTAMINATION_PREFIX) for tag in row.tags)


def score_metric(
    metric: Metric, statistics: FloatArray, texts: Texts, *, resampling: Resampling
) -> MetricScore:
    """The score by the statistics (N, K) of texts, with its interval, or the reason for none."""
    reason = None if metric.is_resampleable else metric.interval_reason
    if reason is None and len(statistics) == 1:
        reason = "one example cannot be resampled"
    low, high, interval = (
        (None, None, None) if reason else resampling.interval(statistics, metric.aggregate)
    )
    return MetricScore(
        metric_value(metric, statistics, texts),
        low,
        high,
        len(statistics),
        metric.unit,
        metric.higher_is_better,
        interval,
        metric.signature(texts.references, texts.language),
        reason,
    )


def measure_systems(
    systems: Sequence[Texts], wanted: Wanted, *, num_processes: int, task: Task
) -> Measured:
    """The statistics of all rows of systems with the same references; `task` counts the rows."""
    num_rows = len(systems[0])
    starts = range(0, num_rows, CHUNK_ROWS)
    chunks = ([texts.rows(start, start + CHUNK_ROWS) for texts in systems] for start in starts)
    measured = map_in_order(measure_chunk, wanted, chunks, num_workers=num_processes, remedy=REMEDY)
    parts: list[Measured] = []
    for start, part in zip(starts, measured, strict=True):
        parts.append(part)
        task.advance(min(CHUNK_ROWS, num_rows - start))
    by_system = {name: zip(*(part[name] for part in parts), strict=True) for name in wanted}
    return {name: list(map(np.concatenate, arrays)) for name, arrays in by_system.items()}


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
