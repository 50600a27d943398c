"""TER. Oracle: sacreBLEU's corpus score, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.ter import TER

from mtnlg.evaluation import METRICS, Texts, measure
from mtnlg.evaluation.metrics.ter import ter_signature, ter_statistics, ter_values

WORDS = ["the", "cat", "Sat", "on", "a", "mat", ".", "猫坐在", "，", "垫子上。", "GPT"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
ASIAN = {"normalized": True, "asian_support": True}
ORACLES = {"en": TER(), "de": TER(), "zh": TER(**ASIAN), "ja": TER(**ASIAN)}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(SENTENCES | st.just(""), st.lists(SENTENCES, min_size=1, max_size=3)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(sorted(ORACLES)),
)
def test_ter_equals_sacrebleu(rows: list[tuple[str, list[str]]], language: str) -> None:
    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    most = max(map(len, references))
    padded = [row + [None] * (most - len(row)) for row in references]
    columns = [list(column) for column in zip(*padded, strict=True)]
    oracle = ORACLES[language]
    expected = oracle.corpus_score(hypotheses, columns)

    statistics = ter_statistics(Texts(hypotheses, references, language=language))

    assert float(ter_values(statistics.sum(axis=0))) == pytest.approx(expected.score, abs=1e-12)
    assert ter_signature(references, language) == str(oracle.get_signature())


def test_lower_ter_is_better() -> None:
    assert METRICS["ter"].higher_is_better is False


def test_ter_of_nothing_expected_is_100_for_something_and_0_for_nothing() -> None:
    assert ter_values(np.array([[3.0, 0.0], [0.0, 0.0]])).tolist() == [100, 0]


def test_chinese_is_edited_by_character() -> None:
    """Oracle: by hand; one of six characters differs."""
    statistics = measure(METRICS["ter"], Texts(["猫坐在垫子下"], [["猫坐在垫子上"]], language="zh"))

    assert statistics.tolist() == [[1, 6]]
    assert float(ter_values(statistics[0])) == pytest.approx(100 / 6)
