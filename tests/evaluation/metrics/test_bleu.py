"""BLEU. Oracle: sacreBLEU's corpus score, to the last digit."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from mtnlg.evaluation import Texts
from mtnlg.evaluation.metrics.bleu import bleu_signature, bleu_statistics, bleu_values
from mtnlg.evaluation.significance.bootstrap import FloatArray

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    ".",
    "3.14",
    "don't",
    "猫",
    "坐",
    "在",
    "，",
    "PyTorch",
    "Größe",
]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
HYPOTHESES = st.one_of(SENTENCES, st.just(""), st.text(alphabet="abc .,\n猫在", max_size=20))

TOKENIZERS = {"en": "13a", "de": "13a", "zh": "zh", "ja": "char", "ko": "char"}


def transpose(references: list[list[str]]) -> list[list[str]]:
    """References in sacreBLEU's layout, without our own function."""
    most = max(map(len, references))
    padded = [row + [None] * (most - len(row)) for row in references]
    return cast(list[list[str]], [list(column) for column in zip(*padded, strict=True)])


def value(hypotheses: list[str], references: list[list[str]], language: str) -> float:
    return float(bleu_values(counts(hypotheses, references, language).sum(axis=0)))


def counts(hypotheses: list[str], references: list[list[str]], language: str) -> FloatArray:
    return bleu_statistics(Texts(hypotheses, references, language=language))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(HYPOTHESES, st.lists(SENTENCES, min_size=1, max_size=3)), min_size=1, max_size=6
    ),
    st.sampled_from(sorted(TOKENIZERS)),
)
def test_bleu_equals_sacrebleu(rows: list[tuple[str, list[str]]], language: str) -> None:
    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    oracle = BLEU(tokenize=TOKENIZERS[language], force=True)
    expected = oracle.corpus_score(hypotheses, transpose(references)).score
    counted = oracle._extract_corpus_statistics(hypotheses, transpose(references))

    assert value(hypotheses, references, language) == expected
    assert counts(hypotheses, references, language).tolist() == counted
    assert bleu_signature(references, language) == str(oracle.get_signature())


@pytest.mark.parametrize("seed", range(5))
def test_bleu_of_a_long_corpus_equals_sacrebleu(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sentences = [
        " ".join(generator.choice(WORDS, size=generator.integers(3, 40))) for _ in range(120)
    ]
    hypotheses, references = sentences[:60], [[sentence] for sentence in sentences[60:]]
    for row in range(0, 60, 2):
        references[row].append(hypotheses[row] + " mat")

    expected = (
        BLEU(tokenize="13a", force=True).corpus_score(hypotheses, transpose(references)).score
    )

    assert value(hypotheses, references, "en") == expected


@given(st.lists(st.lists(st.integers(0, 30), min_size=10, max_size=10), min_size=1, max_size=20))
def test_bleu_values_of_many_sums_equal_sacrebleu_one_by_one(rows: list[list[int]]) -> None:
    """Includes sums that no text has, such as matches without n-grams of a lower order."""
    sums = np.array(rows, dtype=np.float64)

    values = bleu_values(sums.reshape(1, len(rows), 10))

    expected = [BLEU()._compute_score_from_stats(list(row)).score for row in rows]
    assert values.shape == (1, len(rows))
    assert values[0].tolist() == expected


def test_bleu_signature_names_tokenizer_and_number_of_references() -> None:
    ragged = [["a"], ["a", "b"]]

    assert (
        bleu_signature([["a"], ["b"]], "en")
        == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    )
    assert bleu_signature(ragged, "zh").startswith("nrefs:var|case:mixed|eff:no|tok:zh|")


def test_bleu_of_a_missing_reference_is_not_that_of_an_empty_one() -> None:
    """sacreBLEU counts "" as a reference of length 0, so rows with fewer references need None."""
    hypotheses = ["the", "the cat sat on a mat"]
    references = [["the cat sat on"], ["the cat sat on a mat"] * 2]

    ragged = value(hypotheses, references, "en")

    padded = [["the cat sat on", "the cat sat on a mat"], ["", "the cat sat on a mat"]]
    assert ragged == BLEU().corpus_score(hypotheses, transpose(references)).score
    assert ragged < BLEU().corpus_score(hypotheses, padded).score
