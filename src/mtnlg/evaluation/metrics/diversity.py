"""How varied outputs are, without a look at references: distinct n-grams (Li et al. 2016), their
entropy (Zhang et al. 2018), and repetition.

Distinct n-grams and the entropy of a corpus are no sums over examples, and change with its size:
compare them only on equal test sets. Their `_example` siblings are means over single outputs, which
can be resampled. Tokens are those of ROUGE.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mtnlg.evaluation.metrics.base import Metric, percentage, ratio
from mtnlg.evaluation.metrics.rouge import rouge_length
from mtnlg.evaluation.metrics.tokenization import rouge_tokenizer, rouge_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts

Ngram = tuple[str, ...]

Measure = Callable[[Counter[Ngram]], float]
"""Counts of n-grams -> a value."""

INTERVAL_REASON = (
    "it is no mean over examples: a resampled corpus repeats examples, and so has fewer distinct "
    "n-grams by construction; {name}_example has an interval"
)


def ngrams_of(text: str, language: str, order: int) -> list[Ngram]:
    """The n-grams of a text, in order."""
    tokens = rouge_tokens(text, language)
    return list(zip(*(tokens[start:] for start in range(order)), strict=False))


def distinct_share(counts: Counter[Ngram]) -> float:
    """Distinct n-grams as a share of all n-grams, from 0 to 100."""
    return 100 * len(counts) / counts.total() if counts else 0.0


def entropy(counts: Counter[Ngram]) -> float:
    """The entropy of the distribution of n-grams, in nats."""
    total = counts.total()
    return math.fsum(-count / total * math.log(count / total) for count in counts.values())


def measure_corpus(texts: Texts, *, measure: Measure, order: int) -> float:
    """The value of the n-grams of all outputs together."""
    return measure(
        Counter(
            ngram for text in texts.hypotheses for ngram in ngrams_of(text, texts.language, order)
        )
    )


def example_statistics(texts: Texts, *, measure: Measure, order: int) -> FloatArray:
    """Statistics (N, 2): the value of each output, and whether it has an n-gram; outputs without
    one do not count.
    """
    counted = [Counter(ngrams_of(text, texts.language, order)) for text in texts.hypotheses]
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


def diversity_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; references play no part, and the version is that of this definition."""
    return f"case:lc|tok:{rouge_tokenizer(language)}|version:1"


output_metric = partial(
    Metric, signature=diversity_signature, length=rouge_length, max_tokens=200_000
)
"""A metric of outputs alone, or of outputs and sources."""


def _corpus_and_example(
    name: str, measure: Measure, order: int, **fields: Any
) -> tuple[Metric, Metric]:
    """A metric of the corpus, and its sibling: the mean over examples."""
    settings: dict[str, Any] = {"measure": measure, "order": order}
    return (
        output_metric(
            name=name,
            corpus_value=partial(measure_corpus, **settings),
            interval_reason=INTERVAL_REASON.format(name=name),
            **fields,
        ),
        output_metric(
            name=f"{name}_example",
            statistics=partial(example_statistics, **settings),
            aggregate=ratio,
            **fields,
        ),
    )


METRICS = (
    *_corpus_and_example("distinct1", distinct_share, 1),
    *_corpus_and_example("distinct2", distinct_share, 2),
    *_corpus_and_example("entropy4", entropy, 4, unit="nats"),
    output_metric(
        name="repetition4",
        higher_is_better=False,
        statistics=partial(repetition_statistics, order=4),
        aggregate=percentage,
    ),
    output_metric(
        name="self_repetition4",
        higher_is_better=False,
        corpus_value=partial(self_repetition, order=4),
        interval_reason="whether an n-gram comes again depends on the other examples",
    ),
)
