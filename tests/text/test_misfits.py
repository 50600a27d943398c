"""Texts in another script than their language. Oracle: read by hand."""

from __future__ import annotations

import pytest

from mtnlg.text.misfits import is_misfit, misfit_note, scripts_of
from mtnlg.text.scripts import UNSPACED


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "今天天气很好。"),
        ("de", "Погода хорошая."),
        ("zh", "The weather is fine."),
        ("yue", "Wetter, schön"),
        ("zh", "猫が魚を食べる。"),
        ("ja", "weather"),
        ("th", "agat dii maak"),
        ("tha", "今天天气很好"),
        ("km", "អ abcdefgh ijklm"),
        ("hi", "mausam achha hai"),
        ("ru", "Pogoda horoshaya"),
        ("ko", "날 is missing here, of all places"),
        ("zh-Latn", "今天天气"),
        ("nan_Latn", "天氣真好"),
        ("hin_Deva", "mausam achha"),
    ],
)
def test_text_of_another_script_is_found(language: str, text: str) -> None:
    assert is_misfit(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The weather is fine – naïve, 東京!"),
        ("vi", "Thời tiết đẹp"),
        ("zh", "我用 Photoshop CS6 改图。"),
        ("zh", "OK"),
        ("zh", "3.14 %"),
        ("zh-TW", "天氣真好"),
        ("ja", "カメラ"),
        ("th", "อากาศดี GPT-4"),
        ("my", "ရာသီဥတု"),
        ("hi", "मौसम अच्छा है"),
        ("sr", "Vreme je lepo"),
        ("sr", "Време је лепо"),
        ("zh-Latn", "tiānqì hěn hǎo"),
        ("nan_Latn", "Thinn-khì"),
        ("xyz", "天气"),
        ("en", ""),
    ],
)
def test_text_of_its_own_script_is_not(language: str, text: str) -> None:
    assert not is_misfit(text, language)


def test_every_language_without_spaces_has_a_script() -> None:
    assert all(scripts_of(language) for language in UNSPACED)


def test_note_counts_the_texts_and_names_both_scripts() -> None:
    note = misfit_note(["Hello there", "Привет", "你好", "Good day"], "zh", what="outputs")

    assert note == "3 of 4 outputs are in Latin script, not in Chinese as language=zh is"


def test_few_texts_of_another_script_are_no_note() -> None:
    """By hand: 1 of 101 is below 1 %; 1 of 100 is not."""
    assert misfit_note([*["你好"] * 100, "Hello there"], "zh", what="outputs") is None
    assert misfit_note([*["你好"] * 99, "Hello there"], "zh", what="outputs") is not None
