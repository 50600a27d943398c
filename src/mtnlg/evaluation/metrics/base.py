"""What a metric is: statistics of each example and their aggregate, or a value of a whole corpus.

A metric gives statistics (N, K) for N examples and turns their sums into a value. Intervals and
paired tests need nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from mtnlg.errors import ConfigError, DataError
from mtnlg.evaluation.significance.bootstrap import Aggregate, FloatArray
from mtnlg.evaluation.texts import Texts, check_texts

Statistics = Callable[[Texts], FloatArray]
"""N examples -> statistics (N, K)."""


class MetricNotRunError(Exception):
    """Why a metric cannot run on this machine or for this language."""


def no_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 0), for a metric whose value is no aggregate of examples."""
    return np.zeros((len(texts), 0))


def no_aggregate(sums: FloatArray) -> FloatArray:
    """NaN, as statistics (..., 0) have no value."""
    return np.full(sums.shape[:-1], np.nan)


def ratio(sums: FloatArray) -> FloatArray:
    """The first divided by the second of summed statistics (..., 2); 0 where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], 0.0)


def percentage(sums: FloatArray) -> FloatArray:
    """Like `ratio`, times 100."""
    return ratio(sums * np.array([100.0, 1.0]))


def with_ones(values: Sequence[float] | FloatArray) -> FloatArray:
    """Statistics (N, 2) of values and ones, so that `ratio` of their sums is the mean."""
    return np.column_stack([np.asarray(values, np.float64), np.ones(len(values))])


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A score of outputs: an aggregate of statistics of examples, or a value of the corpus."""

    name: str
    higher_is_better: bool | None = True
    """None: the metric only describes; no direction is better and no board is ranked by it."""
    unit: str = "0-100"
    statistics: Statistics = no_statistics
    aggregate: Aggregate = no_aggregate
    aggregate_of_one: Aggregate | None = None
    """The value of a single example, where `aggregate` would score a corpus of one too low; None:
    `aggregate`."""
    corpus_value: Callable[[Texts], float] | None = None
    """The value where it is no aggregate of examples, as with distinct words, which a resampled
    corpus has fewer of. `statistics` and `aggregate` are then left out."""
    interval_reason: str = ""
    """Why there is no interval, for a metric with a `corpus_value`."""
    signature: Callable[[Sequence[Sequence[str]], str], str]
    """References and language -> everything that can change the value, in sacreBLEU's form."""
    length: Callable[[str, str], int]
    """Text and language -> length in the metric's tokens, at most the number of characters."""
    max_tokens: int
    """Longest text that is scored; longer ones take too much time or memory."""
    needs_sources: bool = False
    is_whole: bool = False
    """All examples are measured at once, as they share a model or how their corpus is written."""
    needs_model: bool = False
    """The metric reads a model or dictionary that is not ours."""

    @property
    def is_resampleable(self) -> bool:
        """True if intervals and paired tests can be computed from the statistics."""
        return self.corpus_value is None


@dataclass(frozen=True, kw_only=True)
class Family:
    """Metrics that differ only in their settings, which words in the name change."""

    name: str
    """The name without words, for the metric with the settings below."""
    make: Callable[[str, Any], Metric]
    """Name and settings -> the metric."""
    settings: Any
    """A dataclass."""
    words: Mapping[str, Mapping[str, object]]
    """Word -> the settings that it changes."""

    @property
    def plain(self) -> Metric:
        """The metric whose name has no words."""
        return self.make(self.name, self.settings)

    def variant(self, name: str, words: Sequence[str], *, key: str) -> Metric:
        """The metric of a name with words; raises ConfigError, naming the setting `key`."""
        changes: dict[str, object] = {}
        for word in words:
            if word not in self.words:
                known = ", ".join(self.words)
                raise ConfigError(
                    f"{key} has {name!r}: {self.name} knows the words {known}, not {word!r}"
                )
            if set(changes) & set(self.words[word]):
                raise ConfigError(f"{key} has {name!r}: {word!r} and a word before it say the same")
            changes |= self.words[word]
        return self.make(name, replace(self.settings, **changes))


LOWERCASE: dict[str, Mapping[str, object]] = {"lc": {"is_lowercase": True}}
"""The word that lowercases both texts."""


def measure(metric: Metric, texts: Texts) -> FloatArray:
    """The metric's statistics (N, K) of texts, which are checked first.

    Raises DataError, naming the row, where check_texts does and for texts beyond `max_tokens`, and
    ConfigError for a metric that needs sources where there are none.
    """
    check_texts(texts)
    if metric.needs_sources and texts.sources is None:
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it compares outputs with their sources, and "
            "there are none; give them (--sources), or leave it out"
        )
    pairs = zip(texts.hypotheses, texts.references, strict=True)
    rows = [(text, *targets) for text, targets in pairs]
    if (excess := first_excess(metric, rows, language=texts.language)) is not None:
        index, num_tokens = excess
        raise DataError(
            f"{texts.row_name(index)}: a text of {num_tokens} tokens; {metric.name} is computed "
            f"for at most {metric.max_tokens}; drop the row, or leave the metric out of "
            "evaluation.metrics"
        )
    statistics = metric.statistics(texts)
    if statistics.ndim != 2 or len(statistics) != len(texts):
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it gave statistics of shape "
            f"{statistics.shape}; they must be ({len(texts)}, K), a row for each example"
        )
    return statistics


def metric_value(metric: Metric, statistics: FloatArray, texts: Texts) -> float:
    """The value by the statistics (N, K) of texts; raises ConfigError where it is not finite."""
    if metric.corpus_value is not None:
        value = metric.corpus_value(texts)
    else:
        value = float(metric.aggregate(statistics.sum(axis=0)))
    if not np.isfinite(value):
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it gave {value} for {len(statistics)} "
            "examples; leave it out or correct it"
        )
    return value


def sentence_scores(metric: Metric, texts: Texts) -> FloatArray:
    """The value of each row alone, (N,), negated where lower is better."""
    values = (metric.aggregate_of_one or metric.aggregate)(metric.statistics(texts))
    return values if metric.higher_is_better else -values


def first_excess(
    metric: Metric, rows: Sequence[Sequence[str]], *, language: str
) -> tuple[int, int] | None:
    """The position of the first row with a text that is too long for the metric, and the tokens of
    that text; None if there is none. No text has more tokens than characters.
    """
    if max(map(len, chain.from_iterable(rows)), default=0) <= metric.max_tokens:
        return None
    for index, text in ((index, text) for index, texts in enumerate(rows) for text in texts):
        if len(text) > metric.max_tokens:
            num_tokens = metric.length(text, language)
            if num_tokens > metric.max_tokens:
                return index, num_tokens
    return None
