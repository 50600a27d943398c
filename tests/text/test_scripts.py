"""Texts of scripts without spaces. Expected values are worked out by hand."""

from __future__ import annotations

import pytest

from mtnlg.text.scripts import join_texts


@pytest.mark.parametrize(
    ("language", "parts", "joined"),
    [
        ("en", ["Rain.", "Sun."], "Rain. Sun."),
        ("zh-TW", ["下雨了。", "出太陽了。"], "下雨了。出太陽了。"),
        ("yue", ["落雨", "喇"], "落雨喇"),
        ("ja", ["雨だ", "。"], "雨だ。"),
        ("tha", ["ฝน", "ตก"], "ฝนตก"),
        ("zh", ["我用", "GPT", "4", "。", "OK.", "Fine", "了"], "我用GPT 4。OK. Fine了"),
        ("zh", ["", "雨", ""], "雨"),
        ("ko", ["비가", "온다"], "비가 온다"),
    ],
)
def test_parts_are_joined_as_the_language_is_written(
    language: str, parts: list[str], joined: str
) -> None:
    assert join_texts(parts, language) == joined
