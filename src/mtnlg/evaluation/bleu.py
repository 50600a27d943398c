"""BLEU (Papineni et al. 2002), equal to sacreBLEU's corpus score with its defaults (Post 2018).

sacreBLEU extracts the statistics; only their aggregation is written again, for many resamples at
once. Statistics: hypothesis length, reference length, ORDER counts of matched n-grams, ORDER counts
of n-grams.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from sacrebleu.metrics.bleu import BLEU, BLEUSignature

from mtnlg.evaluation.inputs import aligned_references, count_references
from mtnlg.evaluation.statistics import FloatArray
from mtnlg.evaluation.tokenisation import bleu_tokeniser

ORDER = 4


def bleu_statistics(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], language: str
) -> FloatArray:
    """Statistics (N, 2 + 2 x ORDER).

    Of several references, the closest length and the most matches of each n-gram count.
    """
    scorer = _scorer(language)
    statistics = scorer._extract_corpus_statistics(hypotheses, aligned_references(references))
    return np.asarray(statistics, dtype=np.float64)


def bleu_values(sums: FloatArray) -> FloatArray:
    """BLEU, 0 to 100, from summed statistics (..., 2 + 2 x ORDER).

    Smoothing is exponential (Chen and Cherry 2014, method 3).
    """
    correct, total = sums[..., 2 : 2 + ORDER], sums[..., 2 + ORDER :]
    is_counted = np.logical_and.accumulate(total > 0, axis=-1)
    is_smoothed = is_counted & (correct == 0)
    halvings = np.cumsum(is_smoothed, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(is_smoothed, 100.0 / (2.0**halvings * total), 100.0 * correct / total)
    precisions = np.where(is_counted & (correct > 0).any(axis=-1, keepdims=True), precisions, 0.0)
    means = _geometric_means(*np.moveaxis(precisions, -1, 0))
    penalties = _brevity_penalties(sums[..., 0], sums[..., 1])
    return np.asarray(penalties * means, dtype=np.float64)


def bleu_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """sacreBLEU's own signature."""
    num_references = count_references(references) or -1
    return str(BLEUSignature({**vars(_scorer(language)), "num_refs": num_references}))


def bleu_length(text: str, language: str) -> int:
    """Tokens of the text."""
    return len(str(_scorer(language).tokenizer(text)).split())


def _scorer(language: str) -> BLEU:
    return _tokeniser_scorer(bleu_tokeniser(language))


@cache
def _tokeniser_scorer(tokeniser: str) -> BLEU:
    """One for each tokeniser, as it remembers lines: references are cut once for many systems."""
    # force: no advice about tokenised text on standard error; it changes no number.
    return BLEU(tokenize=tokeniser, force=True)


def _geometric_mean(*precisions: float) -> float:
    if min(precisions) <= 0:
        return 0.0
    return math.exp(sum([math.log(precision) for precision in precisions]) / ORDER)


def _brevity_penalty(hypothesis_length: float, reference_length: float) -> float:
    if hypothesis_length >= reference_length:
        return 1.0
    return math.exp(1 - reference_length / hypothesis_length) if hypothesis_length > 0 else 0.0


# Python's logarithm, as in sacreBLEU: NumPy's vectorised one may differ in the last digit.
_geometric_means = np.frompyfunc(_geometric_mean, ORDER, 1)
_brevity_penalties = np.frompyfunc(_brevity_penalty, 2, 1)
