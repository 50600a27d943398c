"""What can be seen of outputs without weighing words: whether they are the reference, and how long
they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from mtnlg.evaluation.metrics import rouge
from mtnlg.evaluation.metrics.base import Metric
from mtnlg.evaluation.metrics.bleu import BleuSettings, closest_lengths
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, aligned_references, count_references


def exact_match_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): whether the output is one of its references, white space at the ends left
    aside, and the constant 1.
    """
    matches = [
        float(hypothesis.strip() in {target.strip() for target in targets})
        for hypothesis, targets in zip(texts.hypotheses, texts.references, strict=True)
    ]
    return np.column_stack([matches, np.ones(len(matches))])


def length_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): tokens of the output, and of that reference whose length is closest, as
    BLEU counts both.
    """
    settings = BleuSettings()

    def lengths(lines: Sequence[str | None]) -> list[int]:
        return [len(settings.tokens(line or "", texts.language)) for line in lines]

    own = np.array(lengths(texts.hypotheses))
    aligned = aligned_references(texts.references)
    is_there = np.array([[line is not None for line in lines] for lines in aligned])
    closest = closest_lengths(own, np.array([lengths(lines) for lines in aligned]), is_there)
    return np.column_stack([own, closest]).astype(np.float64)


def percentages(sums: FloatArray) -> FloatArray:
    """The first sum by the second, times 100, from summed statistics (..., 2); 0 where there is
    nothing to divide by.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, 100 * sums[..., 0] / sums[..., 1], 0.0)


def exact_match_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of this definition."""
    return f"nrefs:{count_references(references) or 'var'}|case:mixed|space:ends|version:1"


def length_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of this definition."""
    count = count_references(references) or "var"
    return f"nrefs:{count}|multi:closest|tok:{bleu_tokenizer(language)}|version:1"


_surface = partial(Metric, aggregate=percentages, length=rouge.rouge_length, max_tokens=200_000)


METRICS = (
    _surface(
        name="exact_match",
        statistics=exact_match_statistics,
        signature=exact_match_signature,
    ),
    _surface(
        name="length_ratio",
        higher_is_better=None,
        unit="% of the reference",
        statistics=length_statistics,
        signature=length_signature,
    ),
)
