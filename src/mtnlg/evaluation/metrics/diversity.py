"""How varied outputs are, whatever they should have been: distinct n-grams (Li et al. 2016), their
entropy (Zhang et al. 2018), and repetition.

Distinct n-grams and entropy of a corpus are no sums over examples, and grow or shrink with its
size: compare them on equal test sets alone. Their siblings are means over the values of single
outputs, which can be resampled. Tokens are those of ROUGE.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mtnlg.evaluation.metrics import rouge, surface
from mtnlg.evaluation.metrics.base import Metric
from mtnlg.evaluation.metrics.tokenization import rouge_tokenizer, rouge_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts

Ngram = tuple[str, ...]


Measure = Callable[[Counter[Ngram]], float]
"""From the counts of n-grams to a value."""


REASON = (
    "it is no mean over examples: a resampled corpus repeats examples, and so has fewer distinct "
    "n-grams by construction; {name}_example has an interval"
)


def ngrams_of(text: str, language: str, order: int) -> list[Ngram]:
    """The n-grams of a text, in its order."""
    tokens = rouge_tokens(text, language)
    return list(zip(*(tokens[start:] for start in range(order)), strict=False))


def distinct_share(counts: Counter[Ngram]) -> float:
    """Distinct n-grams by all n-grams, from 0 to 100."""
    return 100 * len(counts) / counts.total() if counts else 0.0


def entropy(counts: Counter[Ngram]) -> float:
    """Of the distribution of n-grams, in nats."""
    total = counts.total()
    return math.fsum(-count / total * math.log(count / total) for count in counts.values())


def of_corpus(texts: Texts, *, measure: Measure, order: int) -> float:
    """The measure over the n-grams of all outputs together."""
    counts = Counter(
        ngram for text in texts.hypotheses for ngram in ngrams_of(text, texts.language, order)
    )
    return measure(counts)


def example_statistics(texts: Texts, *, measure: Measure, order: int) -> FloatArray:
    """Statistics (N, 2): the measure of each output, and whether it has an n-gram; without one it
    counts for nothing.
    """
    counted = [Counter(ngrams_of(text, texts.language, order)) for text in texts.hypotheses]
    values = [measure(counts) if counts else 0.0 for counts in counted]
    return np.column_stack([values, [float(bool(counts)) for counts in counted]])


def repetition_statistics(texts: Texts, *, order: int) -> FloatArray:
    """Statistics (N, 2): n-grams that stood in the output before, and all its n-grams; the share is
    seq-rep-n (Welleck et al. 2020), over all outputs together.
    """
    rows = []
    for text in texts.hypotheses:
        ngrams = ngrams_of(text, texts.language, order)
        rows.append((len(ngrams) - len(set(ngrams)), len(ngrams)))
    return np.array(rows, dtype=np.float64)


def self_repetition(texts: Texts, *, order: int) -> float:
    """The share of outputs, from 0 to 100, with an n-gram that another output has too (after
    Salkar et al. 2022).
    """
    own = [set(ngrams_of(text, texts.language, order)) for text in texts.hypotheses]
    holders = Counter(ngram for ngrams in own for ngram in ngrams)
    return 100 * sum(_has_shared(ngrams, holders) for ngrams in own) / len(own)


def _has_shared(ngrams: Iterable[Ngram], holders: Counter[Ngram]) -> bool:
    return any(holders[ngram] > 1 for ngram in ngrams)


def mean_values(sums: FloatArray) -> FloatArray:
    """The mean from summed statistics (..., 2); 0 where no output counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], 0.0)


def diversity_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; references play no part, and the version is that of this definition."""
    return f"case:lc|tok:{rouge_tokenizer(language)}|version:1"


of_outputs = partial(
    Metric,
    signature=diversity_signature,
    length=rouge.rouge_length,
    max_tokens=200_000,
)


def _diversity(name: str, measure: Measure, order: int, **more: Any) -> list[Metric]:
    """The value of a corpus, and its sibling, the mean of the values of examples."""
    settings: dict[str, Any] = {"measure": measure, "order": order}
    return [
        of_outputs(
            name=name,
            corpus_value=partial(of_corpus, **settings),
            reason_not=REASON.format(name=name),
            **more,
        ),
        of_outputs(
            name=f"{name}_example",
            statistics=partial(example_statistics, **settings),
            aggregate=mean_values,
            **more,
        ),
    ]


METRICS = (
    *_diversity("distinct1", distinct_share, 1),
    *_diversity("distinct2", distinct_share, 2),
    *_diversity("entropy4", entropy, 4, unit="nats"),
    of_outputs(
        name="repetition4",
        higher_is_better=False,
        statistics=partial(repetition_statistics, order=4),
        aggregate=surface.percentages,
    ),
    of_outputs(
        name="self_repetition4",
        higher_is_better=False,
        corpus_value=partial(self_repetition, order=4),
        reason_not="whether an n-gram comes again depends on the other examples",
    ),
)
