"""Encoding by pieces. Oracle: the tokenizer, which encodes each text as a whole."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtnlg.tokenization.pieces
from mtnlg.config import Algorithm, Normalizer, TokenizerConfig, WordPattern
from mtnlg.tokenization.pieces import PieceEncoder, cut
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer

CORPUS = [
    "It's the quick brown fox, isn't it? We'll see 12 foxes\nand a dog. " * 3,
    "Der schnelle braune Fuchs springt über den faulen Hund.\n" * 2,
    "敏捷的棕色狐狸跳过了懒狗。狐狸，跳过了3只狗！“狐狸”跑了。" * 3,
]
MARKERS = ["<x>"]
SIZE = 420
CONFIGS = {
    "BPE": TokenizerConfig(vocabulary_size=SIZE),
    "GPT-2's words": TokenizerConfig(vocabulary_size=SIZE, pattern=WordPattern.gpt2),
    "Unigram": TokenizerConfig(vocabulary_size=SIZE, algorithm=Algorithm.unigram),
}
TOKENIZERS = {
    name: train_tokenizer(CORPUS, config, markers=MARKERS) for name, config in CONFIGS.items()
}
NORMALIZING = TokenizerConfig(vocabulary_size=SIZE, normalizer=Normalizer.nfkc)
SPACES = [" ", "  ", "\n", " \n", "\n ", "\t", "\x1c", "\x85", "\u00a0", "\u3000", "\u2028", "\r"]
PARTS = [
    *(
        "fox",
        "It's",
        "we'LL",
        "'s",
        "'",
        "12",
        "½",
        "३",
        "é",
        "e\u0301",
        "\u0301",
        "\u200d",
        "。",
        "，",
    ),
    *(
        "“",
        "狐",
        "狐狸",
        "A股",
        "（3）",
        "\u0902",
        "हिन्दी",
        "<eos>",
        "<x>",
        ".",
        "...",
        "👩‍👧",
        "ſ",
        "\x00",
    ),
    *SPACES,
]
TEXTS = st.one_of(st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.text(max_size=9))
VALID = TEXTS.filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))


def encoded(tokenizer: TextTokenizer, texts: list[str]) -> list[list[int]]:
    ids = PieceEncoder(tokenizer).encode(texts)
    return [np.frombuffer(part, np.uint32).tolist() for part in ids]


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
@given(texts=st.lists(VALID, max_size=4))
def test_ids_of_pieces_are_those_of_whole_texts(tokenizer: TextTokenizer, texts: list[str]) -> None:
    assert encoded(tokenizer, texts) == tokenizer.encode_batch(texts)


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
def test_pieces_are_whole_words_around_every_character(tokenizer: TextTokenizer) -> None:
    letters = [chr(code) for code in range(0x3100) if not 0xD800 <= code < 0xE000]
    texts = [f"a {left}b{left} c狐{left}狐 {left}。" for left in letters]

    assert encoded(tokenizer, texts) == tokenizer.encode_batch(texts)


@given(VALID)
def test_pieces_give_the_text_when_joined(text: str) -> None:
    assert "".join(cut(text)) == text


def test_text_is_cut_before_words_and_beside_chinese_punctuation() -> None:
    """Oracle: cut by hand."""
    assert cut("a fox,\nit's  far") == ["a", " fox,", "\nit's  far"]
    assert cut("狐狸，跑了3次。") == ["狐狸", "，", "跑了", "3", "次", "。"]


def test_forgetting_pieces_changes_no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtnlg.tokenization.pieces, "MAX_LETTERS", 30)
    tokenizer = TOKENIZERS["BPE"]
    encoder = PieceEncoder(tokenizer)
    words = CORPUS[0].split()
    chosen = random.Random(0)
    for _ in range(20):
        texts = [" ".join(chosen.choices(words, k=4)) for _ in range(3)]
        ids = [np.frombuffer(part, np.uint32).tolist() for part in encoder.encode(texts)]
        assert ids == tokenizer.encode_batch(texts)


def test_a_tokenizer_that_changes_text_first_encodes_it_whole() -> None:
    tokenizer = train_tokenizer(CORPUS, NORMALIZING, markers=MARKERS)
    texts = ["fox \u0301x", "狐狸①，ｆｏｘ ﬁ", "a \u3000b"]

    assert not tokenizer.divides_words
    assert encoded(tokenizer, texts) == tokenizer.encode_batch(texts)
