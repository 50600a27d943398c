"""Exact matches and lengths: what outputs show without a look at their words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from mtnlg.evaluation.metrics.base import Metric, percentage, with_ones
from mtnlg.evaluation.metrics.bleu import BleuSettings, closest_lengths
from mtnlg.evaluation.metrics.rouge import rouge_length
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, aligned_references, count_references


def exact_match_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): whether the output equals one of its references but for white space at
    the ends, and 1.
    """
    return with_ones(
        [
            float(hypothesis.strip() in {target.strip() for target in targets})
            for hypothesis, targets in zip(texts.hypotheses, texts.references, strict=True)
        ]
    )


def length_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): BLEU tokens of the output, and of the reference of the closest length."""
    settings = BleuSettings()

    def lengths(lines: Sequence[str | None]) -> list[int]:
        return [len(settings.tokens(line or "", texts.language)) for line in lines]

    hypothesis_lengths = np.array(lengths(texts.hypotheses))
    aligned = aligned_references(texts.references)
    exists = np.array([[line is not None for line in lines] for lines in aligned])
    closest = closest_lengths(
        hypothesis_lengths, np.array([lengths(lines) for lines in aligned]), exists
    )
    return np.column_stack([hypothesis_lengths, closest]).astype(np.float64)


def exact_match_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of the definition above."""
    return f"nrefs:{count_references(references)}|case:mixed|space:ends|version:1"


def length_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of the definition above."""
    count, tokenizer = count_references(references), bleu_tokenizer(language)
    return f"nrefs:{count}|multi:closest|tok:{tokenizer}|version:1"


_metric = partial(Metric, aggregate=percentage, length=rouge_length, max_tokens=200_000)

METRICS = (
    _metric(
        name="exact_match",
        statistics=exact_match_statistics,
        signature=exact_match_signature,
    ),
    _metric(
        name="length_ratio",
        higher_is_better=None,
        unit="% of the reference",
        statistics=length_statistics,
        signature=length_signature,
    ),
)
