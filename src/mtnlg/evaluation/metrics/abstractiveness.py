"""How much of an output is copied from its source: novel n-grams (See et al. 2017) and coverage by
copied fragments (Grusky et al. 2018). Tokens are those of ROUGE.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from mtnlg.evaluation.metrics.base import percentage
from mtnlg.evaluation.metrics.diversity import ngrams_of, output_metric
from mtnlg.evaluation.metrics.tokenization import rouge_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts


def novel_statistics(texts: Texts, *, order: int) -> FloatArray:
    """Statistics (N, 2): n-grams of the output that its source lacks, and all its n-grams."""
    rows = []
    for hypothesis, source in _pairs(texts):
        known = set(ngrams_of(source, texts.language, order))
        ngrams = ngrams_of(hypothesis, texts.language, order)
        rows.append((sum(ngram not in known for ngram in ngrams), len(ngrams)))
    return np.array(rows, dtype=np.float64)


def copy_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): tokens of the output in fragments copied from the source, of one token or
    more, and all its tokens.
    """
    rows = []
    for hypothesis, source in _pairs(texts):
        tokens = rouge_tokens(hypothesis, texts.language)
        rows.append((_count_copied(tokens, rouge_tokens(source, texts.language)), len(tokens)))
    return np.array(rows, dtype=np.float64)


def _pairs(texts: Texts) -> list[tuple[str, str]]:
    assert texts.sources is not None, "metrics with needs_sources are measured with sources"
    return list(zip(texts.hypotheses, texts.sources, strict=True))


def _count_copied(tokens: Sequence[str], source: Sequence[str]) -> int:
    """Tokens in the longest common runs, taken greedily from the left (Grusky et al. 2018,
    fig. 3).
    """
    positions: dict[str, list[int]] = {}
    for position, token in enumerate(source):
        positions.setdefault(token, []).append(position)
    num_copied = start = 0
    while start < len(tokens):
        longest = max(
            (
                _common_length(tokens, start, source, position)
                for position in positions.get(tokens[start], ())
            ),
            default=0,
        )
        num_copied += longest
        start += max(longest, 1)
    return num_copied


def _common_length(tokens: Sequence[str], start: int, source: Sequence[str], position: int) -> int:
    length = 0
    while (
        start + length < len(tokens)
        and position + length < len(source)
        and tokens[start + length] == source[position + length]
    ):
        length += 1
    return length


_source_metric = partial(
    output_metric, higher_is_better=None, aggregate=percentage, needs_sources=True
)

METRICS = (
    _source_metric(name="novel1", statistics=partial(novel_statistics, order=1)),
    _source_metric(name="novel2", statistics=partial(novel_statistics, order=2)),
    _source_metric(name="copy_rate", statistics=copy_statistics, max_tokens=20_000),
)
