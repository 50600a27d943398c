"""Tokens by language. Oracle: texts cut by hand, and rouge_score's tokenizer."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer
from sacrebleu.metrics.bleu import BLEU

from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts, find_metric, score_texts
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
        ("yue", "佢哋喺度睇書，OK！", "佢 哋 喺 度 睇 書 ok"),
        ("th", "เด็กอ่านหนังสือ 12 เล่ม", "เ ด็ ก อ่ า น ห นั ง สื อ 12 เ ล่ ม"),
        ("lao", "ເດັກອ່ານ", "ເ ດັ ກ ອ່ າ ນ"),
        ("km", "ក្មេងស្រី។", "ក្មេ ង ស្រី"),
        ("mya", "မန္တလေးမှာ", "မ န္တ လေး မှာ"),
        ("bo", "བུ་མོས་དཔེ", "བུ མོ ས ད པེ"),
        ("dz", "བུ་མོ། UN", "བུ མོ un"),
        ("th", "猫と GPT แมว", "猫 と gpt แ ม ว"),
        ("nan_Latn", "Lí-hó, lâng", "lí hó lâng"),
    ],
)
def test_tokens_of_other_languages(language: str, text: str, tokens: str) -> None:
    assert rouge_tokens(text, language) == tokens.split()


def cut(text: str, *, has_ideographs_alone: bool) -> list[str]:
    """Cut into words one character at a time, by isalnum and Unicode's categories."""
    tokens, word = [], ""
    for character in [*unicodedata.normalize("NFC", text.lower()), " "]:
        is_alone = has_ideographs_alone and re.fullmatch(IDEOGRAPH, character) is not None
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


CHINESE = [
    *("zh", "zh-TW", "zh-min-nan", "zho_Hant", "chi", "cmn", "yue", "lzh", "wuu", "nan"),
    *("hak", "gan", "cdo", "hsn", "cjy", "mnp", "cpx", "czh", "czo"),
]
BY_LETTERS = ["th", "tha", "lo", "lao", "km", "khm", "my", "mya", "bur", "bo", "bod", "tib"]
SENTENCES = {
    "th": "แมวกินปลา",
    "lo": "ແມວກິນປາ",
    "km": "ឆ្មាស៊ីត្រី",
    "my": "ကြောင်စားတယ်",
    "bo": "ཞི་མི་ཉ་ཟ",
    "dz": "ཞི་མི་ཉ་ཟ",
    "ja": "猫が魚を食べる",
    "zh": "貓食魚喇",
}
"""A cat eats a fish: a single run of letters, which 13a takes for one word."""


@pytest.mark.parametrize("language", [*CHINESE, *BY_LETTERS, "dz", "dzo", "ja", "jpn"])
def test_equal_short_texts_of_languages_without_spaces_score_100(language: str) -> None:
    """Oracle: sacreBLEU with the tokenizer that the signature names, and its own signature."""
    is_chinese = language in CHINESE
    sentence = SENTENCES["zh" if is_chinese else base_language(language)]
    texts = Texts([sentence], [[sentence]], language=language)
    oracle = BLEU(tokenize="zh" if is_chinese else "char", force=True)

    values = {name: score_texts(name, texts) for name in ("bleu", "rouge1", "rougeL")}

    assert values["bleu"] == oracle.corpus_score([sentence], [[sentence]]).score
    assert values == {name: pytest.approx(100) for name in values}
    assert find_metric("bleu").signature([[sentence]], language) == str(oracle.get_signature())


@pytest.mark.parametrize("language", ["th", "km", "my", "bo"])
def test_part_of_a_text_without_spaces_scores_a_part(language: str) -> None:
    """By hand: all of the output's characters match, and all but one of the reference's."""
    tokens = rouge_tokens(SENTENCES[language], language)
    shorter = SENTENCES[language].removesuffix(tokens[-1])

    value = score_texts("rouge1", Texts([shorter], [[SENTENCES[language]]], language=language))

    recall = (len(tokens) - 1) / len(tokens)
    assert value == pytest.approx(100 * 2 * recall / (1 + recall))


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
    [
        ("zh-CN", "zh"),
        ("zho_Hans", "zh"),
        ("EN", "en"),
        ("deu", "deu"),
        ("pt_BR", "pt"),
        ("tib", "bo"),
    ],
)
def test_region_and_script_are_ignored(language: str, base: str) -> None:
    assert base_language(language) == base


@pytest.mark.parametrize("language", ["", "english", "中文", "e"])
def test_a_language_that_is_no_code_is_an_error(language: str) -> None:
    with pytest.raises(ConfigError, match="ISO 639-1"):
        base_language(language)
