"""ROUGE (Lin 2004): F-measures of n-grams and of longest common subsequences (LCS).

Equal to the rouge_score package, and tested against it; written again because that one is slow
(quadratic Python, and a second to import) and knows no script but a-z. Statistics: the F-measure
against the best reference, or the mean over the references, from 0 to 1; and the constant 1, so
that sums give a mean.
Legend: I tokens of the target, J tokens of the prediction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count
from typing import Any, TypeVar

import numpy as np
from rapidfuzz.distance import LCSseq

from mtnlg.errors import ConfigError
from mtnlg.evaluation.metrics.base import Family, Metric
from mtnlg.evaluation.metrics.ngrams import IntArray, SymbolTexts, Vocabulary, clipped_matches
from mtnlg.evaluation.metrics.tokenization import ROUGE_TOKENIZERS, package_version, rouge_tokenizer
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, aligned_references, count_references
from mtnlg.text.scripts import base_language

ROUGE_SCORE_VERSION = "0.1.2"
"""The release of rouge_score that the numbers equal."""


TOKENS_KEPT = 4_096
"""Texts whose tokens are remembered from one metric to the next: those of some chunks of rows."""


Prepared = TypeVar("Prepared")


@dataclass(frozen=True, slots=True, kw_only=True)
class RougeSettings:
    """What papers do differently."""

    is_stemmed: bool = False
    """English words by their stems, as ROUGE-1.5.5 was often run."""
    is_mean: bool = False
    """Of several references the mean of their F-measures counts, and not the best."""
    has_jieba: bool = False
    """Chinese by words, and not by characters."""

    def tokenizer(self, language: str) -> str:
        """A row of ROUGE_TOKENIZERS; raises ConfigError for a language that it is not for."""
        if self.is_stemmed:
            if base_language(language) != "en":
                raise ConfigError(
                    f"ROUGE with a stemmer is for English, and not for language={language}; leave "
                    "`-stem` out of the metric's name"
                )
            return "rouge_score_stems"
        if self.has_jieba:
            if base_language(language) != "zh":
                raise ConfigError(
                    f"ROUGE with jieba is for Chinese, and not for language={language}; leave "
                    "`-jieba` out of the metric's name"
                )
            return "jieba"
        return rouge_tokenizer(language)


PLAIN = RougeSettings()


def ngram_statistics(texts: Texts, settings: RougeSettings = PLAIN, *, order: int) -> FloatArray:
    """ROUGE-N: statistics (N, 2) of clipped n-gram matches."""
    vocabulary = Vocabulary()
    tokenizer = settings.tokenizer(texts.language)

    def encode(texts: Sequence[str | None]) -> SymbolTexts:
        return vocabulary.encode([_tokens(text or "", tokenizer) for text in texts])

    hypothesis = encode(texts.hypotheses)
    values = []
    for targets in aligned_references(texts.references):
        target = encode(targets)
        matches = clipped_matches(hypothesis, [target], order=order)[:, -1]
        lengths = (target.num_ngrams(order), hypothesis.num_ngrams(order))
        is_there = [one is not None for one in targets]
        values.append(np.where(is_there, _f_measures(matches, *lengths), np.nan))
    return _of_references(np.stack(values), settings)


def lcs_statistics(texts: Texts, settings: RougeSettings = PLAIN) -> FloatArray:
    """ROUGE-L: statistics (N, 2) of the longest common subsequence of the whole texts."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    tokenizer = settings.tokenizer(texts.language)

    def prepare(text: str) -> list[int]:
        return list(map(numbers.__getitem__, _tokens(text, tokenizer)))

    return _statistics(texts, settings, prepare, _lcs_f_measure)


def summary_lcs_statistics(texts: Texts, settings: RougeSettings = PLAIN) -> FloatArray:
    """ROUGE-Lsum: statistics (N, 2) of the union of the LCS of sentences; a line is a sentence."""
    tokenizer = settings.tokenizer(texts.language)

    def prepare(text: str) -> list[Sequence[str]]:
        return [_tokens(line, tokenizer) for line in text.split("\n") if line]

    return _statistics(texts, settings, prepare, _summary_lcs_f_measure)


def mean_f_measure(sums: FloatArray) -> FloatArray:
    """The mean F-measure, 0 to 100, from summed statistics (..., 2)."""
    return 100 * sums[..., 0] / sums[..., 1]


def rouge_signature(
    references: Sequence[Sequence[str]], language: str, settings: RougeSettings = PLAIN
) -> str:
    """A signature in sacreBLEU's form; `version` is the release of rouge_score."""
    num_references = count_references(references) or "var"
    several = "mean" if settings.is_mean else "best"
    stems = "porter" if settings.is_stemmed else "no"
    tokenizer = settings.tokenizer(language).removesuffix("_stems")
    if settings.has_jieba:
        tokenizer += f"-{package_version('jieba')}"
    return (
        f"nrefs:{num_references}|multi:{several}|stem:{stems}|tok:{tokenizer}|"
        f"version:{ROUGE_SCORE_VERSION}"
    )


def rouge_length(text: str, language: str, settings: RougeSettings = PLAIN) -> int:
    """Tokens of the text."""
    return len(_tokens(text, settings.tokenizer(language)))


@lru_cache(TOKENS_KEPT)
def _tokens(text: str, tokenizer: str) -> tuple[str, ...]:
    return tuple(ROUGE_TOKENIZERS[tokenizer](text))


def _statistics(
    texts: Texts,
    settings: RougeSettings,
    prepare: Callable[[str], Prepared],
    f_measure: Callable[[Prepared, Prepared], float],
) -> FloatArray:
    most = max(len(targets) for targets in texts.references)
    values = np.full((most, len(texts)), np.nan)
    for row, (hypothesis, targets) in enumerate(
        zip(texts.hypotheses, texts.references, strict=True)
    ):
        prediction = prepare(hypothesis)
        for place, target in enumerate(targets):
            values[place, row] = f_measure(prepare(target), prediction)
    return _of_references(values, settings)


def _of_references(values: FloatArray, settings: RougeSettings) -> FloatArray:
    """Statistics from F-measures (R, N), which are NaN where a reference is not there."""
    several = np.nanmean(values, axis=0) if settings.is_mean else np.nanmax(values, axis=0)
    return np.column_stack([several, np.ones_like(several)])


def _f_measures(
    num_matches: FloatArray, target_lengths: IntArray, prediction_lengths: IntArray
) -> FloatArray:
    """_f_measure of many, (N,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = num_matches / prediction_lengths, num_matches / target_lengths
        values = 2 * precision * recall / (precision + recall)
    return np.where(num_matches > 0, values, 0.0)


def _lcs_f_measure(target: list[int], prediction: list[int]) -> float:
    return _f_measure(LCSseq.similarity(target, prediction), len(target), len(prediction))


def _summary_lcs_f_measure(
    target: Sequence[Sequence[str]], prediction: Sequence[Sequence[str]]
) -> float:
    """The clipped union LCS of Lin 2004, sec. 3.2, and ROUGE-1.5.5."""
    target_left = Counter(token for sentence in target for token in sentence)
    prediction_left = Counter(token for sentence in prediction for token in sentence)
    target_length, prediction_length = target_left.total(), prediction_left.total()
    num_matches = 0
    for sentence in target:
        union = {place for other in prediction for place in _lcs_places(sentence, other)}
        for token in (sentence[place] for place in sorted(union)):
            if target_left[token] > 0 and prediction_left[token] > 0:
                num_matches += 1
                target_left[token] -= 1
                prediction_left[token] -= 1
    return _f_measure(num_matches, target_length, prediction_length)


def _f_measure(num_matches: int, target_length: int, prediction_length: int) -> float:
    """Like rouge_score in the order of its operations, so that the last digit is the same."""
    if num_matches == 0:
        return 0.0
    precision, recall = num_matches / prediction_length, num_matches / target_length
    return 2 * precision * recall / (precision + recall)


def _lcs_places(target: Sequence[str], prediction: Sequence[str]) -> list[int]:
    """Places in the target of one longest common subsequence, the last first.

    There may be several, and the choice changes ROUGE-Lsum: this walks back as rouge_score does.
    """
    rows = _lcs_rows(target, prediction)

    def length(i: int, j: int) -> int:
        return j - (rows[i] & ((1 << j) - 1)).bit_count()

    places = []
    i, j = len(target), len(prediction)
    while i and j:
        if target[i - 1] == prediction[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif length(i, j - 1) > length(i - 1, j):
            j -= 1
        else:
            i -= 1
    return places


def _lcs_rows(target: Sequence[str], prediction: Sequence[str]) -> list[int]:
    """The table of LCS lengths as I + 1 integers of J bits (Hyyrö 2004).

    The length for the first i and j tokens is the number of zeros among the j lowest bits of row i.
    """
    places: dict[str, int] = {}
    for j, token in enumerate(prediction):
        places[token] = places.get(token, 0) | 1 << j
    all_ones = (1 << len(prediction)) - 1
    rows = [all_ones]
    for token in target:
        row = rows[-1]
        matches = row & places.get(token, 0)
        rows.append(((row + matches) | (row - matches)) & all_ones)
    return rows


def _rouge(
    statistics: Callable[..., Any], max_tokens: int
) -> Callable[[str, RougeSettings], Metric]:
    def make(name: str, settings: RougeSettings) -> Metric:
        return Metric(
            name=name,
            statistics=partial(statistics, settings=settings),
            aggregate=mean_f_measure,
            signature=partial(rouge_signature, settings=settings),
            length=partial(rouge_length, settings=settings),
            max_tokens=max_tokens,
        )

    return make


_ROUGE_WORDS: dict[str, Mapping[str, object]] = {
    "stem": {"is_stemmed": True},
    "mean": {"is_mean": True},
    "jieba": {"has_jieba": True},
}


_rouge_family = partial(Family, settings=PLAIN, words=_ROUGE_WORDS)


FAMILIES = {
    "rouge1": _rouge_family(make=_rouge(partial(ngram_statistics, order=1), 200_000)),
    "rouge2": _rouge_family(make=_rouge(partial(ngram_statistics, order=2), 200_000)),
    "rougeL": _rouge_family(make=_rouge(lcs_statistics, 20_000)),
    "rougeLsum": _rouge_family(make=_rouge(summary_lcs_statistics, 20_000)),
}
