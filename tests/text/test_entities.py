"""Names and numbers of texts. Oracle: read by eye."""

from __future__ import annotations

import pytest

from mtnlg.text.entities import entities, learn_casing

CORPUS = ["Then Paul met Mary and Tom.", "The old bridge was closed, nobody came and it was sorry."]


def found_in(text: str, language: str = "en", corpus: list[str] | None = None) -> list[str]:
    return sorted(entities(text, learn_casing(corpus or [text], language)).elements())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("three days", ["3"]),
        ("twenty-one men and 5 cats", ["21", "5"]),
        ("one hundred and five", ["105"]),
        ("two thousand and six", ["2006"]),
        ("two hundred thousand and forty-two", ["200042"]),
        ("nineteen eighty-four", ["19", "84"]),
        ("3.5 million, 1,234.5 and 1,200", ["1200", "1234.5", "3500000"]),
        ("the 20th at 5pm", ["20", "5"]),
        ("on 1.2.2026", ["1.2.2026"]),
        ("one of them", []),
        ("often bones weigh a stone", []),
        ("one, two and three", ["2", "3"]),
    ],
)
def test_numbers_are_values(text: str, expected: list[str]) -> None:
    assert found_in(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("两百五十块", "zh", ["250"]),
        ("二〇二六年和2026年", "zh", ["2026", "2026"]),
        ("三万两千人，3万人", "zh", ["30000", "32000"]),
        ("我们一起去，万一下雨，十分冷", "zh", []),
        ("十五个苹果，３個", "zh", ["15", "3"]),
        ("他用iPhone 15和GPT-4", "zh", ["15", "gpt-4", "iphone"]),
        ("राम ने NASA में ३ किताबें", "hi", ["3", "nasa"]),
        ("1.234,5 Euro", "de", ["1234.5", "euro"]),
        ("Москва купила 3,5", "ru", ["3.5", "москва"]),
    ],
)
def test_other_scripts(text: str, language: str, expected: list[str]) -> None:
    assert found_in(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paul is a driver in Guangzhou.", ["guangzhou", "paul"]),
        ("Nobody came. Sorry, Tom's late.", ["tom"]),
        ('He said: The bridge is closed! "It isn\'t," Mary said.', ["mary"]),
        ("I'm here, but I don't know O'Brien.", ["o'brien"]),
        ("NASA was right.", ["nasa"]),
        ("THE OLD BRIDGE IS CLOSED", []),
        ("Don't wait.\nTom will not come.", ["tom"]),
    ],
)
def test_names_are_capitalized_words_that_no_sentence_start_explains(
    text: str, expected: list[str]
) -> None:
    assert found_in(text, corpus=CORPUS) == expected


def test_case_and_possessives_do_not_matter() -> None:
    assert found_in("It was Paul’s.", corpus=CORPUS) == found_in("It was PAUL.", corpus=CORPUS)
