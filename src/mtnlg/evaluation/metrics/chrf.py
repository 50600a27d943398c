"""chrF (Popović 2015) and chrF++ (Popović 2017), equal to sacreBLEU's corpus scores with beta 2.

We count and aggregate ourselves, for many texts and many resamples at once. Statistics: for each
order of n-grams, first of characters and then of words, the counts in the hypothesis, in the best
reference, and in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import numpy as np

from mtnlg.evaluation.metrics.base import LOWERCASE, Family, Metric
from mtnlg.evaluation.metrics.ngrams import (
    SymbolTexts,
    Vocabulary,
    clipped_matches,
    encode_characters,
)
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, aligned_references, count_references

ORDER = 6
RECALL_WEIGHT = 2**2
"""The square of sacreBLEU's beta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChrfSettings:
    """Settings in which papers differ."""

    word_order: int = 0
    """Longest n-gram of words; 2 in chrF++."""
    is_lowercase: bool = False


PLAIN = ChrfSettings()


def chrf_statistics(texts: Texts, settings: ChrfSettings = PLAIN) -> FloatArray:
    """Statistics (N, 3 x orders) against the reference with the best score, in any language."""
    encode = _encoder(settings)
    orders = (ORDER, settings.word_order)
    hypothesis = encode(texts.hypotheses)
    best = np.zeros((len(texts), 3 * (ORDER + settings.word_order)))
    best_values = np.full(len(texts), -1.0)
    for lines in aligned_references(texts.references):
        reference = encode([line or "" for line in lines])
        pairs = zip(hypothesis, reference, orders, strict=False)  # without words, one pair
        statistics = np.column_stack(
            [_pair_statistics(*pair, order=order) for *pair, order in pairs]
        )
        exists = np.array([line is not None for line in lines])
        values = chrf_values(statistics)
        is_better = exists & (values > best_values)
        best[is_better], best_values[is_better] = statistics[is_better], values[is_better]
    return best


def _encoder(settings: ChrfSettings) -> Callable[[Sequence[str]], list[SymbolTexts]]:
    """A function that encodes texts as characters, and as words where these count."""
    vocabulary = Vocabulary()

    def encode(texts: Sequence[str]) -> list[SymbolTexts]:
        if settings.is_lowercase:
            texts = [text.lower() for text in texts]
        encoded = [encode_characters(["".join(text.split()) for text in texts])]
        if settings.word_order:
            from sacrebleu.metrics.chrf import CHRF  # its package takes a while to import

            cut = CHRF()._remove_punctuation  # sacreBLEU's words have no public method
            encoded.append(vocabulary.encode([cut(text) for text in texts]))
        return encoded

    return encode


def _pair_statistics(hypothesis: SymbolTexts, reference: SymbolTexts, *, order: int) -> FloatArray:
    """Statistics against one reference of each row; where it has no n-gram, those of the hypothesis
    do not count.
    """
    matches = clipped_matches(hypothesis, [reference], order=order)
    columns = []
    for size in range(1, order + 1):
        num_in_reference = reference.num_ngrams(size)
        num_in_hypothesis = np.where(num_in_reference > 0, hypothesis.num_ngrams(size), 0)
        columns += [num_in_hypothesis, num_in_reference, matches[:, size - 1]]
    return np.column_stack(columns).astype(np.float64)


def chrf_values(sums: FloatArray) -> FloatArray:
    """chrF, 0 to 100, from summed statistics (..., 3 x orders), over the orders that both have."""
    precision, recall, num_orders = np.zeros((3, *sums.shape[:-1]))
    for order in range(sums.shape[-1] // 3):
        hypothesis, reference, match = (sums[..., 3 * order + column] for column in range(3))
        is_counted = (hypothesis > 0) & (reference > 0)
        precision += np.where(is_counted, match / np.maximum(hypothesis, 1), 0)
        recall += np.where(is_counted, match / np.maximum(reference, 1), 0)
        num_orders += is_counted
    precision, recall = precision / np.maximum(num_orders, 1), recall / np.maximum(num_orders, 1)
    weighted = RECALL_WEIGHT * precision + recall
    with np.errstate(invalid="ignore"):
        score = (1 + RECALL_WEIGHT) * precision * recall / weighted
    return np.asarray(100 * np.where(weighted > 0, score, 0), dtype=np.float64)


def chrf_signature(
    references: Sequence[Sequence[str]], language: str, settings: ChrfSettings = PLAIN
) -> str:
    """The signature that sacreBLEU gives."""
    case = "lc" if settings.is_lowercase else "mixed"
    return (
        f"nrefs:{count_references(references)}|case:{case}|eff:yes|nc:{ORDER}|"
        f"nw:{settings.word_order}|space:no|version:{version('sacrebleu')}"
    )


def chrf_length(text: str, language: str) -> int:
    """The number of characters of the text."""
    return len(text)


def _chrf(name: str, settings: ChrfSettings) -> Metric:
    return Metric(
        name=name,
        statistics=partial(chrf_statistics, settings=settings),
        aggregate=chrf_values,
        signature=partial(chrf_signature, settings=settings),
        length=chrf_length,
        max_tokens=200_000,
    )


METRICS = (
    Family(name="chrf", make=_chrf, settings=PLAIN, words=LOWERCASE),
    Family(name="chrf++", make=_chrf, settings=ChrfSettings(word_order=2), words=LOWERCASE),
)
