"""NIST (Doddington 2002), as NLTK computes it, on the tokens of BLEU.

The weight of an n-gram comes from all references of the corpus, so the value is no sum over
examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from mtnlg.evaluation.metrics.base import Metric
from mtnlg.evaluation.metrics.bleu import PLAIN, bleu_length
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer
from mtnlg.evaluation.texts import Texts, count_references

ORDER = 5


def nist_value(texts: Texts) -> float:
    """NIST over n-grams of up to ORDER tokens, or up to the length of the longest output."""
    from nltk.translate.nist_score import corpus_nist  # half a second

    def cut(lines: Sequence[str]) -> list[list[str]]:
        return PLAIN.tokens(lines, texts.language)

    hypotheses = cut(texts.hypotheses)
    longest = max(map(len, hypotheses))
    if longest == 0:  # NLTK divides by the number of n-grams
        return 0.0
    references = [cut(targets) for targets in texts.references]
    return float(corpus_nist(references, hypotheses, n=min(ORDER, longest)))


def nist_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form, with the version of NLTK."""
    count, tokenizer = count_references(references), bleu_tokenizer(language)
    return f"nrefs:{count}|case:mixed|n:{ORDER}|tok:{tokenizer}|version:nltk-{version('nltk')}"


METRICS = (
    Metric(
        name="nist",
        unit="NIST",
        corpus_value=nist_value,
        interval_reason="its weights of n-grams come from all references: other examples give "
        "other weights",
        signature=nist_signature,
        length=bleu_length,
        max_tokens=20_000,
    ),
)
