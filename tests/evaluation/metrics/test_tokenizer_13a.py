"""The fast 13a tokenizer. Oracle: sacreBLEU's own, line by line."""

from __future__ import annotations

import string

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from mtnlg.evaluation.metrics.tokenizer_13a import tokens_13a

PIECES = [*"..,,--0059ab \n\r\t\u2028\u00a0猫é", *string.punctuation]
PIECES += ["<skipped>", "&quot;", "&amp;", "&lt;", "&gt;", "&amp;lt;", "1.5", "a.b", "...", "9-"]
LINES = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES)).map("".join))


@settings(deadline=None, max_examples=1_000)
@given(st.lists(LINES, max_size=6))
@example(["5...5", ".5", "-", "5", ".", "", ",.", "1,", "2"])
@example(["<skip<skipped>ped>", "-<skipped>\n", "x-\n<skipped>y", "&am<skipped>p;lt;"])
def test_tokens_of_lines_are_those_of_sacrebleu(lines: list[str]) -> None:
    oracle = Tokenizer13a()  # type: ignore[no-untyped-call]

    tokens = tokens_13a(tuple(lines))

    assert tokens == [oracle(line).split() for line in lines]
