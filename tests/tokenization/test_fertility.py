"""How finely a tokenizer divides a language, counted by hand."""

from __future__ import annotations

import pytest

from mtnlg.config import TokenizerConfig
from mtnlg.tokenization.fertility import fertility
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer

ENGLISH = ["the cat sees the dog", "the dog sees"]
CHINESE = ["猫看见狗。", "狗 看见"]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    """A tokenizer with one token for each English word, and in Chinese only for the dog."""
    texts = [*ENGLISH * 9, "狗" * 9]
    return train_tokenizer(texts, TokenizerConfig(vocabulary_size=320), markers=["<x>"])


def test_spaced_language_is_counted_by_words(tokenizer: TextTokenizer) -> None:
    """Oracle: every word is one token, counted by hand."""
    counts = fertility(ENGLISH, tokenizer, "en")

    assert (counts.num_texts, counts.num_units, counts.num_tokens, counts.unit) == (2, 8, 8, "word")
    assert (counts.tokens_per_unit, counts.broken_share) == (1.0, 0.0)


@pytest.mark.parametrize("language", ["zh", "zh-TW", "ja"])
def test_unspaced_language_is_counted_by_characters(
    tokenizer: TextTokenizer, language: str
) -> None:
    """Oracle: the dog is one token, each other character is its three bytes."""
    counts = fertility(CHINESE, tokenizer, language)

    tokens = sum(len(tokenizer.encode(text)) for text in CHINESE)
    assert (counts.num_units, counts.num_tokens, counts.unit) == (8, tokens, "character")
    assert counts.num_broken == 3 * len("猫看见。看见")


def test_no_text_gives_no_number_but_zero(tokenizer: TextTokenizer) -> None:
    counts = fertility([], tokenizer, "en")

    assert (counts.num_texts, counts.tokens_per_unit, counts.broken_share) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("language", "text", "num_characters"),
    [
        ("tha", "แมว อยู่", 5),
        ("yue", "佢喺度。", 4),
        ("km", "ស្រី", 1),
        ("dz", "བུ་མོ", 3),
        ("nan-Latn", "Lí hó", 2),
    ],
)
def test_a_letter_and_its_marks_are_one_character(
    tokenizer: TextTokenizer, language: str, text: str, num_characters: int
) -> None:
    """Oracle: counted by hand; punctuation counts, white space does not."""
    assert fertility([text], tokenizer, language).num_units == num_characters
