"""What a metric is: statistics of each example and their aggregate, or a value of a whole corpus.

A metric gives statistics (N, K) for N examples and turns their sums into a value. Intervals and
paired tests need nothing else. Refuses to know: which metrics there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtnlg.errors import ConfigError, DataError
from mtnlg.evaluation.significance.bootstrap import Aggregate, FloatArray
from mtnlg.evaluation.texts import Texts, check_texts

Statistics = Callable[[Texts], FloatArray]
"""N examples -> statistics (N, K)."""


def no_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 0), of a metric whose value is no aggregate of examples."""
    return np.zeros((len(texts), 0))


def no_aggregate(sums: FloatArray) -> FloatArray:
    """Never a number: nothing can be made of statistics (..., 0)."""
    return np.full(sums.shape[:-1], np.nan)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How good or how varied outputs are: sums over examples, or else a value of all of them."""

    name: str
    higher_is_better: bool | None = True
    """None: it describes, and no direction is better; no board is ranked by it."""
    unit: str = "0-100"
    statistics: Statistics = no_statistics
    aggregate: Aggregate = no_aggregate
    aggregate_of_one: Aggregate | None = None
    """The value of a single example, where a corpus of one would score it poorly; None:
    `aggregate`."""
    corpus_value: Callable[[Texts], float] | None = None
    """The value where it is no aggregate of examples, as with distinct words: a resampled corpus
    has other values by construction. `statistics` and `aggregate` are left out then."""
    reason_not: str = ""
    """Why there is no interval, where there is a corpus_value."""
    signature: Callable[[Sequence[Sequence[str]], str], str]
    """References and language -> all that can change the value, in sacreBLEU's form."""
    length: Callable[[str, str], int]
    """Text and language -> its size in the metric's tokens, at most its number of characters."""
    max_tokens: int
    """Longest text that is scored: beyond it, time or memory runs away."""
    needs_sources: bool = False
    is_whole: bool = False
    """Measured of all examples in one go, as it loads a model first."""

    @property
    def is_resampleable(self) -> bool:
        """True where intervals and paired tests can be made of its statistics."""
        return self.corpus_value is None


def measure(metric: Metric, texts: Texts) -> FloatArray:
    """The metric's statistics (N, K) of texts that are checked first.

    Raises DataError, naming the row, for what check_texts refuses and for texts beyond
    `max_tokens`, and ConfigError where sources are needed and not given.
    """
    check_texts(texts)
    if metric.needs_sources and texts.sources is None:
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it compares outputs with their sources, and "
            "there are none; give them (--sources), or leave it out"
        )
    for index, (hypothesis, targets) in enumerate(
        zip(texts.hypotheses, texts.references, strict=True)
    ):
        for text in (hypothesis, *targets):
            _refuse_longer(text, metric, language=texts.language, row=texts.row_name(index))
    statistics = metric.statistics(texts)
    if statistics.ndim != 2 or len(statistics) != len(texts):
        raise ConfigError(
            f"evaluation.metrics has {metric.name!r}: it gave statistics of shape "
            f"{statistics.shape}; they must be ({len(texts)}, K), a row for each example"
        )
    return statistics


def metric_value(metric: Metric, statistics: FloatArray, texts: Texts) -> float:
    """The value of statistics (N, K) and of the texts that they are of; raises ConfigError where it
    is no finite number.
    """
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
    """The value of each row alone, (N,), where more is better."""
    values = (metric.aggregate_of_one or metric.aggregate)(metric.statistics(texts))
    return values if metric.higher_is_better else -values


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


@dataclass(frozen=True, kw_only=True)
class Family:
    """Metrics that differ in their settings alone."""

    make: Callable[[str, Any], Metric]
    """A name and settings -> the metric."""
    settings: Any
    """Those of the name without words: a dataclass."""
    words: Mapping[str, Mapping[str, object]]
    """Word of a name -> the settings that it changes."""


LOWERCASE: dict[str, Mapping[str, object]] = {"lc": {"is_lowercase": True}}
"""The word that lower-cases both texts."""
