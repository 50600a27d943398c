"""From predictions and references to signed scores with intervals: metrics, statistics, baselines.

Plain Python on text, for outputs of any system; refuses to know: models, training, reports.
"""

from __future__ import annotations

from mtnlg.evaluation.baselines import BASELINES, Baseline, baselines_for
from mtnlg.evaluation.metrics import (
    METRICS,
    Metric,
    find_metric,
    measure,
    metric_value,
    score_texts,
)
from mtnlg.evaluation.score import (
    MetricScore,
    Scores,
    SubsetScores,
    is_contaminated,
    load_scores,
    save_scores,
    score_predictions,
)
from mtnlg.evaluation.statistics import bootstrap_interval, resampled_sums

__all__ = [
    "BASELINES",
    "METRICS",
    "Baseline",
    "Metric",
    "MetricScore",
    "Scores",
    "SubsetScores",
    "baselines_for",
    "bootstrap_interval",
    "find_metric",
    "is_contaminated",
    "load_scores",
    "measure",
    "metric_value",
    "resampled_sums",
    "save_scores",
    "score_predictions",
    "score_texts",
]
