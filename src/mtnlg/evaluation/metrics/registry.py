"""The metrics by name; adding one is a function for each example's statistics and a METRICS row.

A name may carry words after hyphens that say what is done differently, as in `rougeL-stem-mean` or
`bleu-lc`. Other packages add metrics by the entry point group `mtnlg.metrics`. Refuses to know:
where texts come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
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

ENTRY_POINTS = "mtnlg.metrics"


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


def find_metric(
    name: str,
    *,
    key: str = "evaluation.metrics",
    model_folders: Mapping[str, str] | None = None,
) -> Metric:
    """The metric of that name, ours before those of others; raises ConfigError, naming the setting
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
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        known = [*METRICS, *OPTIONAL, *sorted(set(found) - set(METRICS))]
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"{key} has {name!r}; known: {', '.join(known)}{hint}")
    metric = found[name].load()
    if not isinstance(metric, Metric):
        raise ConfigError(
            f"{key} has {name!r}: the entry point {found[name].value} is a "
            f"{type(metric).__name__}; it must be an mtnlg.evaluation.Metric"
        )
    return metric


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


def score_texts(
    name: str,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    language: str,
    sources: Sequence[str] | None = None,
) -> float:
    """One metric's value on a corpus, without an interval, as for a validation curve."""
    metric = find_metric(name)
    statistics = measure(metric, hypotheses, references, language=language, sources=sources)
    texts = Texts(hypotheses=hypotheses, references=references, language=language, sources=sources)
    return metric_value(metric, statistics, texts)
