"""Keys by which texts are equal, from strict to loose, and the units of n-grams.

Verbatim texts differ at most in composition (NFC) and white space. Texts with equal normalized keys
share their letters and digits after NFKC in lower case: case, width, punctuation, symbols, emoji
and spaces do not count. A unit is a word; in a script without spaces it is one character, with its
combining marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from mtnlg.text.scripts import combining_marks, unspaced_letters, unspaced_unit

_ASCII_WORD = re.compile("[a-z0-9]+")
_PLAIN_CHINESE = re.compile("[\n -~\u3001\u3002\u3008-\u3011\u4e00-\u9fa5！（），：；？]*")
"""Ideographs, punctuation and ASCII, which NFKC makes no letter or digit of."""
_PLAIN_UNIT = re.compile("[\u4e00-\u9fa5]|[a-z0-9]+")
_NAME = r"[^\W\d_][\w.'’-]{0,19}"
_LABELS = re.compile(rf"\s*(?:(?:#\w{{1,30}}#|{_NAME}(?: {_NAME})?)\s*[:：](?!\d)\s*)+")
"""Speaker labels at the start of a line: `#Person1#:`, `A:`, `Dr. Chen:`, `小明：`."""


def verbatim(text: str) -> str:
    """The text in NFC with single spaces, equal for verbatim texts."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def units(text: str) -> list[str]:
    """The letters and digits of a text as words; single characters in scripts without spaces."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    if _PLAIN_CHINESE.fullmatch(text):
        return _PLAIN_UNIT.findall(text.lower())
    return _unit_pattern().findall(unicodedata.normalize("NFKC", text).lower())


def normalized_key(text: str) -> str:
    """The letters and digits of a text; its verbatim form where it has none."""
    return "".join(units(text)) or verbatim(text)


def without_labels(line: str) -> str:
    """The line without speaker labels at its start, unless it is nothing but labels."""
    if ":" not in line and "：" not in line:
        return line
    match = _LABELS.match(line)
    rest = line[match.end() :] if match else line
    return rest or line


def is_unspaced(text: Sequence[str]) -> bool:
    """True if most units of a text are characters of a script without spaces."""
    is_character = _letter_pattern().match
    return 2 * sum(1 for unit in text if is_character(unit)) > len(text)


@cache
def _letter_pattern() -> re.Pattern[str]:
    return re.compile(f"[{unspaced_letters()}]")


@cache
def _unit_pattern() -> re.Pattern[str]:
    letter = rf"[^\W_{unspaced_letters()}]"
    return re.compile(rf"{unspaced_unit()}|(?:{letter}++[{combining_marks()}]*+)++")
