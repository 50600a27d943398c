"""Scripts and languages: combining marks, ideographs, Chinese scripts, language codes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from mtnlg.errors import ConfigError

MARK_BLOCKS = (range(0x0300, 0x20000), range(0xE0100, 0xE01F0))
"""The blocks of Unicode that have marks."""


@cache
def combining_marks() -> str:
    """The combining marks of Unicode, for a class of a regular expression: without them words would
    be cut at the vowel signs of Hindi. Ranges match faster than single marks.
    """
    codes = [code for block in MARK_BLOCKS for code in block if _is_mark(code)]
    starts = [code for code in codes if not _is_mark(code - 1)]
    ends = [code for code in codes if not _is_mark(code + 1)]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def _is_mark(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "M"


UNSCORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which UTF-16 and binary files have, and lone surrogates, which escapes of JSON may have and
no UTF-8 file can hold."""


def find_unscorable(text: str) -> str | None:
    """The first character that is no text, as `U+D800 at character 2`; None where all are."""
    match = UNSCORABLE.search(text)
    if match is None:
        return None
    return f"U+{ord(match.group()):04X} at character {match.start() + 1}"


CHARACTER_LANGUAGES = ("zh", "ja")
"""Languages without spaces, in which each ideograph and each kana is a token of ROUGE."""
TWO_LETTER_CODES = {"eng": "en", "zho": "zh", "chi": "zh", "cmn": "zh", "jpn": "ja", "kor": "ko"}
"""ISO 639-3 (and 639-2/B) codes of the languages with rules of their own."""

HAN_AND_KANA = (
    "\u3005-\u3007\u3021-\u3029\u3105-\u312f\u31a0-\u31bf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002fa1f\U00030000-\U000323af"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
)
"""Han of all planes with its iteration mark and numerals, bopomofo, and kana without punctuation,
for a class of a regular expression."""
IDEOGRAPH = re.compile(f"[{HAN_AND_KANA}\uff66-\uff9f]")
"""Also kana of half width."""


@cache
def base_language(language: str) -> str:
    """The bare code, `zh` for `zh-CN` and `zho_Hans`; raises ConfigError for a language's name."""
    code = re.split("[-_]", language, maxsplit=1)[0].lower()
    if re.fullmatch("[a-z]{2,3}", code) is None:
        raise ConfigError(f"language={language!r}: must be an ISO 639-1 code such as en, de or zh")
    return TWO_LETTER_CODES.get(code, code)


SIMPLIFIED = (
    "这说们国会时来对发个过还学问间门见现实电车马鸟鱼东长书写买卖红绿"
    "爱儿开关让给认识谁话语读课该请谢谈论应当为务从众众难欢听银钱铁"
    "飞饭馆馆医药师帮带带张阳阴队际陆险随页题颜类风气经济结约级纪线组织细终"
)
TRADITIONAL = (
    "這說們國會時來對發個過還學問間門見現實電車馬鳥魚東長書寫買賣紅綠"
    "愛兒開關讓給認識誰話語讀課該請謝談論應當為務從眾衆難歡聽銀錢鐵"
    "飛飯館舘醫藥師幫帶帯張陽陰隊際陸險隨頁題顏類風氣經濟結約級紀線組織細終"
)
"""Pairs with SIMPLIFIED, by index."""
ONLY_SIMPLIFIED = frozenset(SIMPLIFIED) - frozenset(TRADITIONAL)
ONLY_TRADITIONAL = frozenset(TRADITIONAL) - frozenset(SIMPLIFIED)


def script_of(text: str) -> str | None:
    """`simplified` or `traditional`, whichever has more characters in the text; None for a tie."""
    num_simplified = sum(character in ONLY_SIMPLIFIED for character in text)
    num_traditional = sum(character in ONLY_TRADITIONAL for character in text)
    if num_simplified == num_traditional:
        return None
    return "simplified" if num_simplified > num_traditional else "traditional"
