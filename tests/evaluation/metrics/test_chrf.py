"""chrF. Oracle: sacreBLEU's corpus score, to the last digit."""

from __future__ import annotations

import numpy as np
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from mtnlg.evaluation import Texts
from mtnlg.evaluation.metrics.chrf import ChrfSettings, chrf_signature, chrf_statistics, chrf_values

LETTERS = "abcde fgh.,\n猫坐在，Größé"
REFERENCES = st.text(alphabet=LETTERS, min_size=1, max_size=25).filter(str.strip)
HYPOTHESES = st.text(alphabet=LETTERS, max_size=25)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(HYPOTHESES, st.lists(REFERENCES, min_size=1, max_size=3)), min_size=1, max_size=6
    ),
    st.sampled_from([0, 2]),
    st.booleans(),
)
def test_chrf_equals_sacrebleu(
    rows: list[tuple[str, list[str]]], word_order: int, is_lowercase: bool
) -> None:
    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    most = max(map(len, references))
    padded = [row + [None] * (most - len(row)) for row in references]
    columns = [list(column) for column in zip(*padded, strict=True)]
    oracle = CHRF(word_order=word_order, lowercase=is_lowercase)
    expected = oracle.corpus_score(hypotheses, columns)

    chosen = ChrfSettings(word_order=word_order, is_lowercase=is_lowercase)
    statistics = chrf_statistics(Texts(hypotheses, references, language="en"), chosen)

    assert float(chrf_values(statistics.sum(axis=0))) == expected.score
    assert statistics.tolist() == oracle._extract_corpus_statistics(hypotheses, columns)
    assert chrf_signature(references, "en", chosen) == str(oracle.get_signature())


@given(st.lists(st.lists(st.integers(0, 30), min_size=6, max_size=6), min_size=1, max_size=20))
def test_chrf_values_of_many_sums_equal_sacrebleu_one_by_one(matches: list[list[int]]) -> None:
    rows = [
        [count for match in row for count in (match + 2, match // 2 * 2, match // 2)]
        for row in matches
    ]
    sums = np.array(rows, dtype=np.float64)

    values = chrf_values(sums.reshape(1, len(rows), 18))

    assert values.shape == (1, len(rows))
    assert values[0].tolist() == [CHRF()._compute_score_from_stats(row).score for row in rows]


def test_chrf_signature_names_orders() -> None:
    assert (
        chrf_signature([["a"]], "de")
        == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{sacrebleu.__version__}"
    )
