"""All metrics by name. A file of metrics declares its own in METRICS; one line here adds them.

A name may carry words after hyphens that change settings, such as `rougeL-stem-mean` or `bleu-lc`.
Other packages add metrics by the entry point group `mtnlg.metrics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mtnlg.config.foreign_names import metric_hint
from mtnlg.errors import ConfigError
from mtnlg.evaluation.metrics import bleu, chrf, entities, nist, optional, outputs, rouge, ter
from mtnlg.evaluation.metrics.base import Family, Metric, MetricNotRunError, measure, metric_value
from mtnlg.evaluation.texts import Texts
from mtnlg.plugins import Table, UsedRow

DECLARED: tuple[Metric | Family, ...] = (
    *bleu.METRICS,
    *chrf.METRICS,
    *rouge.METRICS,
    *ter.METRICS,
    *nist.METRICS,
    *outputs.METRICS,
    *entities.METRICS,
)
FAMILIES = {row.name: row for row in DECLARED if isinstance(row, Family)}
METRICS: dict[str, Metric] = {name: family.plain for name, family in FAMILIES.items()} | {
    row.name: row for row in DECLARED if isinstance(row, Metric)
}
"""All but the optional ones, which need packages or models of others."""
METRIC_TABLE = Table("mtnlg.metrics", Metric, METRICS | optional.METRICS)


def find_metric(
    name: str,
    *,
    key: str = "evaluation.metrics",
    model_folders: Mapping[str, str] | None = None,
) -> Metric:
    """The metric of that name, ours or another package's.

    Model folders are by name of the metric that reads one. Raises ConfigError, naming the setting
    `key`, where the name is unknown.
    """
    if name in METRICS:
        return METRICS[name]
    base, *words = name.split("-")
    if base in optional.METRICS:
        metric = optional.find_optional(name, key=key, model_folders=model_folders)
        if metric is not None:
            return metric
    if base in FAMILIES and words:
        return FAMILIES[base].variant(name, words, key=key)
    return METRIC_TABLE.find(name, key=key, hint=metric_hint)


def used_metrics(names: Iterable[str]) -> tuple[UsedRow, ...]:
    """The metrics of these names as rows that a stage uses."""
    return tuple(METRIC_TABLE.used(name, find_metric(name)) for name in dict.fromkeys(names))


def score_texts(name: str, texts: Texts) -> float:
    """The value of one metric on a corpus, without an interval."""
    metric = find_metric(name)
    try:
        return metric_value(metric, measure(metric, texts), texts)
    except MetricNotRunError as reason:
        raise ConfigError(f"{name} cannot be measured: {reason}") from None
