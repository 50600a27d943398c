"""Keys by which texts are equal, from strict to loose, and the units of n-grams.

Verbatim texts differ at most in composition (NFC) and white space. Texts with equal normalized keys
share their letters and digits after NFKC in lower case: case, width, punctuation, symbols, emoji
and spaces do not count. A unit is a word, or one character of a script without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from mtnlg.text.scripts import HAN_AND_KANA, combining_marks

UNSPACED = HAN_AND_KANA + (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece"  # Thai and Lao
    "\u1000-\u103f\u1050-\u108f\u1780-\u17d3"  # Burmese and Khmer
)
"""The letters of scripts without spaces between words, for a class of a regular expression."""

_ASCII_WORD = re.compile("[a-z0-9]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
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
    return 2 * sum(1 for unit in text if _UNSPACED.match(unit)) > len(text)


@cache
def _unit_pattern() -> re.Pattern[str]:
    return re.compile(rf"[{UNSPACED}]|(?:[^\W_{UNSPACED}]++[{combining_marks()}]*+)++")
