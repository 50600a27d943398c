"""Counts of n-grams by sorting. Oracle: counts one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnlg.evaluation.metrics import ngrams
from mtnlg.evaluation.metrics.ngrams import Vocabulary, clipped_matches, encode_characters

TEXTS = st.text(alphabet="abcd猫\U0010ffff\0", max_size=9)


def counted(text: str, order: int) -> Counter[str]:
    return Counter(text[start : start + order] for start in range(len(text) - order + 1))


def expected_matches(hypothesis: str, references: list[str], order: int) -> int:
    highest: Counter[str] = Counter()
    for reference in references:
        highest |= counted(reference, order)
    return (counted(hypothesis, order) & highest).total()


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=7),
    st.integers(1, 6),
    st.sampled_from([1, 2, 5, 1_000]),
)
def test_clipped_matches_equal_counting_one_by_one(
    rows: list[tuple[str, str, str]], order: int, batch_places: int
) -> None:
    """Oracle: Counter. Batches from one row to all of them."""
    hypotheses, *references = (encode_characters(texts) for texts in zip(*rows, strict=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "BATCH_SYMBOLS", batch_places)
        matches = clipped_matches(hypotheses, references, order=order)

    assert matches.tolist() == [
        [expected_matches(row[0], list(row[1:]), size) for size in range(1, order + 1)]
        for row in rows
    ]


def test_texts_of_many_rare_tokens_are_counted() -> None:
    """Oracle: by hand; four numbers of 17 bits do not fit into 64 bits."""
    vocabulary = Vocabulary()
    tokens = [str(number) for number in range(70_000)]
    hypotheses = vocabulary.encode([tokens, tokens[:3]])
    references = vocabulary.encode([[*tokens[60_000:], *tokens[:5]], ["0", "2", "1", "0"]])

    matches = clipped_matches(hypotheses, [references], order=4)

    assert matches.tolist() == [[10_005, 10_003, 10_001, 9_999], [3, 0, 0, 0]]


@pytest.mark.parametrize("texts", [[""], ["", ""], ["a", ""]])
def test_empty_texts_share_nothing(texts: list[str]) -> None:
    empty = encode_characters([""] * len(texts))

    matches = clipped_matches(empty, [encode_characters(texts)], order=6)

    assert np.array_equal(matches, np.zeros((len(texts), 6)))
