"""How much of an output stands in its source: novel n-grams (See et al. 2017) and the coverage by
copied fragments (Grusky et al. 2018). Tokens are those of ROUGE.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from mtnlg.evaluation.metrics import surface
from mtnlg.evaluation.metrics.diversity import ngrams_of, of_outputs
from mtnlg.evaluation.metrics.tokenization import rouge_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts


def novel_statistics(texts: Texts, *, order: int) -> FloatArray:
    """Statistics (N, 2): n-grams of the output that its source does not have, and all n-grams of
    the output.
    """
    rows = []
    for hypothesis, source in _pairs(texts):
        known = set(ngrams_of(source, texts.language, order))
        ngrams = ngrams_of(hypothesis, texts.language, order)
        rows.append((sum(ngram not in known for ngram in ngrams), len(ngrams)))
    return np.array(rows, dtype=np.float64)


def copy_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): tokens of the output within fragments, of one token or more, that stand in
    the source as they are, and all tokens of the output.
    """
    rows = []
    for hypothesis, source in _pairs(texts):
        tokens = rouge_tokens(hypothesis, texts.language)
        rows.append((sum(_fragments(tokens, rouge_tokens(source, texts.language))), len(tokens)))
    return np.array(rows, dtype=np.float64)


def _pairs(texts: Texts) -> list[tuple[str, str]]:
    assert texts.sources is not None, "the metric says that it needs sources"
    return list(zip(texts.hypotheses, texts.sources, strict=True))


def _fragments(tokens: Sequence[str], source: Sequence[str]) -> list[int]:
    """Lengths of the longest common runs, taken greedily from the left (Grusky et al. 2018,
    fig. 3).
    """
    places: dict[str, list[int]] = {}
    for place, token in enumerate(source):
        places.setdefault(token, []).append(place)
    lengths = []
    start = 0
    while start < len(tokens):
        longest = max(
            (_common(tokens, start, source, place) for place in places.get(tokens[start], ())),
            default=0,
        )
        if longest:
            lengths.append(longest)
        start += max(longest, 1)
    return lengths


def _common(tokens: Sequence[str], start: int, source: Sequence[str], place: int) -> int:
    length = 0
    while (
        start + length < len(tokens)
        and place + length < len(source)
        and tokens[start + length] == source[place + length]
    ):
        length += 1
    return length


METRICS = (
    *(
        of_outputs(
            name=f"novel{order}",
            higher_is_better=None,
            statistics=partial(novel_statistics, order=order),
            aggregate=surface.percentages,
            needs_sources=True,
        )
        for order in (1, 2)
    ),
    of_outputs(
        name="copy_rate",
        higher_is_better=None,
        statistics=copy_statistics,
        aggregate=surface.percentages,
        needs_sources=True,
        max_tokens=20_000,
    ),
)
