"""chrF (Popović 2015), equal to sacreBLEU's corpus score with its defaults: no words, beta 2.

Counting and aggregation are written again, for many texts and many resamples at once. Statistics:
for each order of character n-grams, the counts in the hypothesis, in the best reference, and in
both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics.chrf import CHRF, CHRFSignature

from mtnlg.evaluation.inputs import aligned_references, count_references
from mtnlg.evaluation.ngrams import SymbolTexts, clipped_matches, encode_characters
from mtnlg.evaluation.statistics import FloatArray

ORDER = CHRF.CHAR_ORDER
RECALL_WEIGHT = CHRF.BETA**2


def chrf_statistics(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], language: str
) -> FloatArray:
    """Statistics (N, 3 x ORDER) against the reference with the best score; any language."""
    hypothesis = _encode(hypotheses)
    best = np.zeros((len(hypotheses), 3 * ORDER))
    best_values = np.full(len(hypotheses), -1.0)
    for texts in aligned_references(references):
        statistics = _pair_statistics(hypothesis, _encode([text or "" for text in texts]))
        is_there = np.array([text is not None for text in texts])
        values = chrf_values(statistics)
        is_better = is_there & (values > best_values)
        best[is_better], best_values[is_better] = statistics[is_better], values[is_better]
    return best


def _encode(texts: Sequence[str]) -> SymbolTexts:
    return encode_characters(["".join(text.split()) for text in texts])


def _pair_statistics(hypothesis: SymbolTexts, reference: SymbolTexts) -> FloatArray:
    """Against one reference of each row; where that has no n-gram, the hypothesis counts none."""
    matches = clipped_matches(hypothesis, [reference], order=ORDER)
    columns = []
    for order in range(1, ORDER + 1):
        num_in_reference = reference.num_ngrams(order)
        num_in_hypothesis = np.where(num_in_reference > 0, hypothesis.num_ngrams(order), 0)
        columns += [num_in_hypothesis, num_in_reference, matches[:, order - 1]]
    return np.column_stack(columns).astype(np.float64)


def chrf_values(sums: FloatArray) -> FloatArray:
    """chrF, 0 to 100, from summed statistics (..., 3 x ORDER); over orders that both texts have."""
    precision, recall, num_orders = np.zeros((3, *sums.shape[:-1]))
    for order in range(ORDER):
        hypothesis, reference, match = (sums[..., 3 * order + which] for which in range(3))
        is_counted = (hypothesis > 0) & (reference > 0)
        precision += np.where(is_counted, match / np.maximum(hypothesis, 1), 0)
        recall += np.where(is_counted, match / np.maximum(reference, 1), 0)
        num_orders += is_counted
    precision, recall = precision / np.maximum(num_orders, 1), recall / np.maximum(num_orders, 1)
    weighted = RECALL_WEIGHT * precision + recall
    with np.errstate(invalid="ignore"):
        score = (1 + RECALL_WEIGHT) * precision * recall / weighted
    return np.asarray(100 * np.where(weighted > 0, score, 0), dtype=np.float64)


def chrf_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """sacreBLEU's own signature."""
    num_references = count_references(references) or -1
    return str(CHRFSignature({**vars(CHRF()), "num_refs": num_references}))


def chrf_length(text: str, language: str) -> int:
    """Characters of the text."""
    return len(text)
