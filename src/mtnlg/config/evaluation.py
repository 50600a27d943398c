"""How text is scored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

from mtnlg.config.checks import (
    CountOrZero,
    PositiveShare,
    above,
    at_least,
    check,
    check_fields,
    require,
)
from mtnlg.config.task import TaskKind

OVERLAP = ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "rougeLsum")
ENTITIES = ("entity_precision", "entity_recall", "entity_source_precision")
DEFAULT_METRICS = {
    TaskKind.translation: OVERLAP,
    TaskKind.summarization: (*OVERLAP, *ENTITIES),
    TaskKind.dialogue: (*OVERLAP, *ENTITIES),
}
"""Kind of task -> the metrics of a run that names none."""

NUM_TRIALS = 10_000
"""Trials of a paired test: sacreBLEU's default for approximate randomization. The least p-value is
1 / (NUM_TRIALS + 1), so that Holm's correction can still find differences among many systems.
"""


@dataclass(kw_only=True)
class EvaluationConfig:
    """The metrics, and the certainty of their values."""

    metrics: list[str] | None = None
    """Names of metrics, which may have options, as in rougeL-stem-mean. None: the usual ones of
    each kind of task.
    """
    model_folders: dict[str, str] = field(default_factory=dict)
    """Metric -> local folder of its model, for bertscore, comet and cometkiwi; no model is ever
    downloaded.
    """
    num_resamples: Annotated[int, at_least(100)] = 1_000
    """Bootstrap resamples of the test set."""
    confidence: PositiveShare = 0.95
    """Of intervals: how often they should hold the true value."""
    seed: CountOrZero = 12_345
    """Seed of the resampling; sacreBLEU's default."""
    has_bca_intervals: bool = False
    """Intervals corrected for bias and skewness (BCa, Efron 1987) instead of percentile intervals.
    Where BCa is undefined, as for equal examples, the interval's name says so.
    """
    has_baselines: bool = True
    """Trivial systems as rows of every board."""
    equivalence_margin: dict[str, float] = field(default_factory=dict)
    """Main metric -> the difference, in its unit, within which two systems are as good as equal. It
    makes boards test for equivalence (TOST), and changes no score:
    `+evaluation.equivalence_margin.bleu=1`.
    """

    def __post_init__(self) -> None:
        is_named = self.metrics is None or bool(self.metrics)
        require(is_named, "evaluation.metrics", self.metrics, "at least one metric")
        check_fields(self, "evaluation.")
        for metric, margin in self.equivalence_margin.items():
            check(f"evaluation.equivalence_margin.{metric}", margin, above(0))

    def for_kind(self, kind: TaskKind) -> EvaluationConfig:
        """The settings for one kind of task, with its metrics named."""
        return replace(self, metrics=self.metrics or [*DEFAULT_METRICS.get(kind, OVERLAP)])
