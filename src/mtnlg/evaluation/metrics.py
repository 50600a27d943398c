"""The metrics by name; adding one is a function for each example's statistics and a METRICS row.

A metric gives statistics (N, K) for N examples and turns their sums into a value of 0 to 100.
Intervals and paired tests need nothing else. Other packages add metrics by the entry point group
`mtnlg.metrics`. Refuses to know: where texts come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

import numpy as np

from mtnlg.errors import ConfigError, DataError
from mtnlg.evaluation.bleu import (
    bleu_length,
    bleu_signature,
    bleu_statistics,
    bleu_values,
    sentence_bleu_values,
)
from mtnlg.evaluation.chrf import chrf_length, chrf_signature, chrf_statistics, chrf_values
from mtnlg.evaluation.inputs import check_texts, row_name
from mtnlg.evaluation.rouge import (
    lcs_statistics,
    mean_f_measure,
    ngram_statistics,
    rouge_length,
    rouge_signature,
    summary_lcs_statistics,
)
from mtnlg.evaluation.statistics import Aggregate, FloatArray

ENTRY_POINTS = "mtnlg.metrics"

Statistics = Callable[[Sequence[str], Sequence[Sequence[str]], str], FloatArray]
"""Hypotheses, references of each, language of both -> statistics (N, K)."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How well hypotheses agree with their references, as sums over examples."""

    name: str
    higher_is_better: bool = True
    unit: str = "0-100"
    statistics: Statistics
    aggregate: Aggregate
    aggregate_of_one: Aggregate | None = None
    """The value of a single example, where a corpus of one would score it poorly; None:
    `aggregate`."""
    signature: Callable[[Sequence[Sequence[str]], str], str]
    """References and language -> all that can change the value, in sacreBLEU's form."""
    length: Callable[[str, str], int]
    """Text and language -> its size in the metric's tokens, at most its number of characters."""
    max_tokens: int
    """Longest text that is scored: beyond it, time or memory runs away."""
    is_resampleable: bool = True
    """False where a resampled corpus has other values by construction, as with distinct words."""
    reason_not: str = ""
    """Why there is no interval, where the metric is not resampleable."""


_rouge_metric = partial(
    Metric,
    aggregate=mean_f_measure,
    signature=rouge_signature,
    length=rouge_length,
    max_tokens=200_000,
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="bleu",
            statistics=bleu_statistics,
            aggregate=bleu_values,
            aggregate_of_one=sentence_bleu_values,
            signature=bleu_signature,
            length=bleu_length,
            max_tokens=200_000,
        ),
        Metric(
            name="chrf",
            statistics=chrf_statistics,
            aggregate=chrf_values,
            signature=chrf_signature,
            length=chrf_length,
            max_tokens=200_000,
        ),
        _rouge_metric(name="rouge1", statistics=partial(ngram_statistics, order=1)),
        _rouge_metric(name="rouge2", statistics=partial(ngram_statistics, order=2)),
        _rouge_metric(name="rougeL", statistics=lcs_statistics, max_tokens=20_000),
        _rouge_metric(name="rougeLsum", statistics=summary_lcs_statistics, max_tokens=20_000),
    )
}


def find_metric(name: str, *, key: str = "evaluation.metrics") -> Metric:
    """The metric of that name, ours before those of others; raises ConfigError, naming the setting
    it stands in, if it is unknown.
    """
    if name in METRICS:
        return METRICS[name]
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        known = [*METRICS, *sorted(set(found) - set(METRICS))]
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


def measure(
    metric: Metric,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    language: str,
    ids: Sequence[str] | None = None,
) -> FloatArray:
    """The metric's statistics (N, K) of texts that are checked first.

    Raises DataError, naming the row, for what check_texts refuses and for texts beyond
    `max_tokens`.
    """
    check_texts(hypotheses, references, ids=ids)
    for index, (hypothesis, targets) in enumerate(zip(hypotheses, references, strict=True)):
        for text in (hypothesis, *targets):
            _refuse_longer(text, metric, language=language, row=row_name(index, ids))
    statistics = metric.statistics(hypotheses, references, language)
    if statistics.ndim != 2 or len(statistics) != len(hypotheses):
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it gave statistics of shape "
            f"{statistics.shape}; they must be ({len(hypotheses)}, K), a row for each example"
        )
    return statistics


def score_texts(
    name: str, hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> float:
    """One metric's value on a corpus, without an interval, as for a validation curve."""
    metric = find_metric(name)
    return metric_value(metric, measure(metric, hypotheses, references, language=language))


def sentence_scores(
    metric: Metric, hypotheses: Sequence[str], references: Sequence[str], *, language: str
) -> FloatArray:
    """The value of each text against its one reference, (N,), more is better; an empty text scores
    as the metric has it.
    """
    statistics = metric.statistics(hypotheses, [[one] for one in references], language)
    values = (metric.aggregate_of_one or metric.aggregate)(statistics)
    return values if metric.higher_is_better else -values


def metric_value(metric: Metric, statistics: FloatArray) -> float:
    """The value of statistics (N, K); raises ConfigError where it is no finite number."""
    value = float(metric.aggregate(statistics.sum(axis=0)))
    if not np.isfinite(value):
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it gave {value} for {len(statistics)} "
            "examples; leave it out or correct it"
        )
    return value


def excess_tokens(metric: Metric, text: str, *, language: str) -> int | None:
    """The size of a text that is too long for the metric; None for any other."""
    if len(text) <= metric.max_tokens:
        return None
    num_tokens = metric.length(text, language)
    return num_tokens if num_tokens > metric.max_tokens else None


def _refuse_longer(text: str, metric: Metric, *, language: str, row: str) -> None:
    num_tokens = excess_tokens(metric, text, language=language)
    if num_tokens is not None:
        raise DataError(
            f"{row}: a text of {num_tokens} tokens; {metric.name} is computed for at most "
            f"{metric.max_tokens}; drop the row, or leave the metric out of evaluation.metrics"
        )
