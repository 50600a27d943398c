r"""What two texts must share to be the same, from strict to loose; and the units that n-grams are
counted in.

Verbatim texts share all but composition (NFC) and white space. Texts equal by letters and digits
share those after NFKC and in lower case: case, width, punctuation, symbols, emoji and spaces do not
count. A unit is a word, or one character of a script that is written without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from mtnlg.text.scripts import combining_marks

UNSPACED = (
    "\u3005-\u3007\u3021-\u3029\u3105-\u312f\u31a0-\u31bf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002fa1f\U00030000-\U000323af"  # Han and bopomofo
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece"  # Thai and Lao
    "\u1000-\u103f\u1050-\u108f\u1780-\u17d3"  # Burmese and Khmer
)
"""A class of characters: the letters of scripts written without spaces between words."""

_ASCII_WORD = re.compile("[a-z0-9]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_NAME = r"[^\W\d_][\w.'’-]{0,19}"
_LABELS = re.compile(rf"\s*(?:(?:#\w{{1,30}}#|{_NAME}(?: {_NAME})?)\s*[:：](?!\d)\s*)+")
"""Speaker labels that open a line: `#Person1#:`, `A:`, `Dr. Chen:`, `小明：`."""


def verbatim(text: str) -> str:
    """The text without what verbatim texts may differ in."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def units(text: str) -> list[str]:
    """The words of a text, by letters and digits; each character of an unspaced script alone."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _unit_pattern().findall(unicodedata.normalize("NFKC", text).lower())


def normalized_key(text: str) -> str:
    """The letters and digits of a text; of one that has none, its verbatim form."""
    return "".join(units(text)) or verbatim(text)


def without_labels(line: str) -> str:
    """The line without the speaker labels that open it, where anything else is left."""
    if ":" not in line and "：" not in line:
        return line
    found = _LABELS.match(line)
    rest = line[found.end() :] if found else line
    return rest or line


def is_unspaced(found: Sequence[str]) -> bool:
    """Whether most of these units are characters of an unspaced script."""
    return 2 * sum(1 for unit in found if _UNSPACED.match(unit)) > len(found)


@cache
def _unit_pattern() -> re.Pattern[str]:
    return re.compile(rf"[{UNSPACED}]|(?:[^\W_{UNSPACED}]++[{combining_marks()}]*+)++")
