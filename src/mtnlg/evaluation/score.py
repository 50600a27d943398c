"""From predictions to scores: each metric with value, interval, number of examples and signature.

Statistics are extracted once; each subset of the rows is aggregated from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mtnlg.evaluation.metrics.base import Metric, MetricNotRunError, measure, metric_value
from mtnlg.evaluation.metrics.registry import find_metric
from mtnlg.evaluation.significance.bootstrap import (
    DEFAULT_RESAMPLING,
    BoolArray,
    FloatArray,
    Resampling,
)
from mtnlg.evaluation.texts import Texts, check_texts
from mtnlg.records.rows import Prediction
from mtnlg.records.scores import CLEAN, NEW_DIALOGUES, MetricScore, Scores, SubsetScores

CONTAMINATION_PREFIX = "train_"
"""The start of tags that are contamination signals."""

DIALOGUE_TAG = "train_dialogue"
"""The signal that training has the whole dialogue of the row."""

EMPTY = {
    CLEAN: "every row has a signal that training may have seen it",
    NEW_DIALOGUES: "every row's whole dialogue stands in training",
}
"""Subset -> the reason where it has no row."""


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
    statistics, not_run = _measured(chosen, texts)
    run = [metric for metric in chosen if metric.name in statistics]
    masks = {
        CLEAN: np.array([not is_contaminated(row) for row in predictions], dtype=np.bool_),
        NEW_DIALOGUES: np.array([DIALOGUE_TAG not in row.tags for row in predictions], np.bool_),
    }
    everything = np.ones(len(predictions), np.bool_)
    chosen_rows = {name: mask for name, mask in masks.items() if not mask.all()}
    subsets = {
        name: SubsetScores(0, {}, not_run, EMPTY[name])
        if not mask.any()
        else SubsetScores(
            int(mask.sum()),
            _score_rows(run, statistics, texts, mask=mask, resampling=resampling),
            not_run,
        )
        for name, mask in {"all": everything, **chosen_rows}.items()
    }
    return Scores(language=language, subsets=subsets, statistics=statistics, masks=masks)


def _measured(
    metrics: Sequence[Metric], texts: Texts
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """The statistics of the metrics that run here, and the reason for each that does not."""
    statistics: dict[str, FloatArray] = {}
    not_run: dict[str, str] = {}
    for metric in metrics:
        try:
            statistics[metric.name] = measure(metric, texts)
        except MetricNotRunError as reason:
            not_run[metric.name] = f"not run: {reason}"
    return statistics, not_run


def is_contaminated(row: Prediction) -> bool:
    """True if the row has a contamination signal."""
    return any(tag.startswith(CONTAMINATION_PREFIX) for tag in row.tags)


def _score_rows(
    metrics: Sequence[Metric],
    statistics: Mapping[str, FloatArray],
    texts: Texts,
    *,
    mask: BoolArray,
    resampling: Resampling,
) -> dict[str, MetricScore]:
    kept = texts.where(mask)
    return {
        metric.name: score_metric(
            metric, statistics[metric.name][mask], kept, resampling=resampling
        )
        for metric in metrics
    }


def score_metric(
    metric: Metric, statistics: FloatArray, texts: Texts, *, resampling: Resampling
) -> MetricScore:
    """The score by the statistics (N, K) of texts, with its interval or the reason for none."""
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
