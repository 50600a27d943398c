"""The values that other programs give the same texts, by the packages that they wrap.

Values are 0 to 100; signatures have sacreBLEU's form.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
from sacrebleu.metrics.bleu import BLEU, BLEUScore
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from mtnlg.evaluation import Texts, find_metric, score_texts, sentence_scores
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer
from mtnlg.evaluation.texts import aligned_references, count_references


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a program; None if it cannot be computed here, with the reason."""

    value: float | None
    signature: str
    reason: str = ""
    tolerance: float = 0.0
    """How far from the value a program's number may be."""


AGGREGATOR_RESAMPLES = 1_000
"""Resamples of rouge_score's BootstrapAggregator, whose seed nobody knows."""
MEDIAN_SPREAD = 4 * math.sqrt(math.pi / 2 / AGGREGATOR_RESAMPLES)
"""Four standard deviations of the median of so many normal values, by their own."""
Compute = Callable[[Texts], Value]
SACREBLEU: dict[str, Callable[..., BLEU | CHRF | TER]] = {
    "bleu": partial(BLEU, force=True),
    "chrf": CHRF,
    "ter": TER,
}


def ours(metric: str, *, variant: str | None = None) -> Compute:
    """The value on our boards; a variant is what a metric's name may end in."""
    metric = f"{metric}-{variant}" if variant else metric

    def compute(texts: Texts) -> Value:
        value = score_texts(metric, texts)
        return Value(value, find_metric(metric).signature(texts.references, texts.language))

    return compute


def where_installed(package: str, compute: Compute) -> Compute:
    """The value, if the package is installed."""

    def compute_or_not(texts: Texts) -> Value:
        if find_spec(package) is None:
            return Value(None, f"tok:{package}", f"{package} is not installed")
        return compute(texts)

    return compute_or_not


def sacrebleu(metric: str, **options: Any) -> Compute:
    """The corpus score of sacreBLEU with its own options."""

    def compute(texts: Texts) -> Value:
        scorer = SACREBLEU[metric](**options)
        # sacreBLEU takes None for a reference that a row has not; its types do not say so.
        references = cast(list[list[str]], aligned_references(texts.references))
        score = scorer.corpus_score(list(texts.hypotheses), references)
        return Value(float(score.score), str(scorer.get_signature()))

    return compute


def mean_sentence_bleu(texts: Texts) -> Value:
    """The mean of sacreBLEU's sentence BLEU, which is not corpus BLEU."""
    tokenize = bleu_tokenizer(texts.language)
    scores = [score.score for score in _sentence_scores(texts, tokenize)]
    signature = _signature(texts, f"case:mixed|eff:yes|tok:{tokenize}|smooth:exp|mean:sentences")
    return Value(sum(scores) / len(scores), signature)


def nltk_corpus_bleu(texts: Texts) -> Value:
    """NLTK's corpus_bleu of texts cut at white space, without smoothing: a text without n-grams of
    some order counts as one that did not match.
    """
    scores = _sentence_scores(texts, "none")
    correct = [sum(score.counts[order] for score in scores) for order in range(4)]
    total = [sum(max(1, score.totals[order]) for score in scores) for order in range(4)]
    length = sum(score.sys_len for score in scores)
    reference_length = sum(score.ref_len for score in scores)
    signature = _signature(texts, "case:mixed|tok:none|smooth:none|total:1")
    if correct[0] == 0:
        return Value(0.0, signature)
    precisions = [
        matched / possible if matched else sys.float_info.min
        for matched, possible in zip(correct, total, strict=True)
    ]
    penalty = 1.0 if length > reference_length else math.exp(1 - reference_length / length)
    mean = math.exp(math.fsum(0.25 * math.log(precision) for precision in precisions))
    return Value(100 * penalty * mean, signature)


def rouge(
    metric: str, *, use_stemmer: bool = False, sentences: str = "lines", is_resampled: bool = False
) -> Compute:
    """ROUGE of rouge_score, over its tokens of a-z and 0-9 whatever the language. `sentences`, a
    row of SENTENCES, matters to ROUGE-Lsum only. The median of its BootstrapAggregator is random,
    around the mean.
    """

    def compute(texts: Texts) -> Value:
        cut = SENTENCES[sentences]
        signature = find_metric(metric).signature(texts.references, "en")
        if use_stemmer:
            signature = signature.replace("stem:no", "stem:porter")
        if sentences != "lines":
            signature += f"|sentences:{sentences}"
        if is_resampled:
            signature += f"|mid:{AGGREGATOR_RESAMPLES}"
        try:
            changed = _changed(texts, lambda text: "\n".join(cut(text)))
        except LookupError:
            return Value(None, signature, "NLTK's punkt data is not installed")
        if use_stemmer:
            changed = _changed(changed, _stemmer())
        scored = _never_empty(changed)
        if not is_resampled:
            return replace(ours(metric)(scored), signature=signature)
        values = sentence_scores(find_metric(metric), scored)
        spread = float(np.std(values)) / math.sqrt(len(values))
        return Value(float(np.mean(values)), signature, tolerance=MEDIAN_SPREAD * spread)

    return compute


def _changed(texts: Texts, change: Callable[[str], str]) -> Texts:
    """The same rows with every text changed, to be scored as English."""
    return replace(
        texts,
        hypotheses=[change(text) for text in texts.hypotheses],
        references=[[change(text) for text in targets] for targets in texts.references],
        language="en",
    )


def _never_empty(texts: Texts) -> Texts:
    """The same rows, with `_` for references without text."""
    return replace(
        texts,
        references=[
            [text if text.strip() else "_" for text in targets] for targets in texts.references
        ],
    )


def _stemmer() -> Callable[[str], str]:
    """The words of each line as rouge_score's stemmer leaves them."""
    from rouge_score.tokenizers import DefaultTokenizer

    tokenizer = DefaultTokenizer(use_stemmer=True)
    return lambda text: "\n".join(" ".join(tokenizer.tokenize(line)) for line in text.split("\n"))


def _punkt_sentences(text: str) -> list[str]:
    from nltk import sent_tokenize

    return list(sent_tokenize(text.strip()))


SENTENCES: dict[str, Callable[[str], list[str]]] = {
    "lines": lambda text: [text],
    "spaced_stops": lambda text: text.replace(" . ", " .\n").split("\n"),
    "punkt": _punkt_sentences,
}
"""How a text is divided into lines, each a sentence to ROUGE-Lsum."""


def _sentence_scores(texts: Texts, tokenize: str) -> list[BLEUScore]:
    scorer = BLEU(tokenize=tokenize, effective_order=True, force=True)
    return [
        scorer.sentence_score(text, list(references))
        for text, references in zip(texts.hypotheses, texts.references, strict=True)
    ]


def _signature(texts: Texts, body: str) -> str:
    return f"nrefs:{count_references(texts.references)}|{body}"
