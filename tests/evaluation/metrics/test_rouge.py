"""ROUGE. Oracle: the rouge_score package, to the last digit of each example."""

from __future__ import annotations

import re
from functools import partial
from importlib.metadata import version

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from mtnlg.evaluation import Texts
from mtnlg.evaluation.metrics.base import Statistics, percentage
from mtnlg.evaluation.metrics.rouge import (
    ROUGE_SCORE_VERSION,
    RougeSettings,
    lcs_statistics,
    ngram_statistics,
    rouge_signature,
    summary_lcs_statistics,
)
from mtnlg.evaluation.metrics.tokenization import rouge_tokens

STATISTICS: dict[str, Statistics] = {
    "rouge1": partial(ngram_statistics, order=1),
    "rouge2": partial(ngram_statistics, order=2),
    "rougeL": lcs_statistics,
    "rougeLsum": partial(summary_lcs_statistics, settings=RougeSettings(has_lines=True)),
}
WORDS = [
    "the",
    "cat",
    "sat",
    "mat",
    "a",
    "U.S.",
    "don't",
    "Größe",
    "_",
    "\n",
    "\n\n",
    "猫",
    "坐",
    "在",
    "。",
    "İ",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
ROWS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=4)


class Tokenizer:
    """Our tokens in rouge_score's algorithm."""

    def __init__(self, language: str) -> None:
        self.language = language

    def tokenize(self, text: str) -> list[str]:
        return rouge_tokens(text, self.language)


def oracle(language: str) -> RougeScorer:
    tokenizer = None if language == "en" else Tokenizer(language)
    return RougeScorer(list(STATISTICS), use_stemmer=False, tokenizer=tokenizer)


@settings(deadline=None)
@given(ROWS, st.sampled_from(["en", "de", "zh"]))
def test_rouge_of_each_example_equals_rouge_score(
    rows: list[tuple[str, list[str]]], language: str
) -> None:
    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    scorer = oracle(language)
    expected = [scorer.score_multi(targets, hypothesis) for hypothesis, targets in rows]

    for name, statistics in STATISTICS.items():
        values = statistics(Texts(hypotheses, references, language=language))
        assert values[:, 0].tolist() == [scores[name].fmeasure for scores in expected], name


@settings(deadline=None)
@given(ROWS, st.sampled_from(["en", "de", "zh"]))
def test_lsum_of_chinese_lines_is_that_of_their_sentences(
    rows: list[tuple[str, list[str]]], language: str
) -> None:
    """Oracle: rouge_score, with line feeds put behind the full stops of Chinese texts."""

    def prepare(text: str) -> str:
        is_cut = language == "zh" and "\n" not in text
        return re.sub("(。[ 。]*)", r"\1\n", text) if is_cut else text

    scorer = oracle(language)
    expected = [
        scorer.score_multi([prepare(target) for target in targets], prepare(hypothesis))
        for hypothesis, targets in rows
    ]

    texts = Texts([row[0] for row in rows], [row[1] for row in rows], language=language)
    values = summary_lcs_statistics(texts)

    assert values[:, 0].tolist() == [scores["rougeLsum"].fmeasure for scores in expected]


@pytest.mark.parametrize("num_words", [3, 40])
def test_rouge_of_long_summaries_equals_rouge_score(num_words: int) -> None:
    """Few distinct words give many subsequences of equal length, between which Lsum depends on the
    choice.
    """
    generator = np.random.default_rng(7)
    vocabulary = np.array([f"w{number}" for number in range(num_words)])

    def write() -> str:
        sizes = generator.integers(1, 25, size=generator.integers(1, 7))
        return "\n".join(" ".join(generator.choice(vocabulary, size=size)) for size in sizes)

    pairs = [(write(), write()) for _ in range(60)]
    scorer = oracle("en")
    expected = [scorer.score(target, prediction) for prediction, target in pairs]

    for name, statistics in STATISTICS.items():
        values = statistics(
            Texts(
                [pair[0] for pair in pairs],
                [[pair[1]] for pair in pairs],
                language="en",
            )
        )
        assert values[:, 0].tolist() == [scores[name].fmeasure for scores in expected], name


def test_rouge_value_is_the_mean_of_f_measures_times_100() -> None:
    statistics = np.array([[0.5, 1.0], [1.0, 1.0], [0.0, 1.0]])

    assert percentage(statistics.sum(axis=0)) == 50.0
    assert percentage(np.stack([statistics.sum(axis=0), 2 * statistics[0]])).tolist() == [
        50.0,
        50.0,
    ]


def test_rouge_version_in_the_signature_is_that_of_the_oracle() -> None:
    assert version("rouge_score") == ROUGE_SCORE_VERSION


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [("en", "rouge_score"), ("de", "unicode_words"), ("zh", "zh_characters")],
)
def test_rouge_signature_names_tokenizer_and_references(language: str, tokenizer: str) -> None:
    expected = f"nrefs:3|multi:best|stem:no|tok:{tokenizer}|version:0.1.2"

    assert rouge_signature([["a", "b", "c"]], language) == expected
    assert rouge_signature([["a", "b", "c"], ["a"]], language) == expected.replace(
        "nrefs:3", "nrefs:var"
    )
