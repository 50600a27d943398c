"""The metrics by name; adding one is a function for each example's statistics and a METRICS row.

A name may carry words after hyphens that say what is done differently, as in `rougeL-stem-mean` or
`bleu-lc`. Other packages add metrics by the entry point group `mtnlg.metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtnlg.errors import ConfigError
from mtnlg.evaluation.metrics import (
    abstractiveness,
    bleu,
    chrf,
    diversity,
    nist,
    rouge,
    surface,
    ter,
)
from mtnlg.evaluation.metrics.base import Family, Metric, measure, metric_value
from mtnlg.evaluation.metrics.optional import OPTIONAL
from mtnlg.evaluation.texts import Texts
from mtnlg.plugins import Table

ROOMS = (bleu, chrf, rouge, ter, nist, surface, diversity, abstractiveness)
"""Each file of metrics declares METRICS, or FAMILIES of them that differ in words of the name."""
FAMILIES: dict[str, Family] = {
    name: family for room in ROOMS for name, family in getattr(room, "FAMILIES", {}).items()
}
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(family.make(name, family.settings) for name, family in FAMILIES.items()),
        *(metric for room in ROOMS for metric in getattr(room, "METRICS", ())),
    )
}
METRIC_TABLE = Table(
    "mtnlg.metrics", Metric, METRICS | {name: make(None) for name, make in OPTIONAL.items()}
)


def find_metric(
    name: str,
    *,
    key: str = "evaluation.metrics",
    model_folders: Mapping[str, str] | None = None,
) -> Metric:
    """The metric of that name, ours or another package's; raises ConfigError, naming the setting
    it stands in, if it is unknown.
    """
    if name in METRICS:
        return METRICS[name]
    if name in OPTIONAL:
        folder = (model_folders or {}).get(name)
        return OPTIONAL[name](None if folder is None else Path(folder))
    base, *words = name.split("-")
    if base in FAMILIES and words:
        return _variant(name, base, words, key=key)
    return METRIC_TABLE.find(name, key=key)


def _variant(name: str, base: str, words: Sequence[str], *, key: str) -> Metric:
    family = FAMILIES[base]
    changes: dict[str, object] = {}
    for word in words:
        if word not in family.words:
            known = ", ".join(family.words)
            raise ConfigError(f"{key} has {name!r}: {base} knows the words {known}, not {word!r}")
        twice = set(changes) & set(family.words[word])
        if twice:
            raise ConfigError(f"{key} has {name!r}: {word!r} and a word before it say the same")
        changes |= family.words[word]
    return family.make(name, replace(family.settings, **changes))


def score_texts(name: str, texts: Texts) -> float:
    """The value of one metric on a corpus, without an interval: for validation, for example."""
    metric = find_metric(name)
    return metric_value(metric, measure(metric, texts), texts)
