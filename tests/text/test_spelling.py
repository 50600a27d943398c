"""Keys by which texts are equal, and units.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtnlg.text.spelling import is_unspaced, normalized_key, units, verbatim, without_labels


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("It ' s 5 p.m. !", "it’s 5 PM"),
        ("你好，世界！", "你好,世界!"),
        ("「ＧＰＴ－３」は１７５０億", "GPT-3は1750億"),
        ("ﾃﾞｰﾀ", "データ"),
        ("Cafe\u0301", "CAFÉ"),
        ("snake_case", "Snake case"),
    ],
)
def test_case_width_and_punctuation_do_not_count(left: str, right: str) -> None:
    assert normalized_key(left) == normalized_key(right)


@pytest.mark.parametrize(
    ("left", "right"), [("?", "!"), ("你好", "您好"), ("किताब", "कातब"), ("3.5", "36"), ("", "a")]
)
def test_other_letters_digits_and_vowel_signs_do(left: str, right: str) -> None:
    assert normalized_key(left) != normalized_key(right)


@given(st.text("aB1 ,_\n猫狐。，！（《；：？～９Ａ￥", max_size=12))
def test_units_of_chinese_are_characters_and_ascii_words(text: str) -> None:
    """Oracle: NFKC in lower case, divided character by character."""
    divided = ""
    for letter in unicodedata.normalize("NFKC", text).lower():
        is_word = letter.isascii() and letter.isalnum()
        divided += letter if is_word else f" {letter} " if letter.isalpha() else " "

    assert units(text) == divided.split()


@given(st.text("aBé ß１,。你好ﾃﾞ_\u0301\u3000", max_size=12))
def test_letters_equal_those_that_unicode_calls_so(text: str) -> None:
    """Oracle: the categories of the Unicode database, character by character."""
    normal = unicodedata.normalize("NFKC", text).lower()
    expected = "".join(letter for letter in normal if unicodedata.category(letter)[0] in "LN")

    without_marks = "".join(
        letter for letter in "".join(units(text)) if unicodedata.category(letter)[0] != "M"
    )

    assert without_marks == expected
    if not expected:
        assert normalized_key(text) == verbatim(text)


@pytest.mark.parametrize(
    ("text", "expected", "unspaced"),
    [
        ("Don't_stop 3x", ["don", "t", "stop", "3x"], False),
        ("我用GPT写，好", ["我", "用", "gpt", "写", "好"], True),
        ("über été", ["über", "été"], False),
        ("किताब है", ["किताब", "है"], False),
        ("แมวอยู่", ["แ", "ม", "ว", "อ", "ยู่"], True),
        ("ស្រី 2", ["ស្រី", "2"], False),
        ("བུ་མོས", ["བུ", "མོ", "ས"], True),
    ],
)
def test_units_are_words_or_characters(text: str, expected: list[str], unspaced: bool) -> None:
    assert units(text) == expected
    assert is_unspaced(expected) == unspaced


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("#Person1#: Hi, Ann.", "Hi, Ann."),
        ("A: Well: no", "no"),
        ("小明：你好", "你好"),
        ("Dr. Chen : come in", "come in"),
        ("At 10:30 we go", "At 10:30 we go"),
        ("no label here", "no label here"),
        ("Only:", "Only:"),
        ("the long list of things: a, b", "the long list of things: a, b"),
    ],
)
def test_speaker_labels_are_left_out(line: str, rest: str) -> None:
    assert without_labels(line) == rest
