"""Tokens by language. Oracle: texts cut by hand, and rouge_score's tokenizer."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

from mtnlg.errors import ConfigError
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer, rouge_tokenizer, rouge_tokens
from mtnlg.text.scripts import IDEOGRAPH, base_language


@given(st.text())
def test_english_tokens_equal_rouge_score(text: str) -> None:
    assert rouge_tokens(text, "en") == DefaultTokenizer(use_stemmer=False).tokenize(text)


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("de", "Die GRÖSSE, über_alles: 3.14 – Straße!", "die grösse über alles 3 14 straße"),
        ("de", "u\u0308ber", "über"),
        ("hi", "हिन्दी में", "हिन्दी में"),
        ("ru", "Привет, мир!", "привет мир"),
        ("ar", "مرحبا، يا عالم؟", "مرحبا يا عالم"),
        ("ko", "안녕 세계.", "안녕 세계"),
        ("zh", "我们用PyTorch 2.13训练，效果好！", "我 们 用 pytorch 2 13 训 练 效 果 好"),
        ("zh", "𠮷野家 々〇 ❤️", "𠮷 野 家 々 〇"),
        ("zh-TW", "café在Zürich", "café 在 zürich"),
        ("ja", "ラーメンを・食べる。か\u3099", "ラ ー メ ン を 食 べ る が"),
    ],
)
def test_tokens_of_other_languages(language: str, text: str, tokens: str) -> None:
    assert rouge_tokens(text, language) == tokens.split()


def cut(text: str, *, has_ideographs_alone: bool) -> list[str]:
    """Cut into words one character at a time, by isalnum and Unicode's categories."""
    tokens, word = [], ""
    for character in [*unicodedata.normalize("NFC", text.lower()), " "]:
        is_alone = has_ideographs_alone and IDEOGRAPH.fullmatch(character) is not None
        goes_on = word != "" and unicodedata.category(character)[0] == "M"
        if goes_on or (character.isalnum() and not is_alone):
            word += character
        else:
            tokens += [word] if word else []
            tokens += [character] if is_alone and character.isalnum() else []
            word = ""
    return tokens


@settings(deadline=None)
@given(st.text(st.one_of(st.sampled_from("猫〇𠮷ゝｱé_a1 \u0308\u0300\ufe0f\u093f\u1e92b\U0002a6e5"),
                         st.characters())))  # fmt: skip
def test_tokens_equal_cutting_character_by_character(text: str) -> None:
    assert rouge_tokens(text, "de") == cut(text, has_ideographs_alone=False)
    assert rouge_tokens(text, "zh") == cut(text, has_ideographs_alone=True)


def test_languages_choose_tokenizers() -> None:
    chosen = {
        code: (bleu_tokenizer(code), rouge_tokenizer(code))
        for code in ("en", "de", "zh", "ja", "ko")
    }

    assert chosen == {
        "en": ("13a", "rouge_score"),
        "de": ("13a", "unicode_words"),
        "zh": ("zh", "zh_characters"),
        "ja": ("char", "zh_characters"),
        "ko": ("char", "unicode_words"),
    }


@pytest.mark.parametrize(
    ("language", "base"),
    [("zh-CN", "zh"), ("zho_Hans", "zh"), ("EN", "en"), ("deu", "deu"), ("pt_BR", "pt")],
)
def test_region_and_script_are_ignored(language: str, base: str) -> None:
    assert base_language(language) == base


@pytest.mark.parametrize("language", ["", "english", "中文", "e"])
def test_a_language_that_is_no_code_is_an_error(language: str) -> None:
    with pytest.raises(ConfigError, match="ISO 639-1"):
        base_language(language)
