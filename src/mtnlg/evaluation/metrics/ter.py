"""TER (Snover et al. 2006), counted by sacreBLEU: edits and shifts of words, divided by the words
of the references; lower is better.

Statistics: the fewest edits to any reference, the mean length of the references.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from mtnlg.evaluation.metrics.base import Metric
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, count_references
from mtnlg.text.scripts import has_ideographs

if TYPE_CHECKING:
    from sacrebleu.metrics.ter import TER


def ter_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2). By Tercom's rules for Asian scripts, each ideograph is a word."""
    scorer = _scorer(texts.language)
    rows = []
    for hypothesis, references in zip(texts.hypotheses, texts.references, strict=True):
        # These are the steps of sacreBLEU's corpus score, which does not return its statistics.
        info = scorer._extract_reference_info(references)
        rows.append(
            scorer._compute_segment_statistics(scorer._preprocess_segment(hypothesis), info)
        )
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def ter_values(sums: FloatArray) -> FloatArray:
    """TER, from 0 up, from summed statistics (..., 2); 100 for a text that should be empty."""
    edits, length = sums[..., 0], sums[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(length > 0, edits / length, np.where(edits > 0, 1.0, 0.0))
    return np.asarray(100 * rates, dtype=np.float64)


def ter_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """sacreBLEU's own signature."""
    from sacrebleu.metrics.ter import TERSignature

    arguments = {**vars(_scorer(language)), "num_refs": count_references(references)}
    return str(TERSignature(arguments))


def ter_length(text: str, language: str) -> int:
    """The number of words of the text."""
    return len(_scorer(language)._preprocess_segment(text).split())


@cache
def _scorer(language: str) -> TER:
    """Asian scripts are normalized too, as Tercom ignores its support of them otherwise."""
    from sacrebleu.metrics.ter import TER

    is_asian = has_ideographs(language)
    return TER(normalized=is_asian, asian_support=is_asian)


METRICS = (
    Metric(
        name="ter",
        higher_is_better=False,
        unit="100 is an edit for each word",
        statistics=ter_statistics,
        aggregate=ter_values,
        signature=ter_signature,
        length=ter_length,
        max_tokens=2_000,
    ),
)
