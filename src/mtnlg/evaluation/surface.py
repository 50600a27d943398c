"""What can be seen of outputs without weighing words: whether they are the reference, and how long
they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mtnlg.evaluation.bleu import BleuSettings, closest_lengths
from mtnlg.evaluation.inputs import Texts, aligned_references, count_references
from mtnlg.evaluation.statistics import FloatArray
from mtnlg.evaluation.tokenisation import bleu_tokeniser


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
    return f"nrefs:{count}|multi:closest|tok:{bleu_tokeniser(language)}|version:1"
