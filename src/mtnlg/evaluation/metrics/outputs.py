"""Plain counts over outputs: exact matches, lengths, variety, and copying from the source.

- Variety: distinct n-grams (Li et al. 2016), their entropy (Zhang et al. 2018), and repetition.
  Distinct n-grams and the entropy of a corpus are no sums over examples, and change with its size:
  compare them only on equal test sets. Their `_example` siblings are means over single outputs,
  which can be resampled.
- Copying: novel n-grams (See et al. 2017) and coverage by copied fragments (Grusky et al. 2018).

Tokens are those of ROUGE, except for lengths. With the word `punct` in a name, as in
`distinct2-punct`, marks of punctuation and symbols are tokens too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mtnlg.evaluation.metrics.base import Family, Metric, percentage, ratio, with_ones
from mtnlg.evaluation.metrics.bleu import bleu_statistics
from mtnlg.evaluation.metrics.rouge import rouge_length
from mtnlg.evaluation.metrics.tokenization import (
    bleu_tokenizer,
    rouge_tokenizer,
    rouge_tokens,
    tokens_and_marks,
)
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, count_references

Ngram = tuple[str, ...]

Measure = Callable[[Counter[Ngram]], float]
"""Counts of n-grams -> a value."""

INTERVAL_REASON = (
    "it is no mean over examples: a resampled corpus repeats examples, and so has fewer distinct "
    "n-grams by construction; {sibling} has an interval"
)


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


def exact_match_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of the definition above."""
    return f"nrefs:{count_references(references)}|case:mixed|space:ends|version:1"


def length_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): BLEU tokens of the output, and of the reference of the closest length."""
    return bleu_statistics(texts)[:, :2]


def length_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of the definition above."""
    count, tokenizer = count_references(references), bleu_tokenizer(language)
    return f"nrefs:{count}|multi:closest|tok:{tokenizer}|version:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversitySettings:
    """Settings in which papers differ."""

    has_marks: bool = False
    """Punctuation and symbols are tokens."""

    def tokens(self, text: str, language: str) -> list[str]:
        """The tokens of a text."""
        return (tokens_and_marks if self.has_marks else rouge_tokens)(text, language)


PLAIN = DiversitySettings()


def ngrams_of(
    text: str, language: str, order: int, settings: DiversitySettings = PLAIN
) -> list[Ngram]:
    """The n-grams of a text, in order."""
    tokens = settings.tokens(text, language)
    return list(zip(*(tokens[start:] for start in range(order)), strict=False))


def distinct_share(counts: Counter[Ngram]) -> float:
    """Distinct n-grams as a share of all n-grams, from 0 to 100."""
    return 100 * len(counts) / counts.total() if counts else 0.0


def entropy(counts: Counter[Ngram]) -> float:
    """The entropy of the distribution of n-grams, in nats."""
    total = counts.total()
    return math.fsum(-count / total * math.log(count / total) for count in counts.values())


def measure_corpus(
    texts: Texts, *, measure: Measure, order: int, settings: DiversitySettings
) -> float:
    """The value of the n-grams of all outputs together."""
    counts: Counter[Ngram] = Counter()
    for text in texts.hypotheses:
        counts.update(ngrams_of(text, texts.language, order, settings))
    return measure(counts)


def example_statistics(
    texts: Texts, *, measure: Measure, order: int, settings: DiversitySettings
) -> FloatArray:
    """Statistics (N, 2): the value of each output, and whether it has an n-gram; outputs without
    one do not count.
    """
    counted = [
        Counter(ngrams_of(text, texts.language, order, settings)) for text in texts.hypotheses
    ]
    values = [measure(counts) if counts else 0.0 for counts in counted]
    return np.column_stack([values, [float(bool(counts)) for counts in counted]])


def repetition_statistics(texts: Texts, *, order: int) -> FloatArray:
    """Statistics (N, 2): n-grams that occurred earlier in the output, and all its n-grams; their
    ratio is seq-rep-n (Welleck et al. 2020), over all outputs together.
    """
    rows = []
    for text in texts.hypotheses:
        ngrams = ngrams_of(text, texts.language, order)
        rows.append((len(ngrams) - len(set(ngrams)), len(ngrams)))
    return np.array(rows, dtype=np.float64)


def self_repetition(texts: Texts, *, order: int) -> float:
    """The share of outputs, from 0 to 100, that share an n-gram with another output (after Salkar
    et al. 2022).
    """
    outputs = [set(ngrams_of(text, texts.language, order)) for text in texts.hypotheses]
    counts = Counter(ngram for ngrams in outputs for ngram in ngrams)
    return 100 * sum(any(counts[ngram] > 1 for ngram in ngrams) for ngrams in outputs) / len(texts)


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


def diversity_signature(
    references: Sequence[Sequence[str]], language: str, settings: DiversitySettings = PLAIN
) -> str:
    """In sacreBLEU's form; references play no part, and the version is that of this definition."""
    tokenizer = rouge_tokenizer(language)
    if settings.has_marks:
        tokenizer = tokenizer.replace("rouge_score", "unicode_words") + "+punctuation"
    return f"case:lc|tok:{tokenizer}|version:1"


_output_metric = partial(
    Metric, signature=diversity_signature, length=rouge_length, max_tokens=200_000
)
"""A metric of outputs alone, or of outputs and sources."""


def _diversity(name: str, measure: Measure, order: int, **fields: Any) -> tuple[Family, Family]:
    """Metrics of the corpus, and their siblings: means over examples."""
    options: dict[str, Any] = {"measure": measure, "order": order}

    def make(name: str, settings: DiversitySettings) -> Metric:
        base, *words = name.split("-")
        if base.endswith("_example"):
            values: dict[str, Any] = {
                "statistics": partial(example_statistics, **options, settings=settings),
                "aggregate": ratio,
            }
        else:
            sibling = "-".join([f"{base}_example", *words])
            values = {
                "corpus_value": partial(measure_corpus, **options, settings=settings),
                "interval_reason": INTERVAL_REASON.format(sibling=sibling),
            }
        signature = partial(diversity_signature, settings=settings)
        return _output_metric(name=name, **fields | values | {"signature": signature})

    corpus, example = (
        Family(name=each, make=make, settings=PLAIN, words={"punct": {"has_marks": True}})
        for each in (name, f"{name}_example")
    )
    return corpus, example


_source_metric = partial(
    _output_metric, higher_is_better=None, aggregate=percentage, needs_sources=True
)

METRICS: tuple[Metric | Family, ...] = (
    _output_metric(
        name="exact_match",
        statistics=exact_match_statistics,
        aggregate=percentage,
        signature=exact_match_signature,
    ),
    _output_metric(
        name="length_ratio",
        higher_is_better=None,
        unit="% of the reference",
        statistics=length_statistics,
        aggregate=percentage,
        signature=length_signature,
    ),
    *(
        family
        for order in (1, 2)
        for family in _diversity(f"distinct{order}", distinct_share, order)
    ),
    *(
        family
        for order in (1, 2, 3, 4)
        for family in _diversity(f"entropy{order}", entropy, order, unit="nats")
    ),
    _output_metric(
        name="repetition4",
        higher_is_better=False,
        statistics=partial(repetition_statistics, order=4),
        aggregate=percentage,
    ),
    _output_metric(
        name="self_repetition4",
        higher_is_better=False,
        corpus_value=partial(self_repetition, order=4),
        interval_reason="whether an n-gram comes again depends on the other examples",
    ),
    _source_metric(name="novel1", statistics=partial(novel_statistics, order=1)),
    _source_metric(name="novel2", statistics=partial(novel_statistics, order=2)),
    _source_metric(name="copy_rate", statistics=copy_statistics, max_tokens=20_000),
)
