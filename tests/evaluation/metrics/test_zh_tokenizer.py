"""The fast `zh` tokenizer. Oracle: sacreBLEU's own."""

from __future__ import annotations

import random

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

from mtnlg.evaluation.metrics.bleu import _scorer, bleu_signature
from mtnlg.evaluation.metrics.zh_tokenizer import FastTokenizerZh

LETTERS = "ab5 .,-'\"!。，中文\u3000\u2003\t½％、1(){}ü\u2a6d\u2a6e\u2000\U00020000"


@pytest.mark.parametrize("seed", range(4))
def test_tokens_are_those_of_sacrebleu(seed: int) -> None:
    dice = random.Random(seed)
    fast, own = FastTokenizerZh(), TokenizerZh()

    for _ in range(5_000):
        line = "".join(dice.choices(LETTERS, k=dice.randint(0, 12)))
        assert fast(line) == own(line), repr(line)


def test_the_same_characters_are_chinese() -> None:
    fast, own = FastTokenizerZh(), TokenizerZh()

    for block in (range(start, start + 0x100) for start in range(0, 0x30000, 0x100)):
        line = "a".join(chr(code) for code in block if not 0xD800 <= code < 0xE000)
        assert fast(line) == own(line), hex(block[0])


def test_bleu_uses_it_with_the_signature_of_sacrebleu() -> None:
    """Oracle: sacreBLEU's own signature."""
    oracle = BLEU(tokenize="zh")
    oracle.corpus_score(["中"], [["中"]])

    assert isinstance(_scorer("zh").tokenizer, FastTokenizerZh)
    assert bleu_signature([["中"]], "zh") == str(oracle.get_signature())
