"""BLEU (Papineni et al. 2002), equal to sacreBLEU's corpus score with its defaults (Post 2018).

The tokens are sacreBLEU's; we count and aggregate, for many texts and many resamples at once.
Statistics: hypothesis length, reference length, ORDER counts of matched n-grams, ORDER counts of
n-grams. Legend: N rows, R references.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from mtnlg.evaluation.metrics.base import LOWERCASE, Family, Metric
from mtnlg.evaluation.metrics.ngrams import IntArray, SymbolTexts, Vocabulary, clipped_matches
from mtnlg.evaluation.metrics.tokenization import (
    bleu_tokenizer,
    moses_words,
    optional_package,
)
from mtnlg.evaluation.metrics.tokenizer_13a import tokens_13a
from mtnlg.evaluation.significance.bootstrap import BoolArray, FloatArray
from mtnlg.evaluation.texts import Texts, aligned_references, count_references
from mtnlg.text.scripts import base_language

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

ORDER = 4

CHUNK_SIZE = 4_096
"""Numbers that are converted to Python objects at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BleuSettings:
    """Settings in which papers differ."""

    tokenizer: str | None = None
    """By sacreBLEU's name; None: by the language."""
    is_lowercase: bool = False

    def tokenizer_name(self, language: str) -> str:
        """sacreBLEU's name of the tokenizer."""
        return self.tokenizer or bleu_tokenizer(language)

    def tokens(self, lines: Sequence[str], language: str) -> list[list[str]]:
        """The tokens of each line."""
        lowered = [line.lower() for line in lines] if self.is_lowercase else lines
        stripped = tuple(line.rstrip() for line in lowered)
        name = self.tokenizer_name(language)
        if name == "13a":
            return tokens_13a(stripped)
        cut = _scorer(name).tokenizer
        return [str(cut(line)).split() for line in stripped]


PLAIN = BleuSettings()
MOSES = BleuSettings(tokenizer="none", is_lowercase=True)


def bleu_statistics(texts: Texts, settings: BleuSettings = PLAIN) -> FloatArray:
    """Statistics (N, 2 + 2 x ORDER). Of several references, the closest length counts, and for each
    n-gram the most matches.
    """
    return _counted(texts, lambda lines: settings.tokens(lines, texts.language))


def moses_bleu_statistics(texts: Texts) -> FloatArray:
    """Like `bleu_statistics`, on lowercased tokens of Moses."""
    return _counted(texts, lambda lines: [moses_words(line, texts.language) for line in lines])


def _counted(texts: Texts, cut: Callable[[Sequence[str]], list[list[str]]]) -> FloatArray:
    vocabulary = Vocabulary()

    def encode(lines: Sequence[str | None]) -> SymbolTexts:
        return vocabulary.encode(cut([line or "" for line in lines]))

    aligned = aligned_references(texts.references)
    hypothesis, targets = encode(texts.hypotheses), [encode(lines) for lines in aligned]
    exists = np.array([[line is not None for line in lines] for lines in aligned])  # (R, N)
    lengths = np.stack([target.lengths for target in targets])
    columns = [
        hypothesis.lengths,
        _closest_lengths(hypothesis.lengths, lengths, exists),
        clipped_matches(hypothesis, targets, order=ORDER),
        *(hypothesis.num_ngrams(order) for order in range(1, ORDER + 1)),
    ]
    return np.column_stack(columns).astype(np.float64)


def bleu_values(sums: FloatArray) -> FloatArray:
    """BLEU, 0 to 100, from summed statistics (..., 2 + 2 x ORDER).

    Smoothing is exponential (Chen and Cherry 2014, method 3).
    """
    correct, total = sums[..., 2 : 2 + ORDER], sums[..., 2 + ORDER :]
    is_counted = np.logical_and.accumulate(total > 0, axis=-1)
    is_smoothed = is_counted & (correct == 0)
    halvings = np.cumsum(is_smoothed, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(is_smoothed, 100.0 / (2.0**halvings * total), 100.0 * correct / total)
    precisions = np.where(is_counted & (correct > 0).any(axis=-1, keepdims=True), precisions, 0.0)
    means = _geometric_means(precisions)
    penalties = _brevity_penalties(sums[..., 0], sums[..., 1])
    return np.asarray(penalties * means, dtype=np.float64)


def unsmoothed_bleu_values(sums: FloatArray) -> FloatArray:
    """Like `bleu_values`, but 0 where an order of n-grams has no match, as in multi-bleu.perl."""
    has_matches = (sums[..., 2 : 2 + ORDER] > 0).all(axis=-1)
    return np.asarray(np.where(has_matches, bleu_values(sums), 0.0), dtype=np.float64)


def sentence_bleu_values(statistics: FloatArray) -> FloatArray:
    """sacreBLEU's sentence BLEU, 0 to 100, from statistics (N, 2 + 2 x ORDER), over the orders of
    n-grams that each text has.
    """
    from sacrebleu.metrics.bleu import BLEU

    values = [
        BLEU.compute_bleu(
            correct=[int(count) for count in row[2 : 2 + ORDER]],
            total=[int(count) for count in row[2 + ORDER :]],
            sys_len=int(row[0]),
            ref_len=int(row[1]),
            smooth_method="exp",
            effective_order=True,
        ).score
        for row in statistics
    ]
    return np.asarray(values, dtype=np.float64)


def bleu_signature(
    references: Sequence[Sequence[str]], language: str, settings: BleuSettings = PLAIN
) -> str:
    """The signature that sacreBLEU gives."""
    case = "lc" if settings.is_lowercase else "mixed"
    return (
        f"nrefs:{count_references(references)}|case:{case}|eff:no|"
        f"tok:{settings.tokenizer_name(language)}|smooth:exp|version:{version('sacrebleu')}"
    )


def moses_bleu_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form, with sacremoses and its version as the tokenizer."""
    optional_package("sacremoses", extra="moses", purpose="Moses' tokens")
    signature = bleu_signature(references, language, MOSES).replace("smooth:exp", "smooth:none")
    tokenizer = f"sacremoses-{version('sacremoses')}-{base_language(language)}"
    return signature.replace("tok:none", f"tok:{tokenizer}")


def bleu_length(text: str, language: str, settings: BleuSettings = PLAIN) -> int:
    """The number of tokens of the text."""
    return len(settings.tokens([text], language)[0])


def _closest_lengths(lengths: IntArray, references: IntArray, exists: BoolArray) -> IntArray:
    """The closest of the lengths (R, N) of references that exist, (R, N), to each length (N,); the
    shorter of two that are equally close.
    """
    ordered = np.sort(np.where(exists, references, np.iinfo(np.int64).max // 2), axis=0)
    nearest = np.argmin(np.abs(ordered - lengths), axis=0)
    closest: IntArray = ordered[nearest, np.arange(len(lengths))]
    return closest


@cache
def _scorer(tokenizer: str) -> BLEU:
    """sacreBLEU's scorer, which caches the tokens of lines: references are cut once for many
    systems. Its package takes a while to import, for no use to BLEU by 13a.
    """
    from sacrebleu.metrics.bleu import BLEU

    from mtnlg.evaluation.metrics.zh_tokenizer import FastTokenizerZh

    # force suppresses advice about tokenized text on standard error; it changes no number.
    scorer = BLEU(tokenize=tokenizer, force=True)
    if tokenizer == "zh":
        scorer.tokenizer = FastTokenizerZh()
    return scorer


def _geometric_means(precisions: FloatArray) -> FloatArray:
    """Means (...) of precisions (..., ORDER), summed from the left as in sacreBLEU; 0 where one is
    0.
    """
    is_positive = (precisions > 0).all(axis=-1)
    logarithms = _apply(math.log, precisions[is_positive])  # (M, ORDER)
    total = logarithms[:, 0]
    for order in range(1, ORDER):
        total = total + logarithms[:, order]
    means = np.zeros(is_positive.shape)
    means[is_positive] = _apply(math.exp, total / ORDER)
    return means


def _brevity_penalties(hypothesis_lengths: FloatArray, reference_lengths: FloatArray) -> FloatArray:
    penalties = np.where(hypothesis_lengths >= reference_lengths, 1.0, 0.0)
    is_short = (hypothesis_lengths > 0) & (hypothesis_lengths < reference_lengths)
    ratios = reference_lengths[is_short] / hypothesis_lengths[is_short]
    penalties[is_short] = _apply(math.exp, 1 - ratios)
    return penalties


def _apply(function: Callable[[float], float], values: FloatArray) -> FloatArray:
    """A function of Python's math module, as NumPy's may differ from sacreBLEU in the last digit;
    in chunks, as Python's numbers take several times the memory.
    """
    results = np.empty(values.size)
    for start in range(0, values.size, CHUNK_SIZE):
        chunk = slice(start, start + CHUNK_SIZE)
        results[chunk] = list(map(function, values.ravel()[chunk].tolist()))
    return results.reshape(values.shape)


def _bleu(name: str, settings: BleuSettings) -> Metric:
    return Metric(
        name=name,
        statistics=partial(bleu_statistics, settings=settings),
        aggregate=bleu_values,
        aggregate_of_one=sentence_bleu_values,
        signature=partial(bleu_signature, settings=settings),
        length=partial(bleu_length, settings=settings),
        max_tokens=200_000,
    )


METRICS = (
    Family(
        name="bleu",
        make=_bleu,
        settings=PLAIN,
        words=LOWERCASE
        | {word: {"tokenizer": word} for word in ("13a", "zh", "char", "intl", "none")},
    ),
    Metric(
        name="moses_bleu",
        statistics=moses_bleu_statistics,
        aggregate=unsmoothed_bleu_values,
        aggregate_of_one=sentence_bleu_values,
        signature=moses_bleu_signature,
        length=bleu_length,
        max_tokens=20_000,
    ),
)
