"""NIST (Doddington 2002), as NLTK computes it, on the tokens of BLEU.

The weight of an n-gram comes from all references of the corpus, so the value is no sum over
examples.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtnlg.evaluation.metrics.base import Metric
from mtnlg.evaluation.metrics.bleu import BleuSettings, bleu_length
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer, package_version
from mtnlg.evaluation.texts import Texts, count_references

ORDER = 5


def nist_value(texts: Texts) -> float:
    """NIST over n-grams of up to ORDER tokens, or of as many as the longest output has."""
    from nltk.translate.nist_score import corpus_nist  # half a second

    settings = BleuSettings()

    def cut(text: str) -> list[str]:
        return settings.tokens(text, texts.language)

    hypotheses = [cut(text) for text in texts.hypotheses]
    longest = max(map(len, hypotheses))
    if longest == 0:  # NLTK divides by the number of n-grams
        return 0.0
    references = [[cut(text) for text in targets] for targets in texts.references]
    return float(corpus_nist(references, hypotheses, n=min(ORDER, longest)))


def nist_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form, with the version of NLTK."""
    tokenizer, release = bleu_tokenizer(language), package_version("nltk")
    return (
        f"nrefs:{count_references(references)}|case:mixed|n:{ORDER}|tok:{tokenizer}|"
        f"version:nltk-{release}"
    )


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
