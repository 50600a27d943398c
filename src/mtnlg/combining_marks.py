"""The combining marks of Unicode as ranges of a regular expression's class.

Without them the vowel signs of Hindi or Thai would cut words. Ranges, since a class of single marks
makes matching slow. Refuses to know: what a word is.
"""

from __future__ import annotations

import unicodedata
from functools import cache

MARK_BLOCKS = (range(0x0300, 0x20000), range(0xE0100, 0xE01F0))
"""Where Unicode has marks."""


@cache
def combining_marks() -> str:
    """What stands between the brackets of a class."""
    codes = [code for block in MARK_BLOCKS for code in block if _is_mark(code)]
    starts = [code for code in codes if not _is_mark(code - 1)]
    ends = [code for code in codes if not _is_mark(code + 1)]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def _is_mark(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "M"
