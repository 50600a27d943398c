"""ROUGE (Lin 2004): F-measures of n-grams and of longest common subsequences (LCS).

Equal to the rouge_score package, and tested against it, but rouge_score is slow (quadratic Python,
and a second to import) and knows no script but a-z. Statistics: the F-measure from 0 to 1, against
the best reference or as the mean over references; and 1, so that sums give a mean. Legend: N rows,
R references, I tokens of the target, J tokens of the prediction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.metadata import version
from typing import TypeVar

import numpy as np

from mtnlg.errors import ConfigError
from mtnlg.evaluation.metrics.base import Family, Metric, percentage, with_ones
from mtnlg.evaluation.metrics.ngrams import IntArray, SymbolTexts, Vocabulary, clipped_matches
from mtnlg.evaluation.metrics.tokenization import ROUGE_TOKENIZERS, rouge_tokenizer
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, aligned_references, count_references
from mtnlg.text.scripts import base_language, is_unspaced_language, split_sentences

ROUGE_SCORE_VERSION = "0.1.2"
"""The version of rouge_score that the numbers equal."""

TOKENS_KEPT = 4_096
"""Texts whose tokens are cached for the next metric: those of several chunks of rows."""

Prepared = TypeVar("Prepared")


@dataclass(frozen=True, slots=True, kw_only=True)
class RougeSettings:
    """Settings in which papers differ."""

    tokens: str | None = None
    """A word of TOKENS; None: by the language."""
    is_mean: bool = False
    """With several references, their mean F-measure counts and not the best."""
    has_lines: bool = False
    """In all languages only a line is a sentence to ROUGE-Lsum."""

    def tokenizer(self, language: str) -> str:
        """A name of ROUGE_TOKENIZERS; raises ConfigError for a language that it does not fit."""
        if self.tokens is None:
            return rouge_tokenizer(language)
        if self.tokens == "stem":
            _require_language("en", language, "ROUGE with a stemmer is for English", word="stem")
        if self.tokens == "jieba":
            _require_language("zh", language, "ROUGE with jieba is for Chinese", word="jieba")
        return TOKENS[self.tokens]

    def has_sentence_marks(self, language: str) -> bool:
        """Whether 。！？… end a sentence of ROUGE-Lsum in texts of one line."""
        return not self.has_lines and is_unspaced_language(language)


TOKENS = {"stem": "rouge_score_stems", "jieba": "jieba", "char": "characters"}
"""Word of a metric's name -> its tokenizer, a name of ROUGE_TOKENIZERS."""


PLAIN = RougeSettings()


def _require_language(code: str, language: str, claim: str, *, word: str) -> None:
    if base_language(language) != code:
        raise ConfigError(
            f"{claim}, and not for language={language}; leave `-{word}` out of the metric's name"
        )


def ngram_statistics(texts: Texts, settings: RougeSettings = PLAIN, *, order: int) -> FloatArray:
    """ROUGE-N: statistics (N, 2) of clipped n-gram matches."""

    def f_measures(targets: SymbolTexts, hypotheses: SymbolTexts) -> FloatArray:
        matches = clipped_matches(hypotheses, [targets], order=order)[:, -1]
        return _f_measures(matches, targets.num_ngrams(order), hypotheses.num_ngrams(order))

    return _of_symbols(texts, settings, f_measures)


def lcs_statistics(texts: Texts, settings: RougeSettings = PLAIN) -> FloatArray:
    """ROUGE-L: statistics (N, 2) of the longest common subsequence of the whole texts."""

    def f_measures(targets: SymbolTexts, hypotheses: SymbolTexts) -> FloatArray:
        lengths = [*map(_lcs_length(), targets.lists(), hypotheses.lists())]
        return _f_measures(np.array(lengths, np.float64), targets.lengths, hypotheses.lengths)

    return _of_symbols(texts, settings, f_measures)


def summary_lcs_statistics(texts: Texts, settings: RougeSettings = PLAIN) -> FloatArray:
    """ROUGE-Lsum: statistics (N, 2) of the union LCS of sentences. A line is a sentence; in
    languages without spaces, a text of one line is cut after its sentence marks.
    """
    tokenizer = settings.tokenizer(texts.language)
    has_marks = settings.has_sentence_marks(texts.language)

    def prepare(text: str) -> list[Sequence[str]]:
        cut = split_sentences(text, has_marks=has_marks)
        return [_tokens(sentence, tokenizer) for sentence in cut]

    return _statistics(texts, settings, prepare, _summary_lcs_f_measure)


def rouge_signature(
    references: Sequence[Sequence[str]],
    language: str,
    settings: RougeSettings = PLAIN,
    *,
    has_sentences: bool = False,
) -> str:
    """In sacreBLEU's form; `version` is that of rouge_score."""
    multiple = "mean" if settings.is_mean else "best"
    stems = "porter" if settings.tokens == "stem" else "no"
    tokenizer = settings.tokenizer(language).removesuffix("_stems")
    if settings.tokens == "jieba":
        tokenizer += f"-{version('jieba')}"
    if has_sentences and settings.has_sentence_marks(language):
        tokenizer += "|sentences:marks"
    return (
        f"nrefs:{count_references(references)}|multi:{multiple}|stem:{stems}|tok:{tokenizer}|"
        f"version:{ROUGE_SCORE_VERSION}"
    )


def rouge_length(text: str, language: str, settings: RougeSettings = PLAIN) -> int:
    """The number of tokens of the text."""
    return len(_tokens(text, settings.tokenizer(language)))


@lru_cache(TOKENS_KEPT)
def _tokens(text: str, tokenizer: str) -> tuple[str, ...]:
    return tuple(ROUGE_TOKENIZERS[tokenizer](text))


def _of_symbols(
    texts: Texts,
    settings: RougeSettings,
    f_measures: Callable[[SymbolTexts, SymbolTexts], FloatArray],
) -> FloatArray:
    aligned = aligned_references(texts.references)
    tokenizer = settings.tokenizer(texts.language)
    hypotheses, references = _numbered(
        tuple(texts.hypotheses), tuple(map(tuple, aligned)), tokenizer
    )
    values = [f_measures(targets, hypotheses) for targets in references]
    exists = [[text is not None for text in targets] for targets in aligned]
    return _over_references(np.where(exists, values, np.nan), settings)


@lru_cache(1)
def _numbered(
    hypotheses: tuple[str, ...], references: tuple[tuple[str | None, ...], ...], tokenizer: str
) -> tuple[SymbolTexts, list[SymbolTexts]]:
    """Hypotheses and references as numbers of their tokens; kept for the next metric."""
    vocabulary = Vocabulary()

    def encode(texts: Sequence[str | None]) -> SymbolTexts:
        return vocabulary.encode([_tokens(text or "", tokenizer) for text in texts])

    return encode(hypotheses), [encode(targets) for targets in references]


def _statistics(
    texts: Texts,
    settings: RougeSettings,
    prepare: Callable[[str], Prepared],
    f_measure: Callable[[Prepared, Prepared], float],
) -> FloatArray:
    most = max(len(targets) for targets in texts.references)
    values = np.full((most, len(texts)), np.nan)
    for row, (hypothesis, targets) in enumerate(
        zip(texts.hypotheses, texts.references, strict=True)
    ):
        prediction = prepare(hypothesis)
        for index, target in enumerate(targets):
            values[index, row] = f_measure(prepare(target), prediction)
    return _over_references(values, settings)


def _over_references(values: FloatArray, settings: RougeSettings) -> FloatArray:
    """Statistics from F-measures (R, N), which are NaN where a row has no such reference."""
    return with_ones(np.nanmean(values, axis=0) if settings.is_mean else np.nanmax(values, axis=0))


def _f_measures(
    num_matches: FloatArray, target_lengths: IntArray, prediction_lengths: IntArray
) -> FloatArray:
    """`_f_measure` of many rows, (N,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = num_matches / prediction_lengths, num_matches / target_lengths
        values = 2 * precision * recall / (precision + recall)
    return np.where(num_matches > 0, values, 0.0)


@cache
def _lcs_length() -> Callable[[list[int], list[int]], int]:
    from rapidfuzz.distance import LCSseq  # for ROUGE-L alone

    return LCSseq.similarity


def _summary_lcs_f_measure(
    target: Sequence[Sequence[str]], prediction: Sequence[Sequence[str]]
) -> float:
    """The clipped union LCS of Lin 2004, sec. 3.2, and ROUGE-1.5.5."""
    target_left = Counter(token for sentence in target for token in sentence)
    prediction_left = Counter(token for sentence in prediction for token in sentence)
    target_length, prediction_length = target_left.total(), prediction_left.total()
    num_matches = 0
    for sentence in target:
        union = {index for line in prediction for index in lcs_indexes(sentence, line)}
        for token in (sentence[index] for index in sorted(union)):
            if target_left[token] > 0 and prediction_left[token] > 0:
                num_matches += 1
                target_left[token] -= 1
                prediction_left[token] -= 1
    return _f_measure(num_matches, target_length, prediction_length)


def _f_measure(num_matches: int, target_length: int, prediction_length: int) -> float:
    """The F-measure by rouge_score's order of operations, so that the last digit is equal."""
    if num_matches == 0:
        return 0.0
    precision, recall = num_matches / prediction_length, num_matches / target_length
    return 2 * precision * recall / (precision + recall)


def lcs_indexes(target: Sequence[str], prediction: Sequence[str]) -> list[int]:
    """Indexes in the target of a longest common subsequence, last first.

    There may be several of them, and the choice changes ROUGE-Lsum: this walks back as rouge_score
    does.
    """
    rows = _lcs_rows(target, prediction)

    def length(i: int, j: int) -> int:
        return j - (rows[i] & ((1 << j) - 1)).bit_count()

    indexes = []
    i, j = len(target), len(prediction)
    while i and j:
        if target[i - 1] == prediction[j - 1]:
            i, j = i - 1, j - 1
            indexes.append(i)
        elif length(i, j - 1) > length(i - 1, j):
            j -= 1
        else:
            i -= 1
    return indexes


def _lcs_rows(target: Sequence[str], prediction: Sequence[str]) -> list[int]:
    """The table of LCS lengths as I + 1 integers of J bits (Hyyrö 2004).

    The LCS of the first i and j tokens is as long as there are zeros in the j lowest bits of row i.
    """
    masks: dict[str, int] = {}
    for j, token in enumerate(prediction):
        masks[token] = masks.get(token, 0) | 1 << j
    all_ones = (1 << len(prediction)) - 1
    rows = [all_ones]
    for token in target:
        row = rows[-1]
        matches = row & masks.get(token, 0)
        rows.append(((row + matches) | (row - matches)) & all_ones)
    return rows


def _family(
    name: str,
    statistics: Callable[..., FloatArray],
    max_tokens: int,
    *,
    has_sentences: bool = False,
) -> Family:
    def make(name: str, settings: RougeSettings) -> Metric:
        return Metric(
            name=name,
            statistics=partial(statistics, settings=settings),
            aggregate=percentage,
            signature=partial(rouge_signature, settings=settings, has_sentences=has_sentences),
            length=partial(rouge_length, settings=settings),
            max_tokens=max_tokens,
        )

    words = WORDS | ({"lines": {"has_lines": True}} if has_sentences else {})
    return Family(name=name, make=make, settings=PLAIN, words=words)


WORDS: dict[str, Mapping[str, object]] = {
    "stem": {"tokens": "stem"},
    "mean": {"is_mean": True},
    "jieba": {"tokens": "jieba"},
    "char": {"tokens": "char"},
}
METRICS = (
    _family("rouge1", partial(ngram_statistics, order=1), 200_000),
    _family("rouge2", partial(ngram_statistics, order=2), 200_000),
    _family("rougeL", lcs_statistics, 20_000),
    _family("rougeLsum", summary_lcs_statistics, 20_000, has_sentences=True),
)
