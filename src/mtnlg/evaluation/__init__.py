"""Scores of outputs of any system, with intervals and signatures: metrics, tests, baselines.

Plain Python on text, without models.
"""

from __future__ import annotations

from mtnlg.evaluation.baselines import BASELINES, baselines_for, write_baseline
from mtnlg.evaluation.metrics.base import (
    Metric,
    MetricNotRunError,
    measure,
    sentence_scores,
)
from mtnlg.evaluation.metrics.registry import METRICS, find_metric, score_texts
from mtnlg.evaluation.score import score_metric, score_predictions
from mtnlg.evaluation.significance.bootstrap import (
    DEFAULT_RESAMPLING,
    Resampling,
    bca_interval,
    bootstrap_interval,
    resampled_sums,
)
from mtnlg.evaluation.significance.comparison import (
    Comparison,
    PairedTest,
    compact_letter_display,
    compare_systems,
    correct_by_holm,
    detectable_difference,
)
from mtnlg.evaluation.significance.seeds import SeededValue, compare_with_seeds, seeded_value
from mtnlg.evaluation.texts import Texts

__all__ = [
    "BASELINES",
    "DEFAULT_RESAMPLING",
    "METRICS",
    "Comparison",
    "Metric",
    "MetricNotRunError",
    "PairedTest",
    "Resampling",
    "SeededValue",
    "Texts",
    "baselines_for",
    "bca_interval",
    "bootstrap_interval",
    "compact_letter_display",
    "compare_systems",
    "compare_with_seeds",
    "correct_by_holm",
    "detectable_difference",
    "find_metric",
    "measure",
    "resampled_sums",
    "score_metric",
    "score_predictions",
    "score_texts",
    "seeded_value",
    "sentence_scores",
    "write_baseline",
]
