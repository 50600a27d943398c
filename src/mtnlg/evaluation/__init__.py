"""Scores of outputs of any system, with intervals and signatures: metrics, tests, baselines.

Plain Python on text, without models.
"""

from __future__ import annotations

from mtnlg.evaluation.baselines import baselines_for, write_baseline
from mtnlg.evaluation.metrics.base import Metric, MetricNotRunError, measure, sentence_scores
from mtnlg.evaluation.metrics.registry import METRICS, find_metric, score_texts
from mtnlg.evaluation.score import score_metric, score_predictions
from mtnlg.evaluation.significance.bootstrap import Resampling
from mtnlg.evaluation.texts import Texts

__all__ = [
    "METRICS",
    "Metric",
    "MetricNotRunError",
    "Resampling",
    "Texts",
    "baselines_for",
    "find_metric",
    "measure",
    "score_metric",
    "score_predictions",
    "score_texts",
    "sentence_scores",
    "write_baseline",
]
