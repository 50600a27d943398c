"""Scripts and languages: combining marks, ideographs, Chinese scripts, language codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from mtnlg.errors import ConfigError

MARK_BLOCKS = (range(0x0300, 0x20000), range(0xE0100, 0xE01F0))
"""The blocks of Unicode that have marks."""


@cache
def combining_marks() -> str:
    """The combining marks of Unicode, for a class of a regular expression: without them words would
    be cut at the vowel signs of Hindi.
    """
    return character_ranges(MARK_BLOCKS, _is_mark)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def character_ranges(blocks: Iterable[range], is_in: Callable[[str], bool]) -> str:
    """The characters of blocks for which the test holds, as ranges, which match faster."""
    codes = [code for block in blocks for code in block if is_in(chr(code))]
    starts = [code for code in codes if not is_in(chr(code - 1))]
    ends = [code for code in codes if not is_in(chr(code + 1))]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


UNSCORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which UTF-16 and binary files have, and lone surrogates, which escapes of JSON may have and
no UTF-8 file can hold."""


def find_unscorable(text: str) -> str | None:
    """The first character that is no text, as `U+D800 at character 2`; None where all are."""
    if text.isascii() and "\x00" not in text:
        return None  # much quicker
    match = UNSCORABLE.search(text)
    if match is None:
        return None
    return f"U+{ord(match.group()):04X} at character {match.start() + 1}"


HAN = (
    "\u3005-\u3007\u3021-\u3029\u3105-\u312f\u31a0-\u31bf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002fa1f\U00030000-\U000323af"
)
"""Han of all planes with its iteration mark and numerals, and bopomofo, for a class of a regular
expression."""
HAN_AND_KANA = HAN + "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
"""Also kana without punctuation."""
IDEOGRAPH = f"[{HAN_AND_KANA}\uff66-\uff9f]"
"""Also kana of half width, as a regular expression."""

UNSPACED_BLOCKS = (
    *(range(0x0E00, 0x10A0), range(0x1780, 0x1800), range(0x1950, 0x19E0), range(0x1A20, 0x1AB0)),
    *(range(0x1B00, 0x1B80), range(0xA980, 0xAAE0)),
)
"""Thai, Lao, Tibetan, Burmese; Khmer; Tai Le and New Tai Lue; Tai Tham; Balinese; Javanese, more
Burmese, and Tai Viet: scripts without spaces between words, whose letters have marks."""
STACKERS = "\u1039\u17d2\u1a60\u1b44\ua9c0"
"""Marks that set the next letter below the one before, as Khmer's coeng."""


@cache
def unspaced_letters() -> str:
    """The letters of scripts without spaces, for a class of a regular expression."""
    return HAN_AND_KANA + character_ranges(UNSPACED_BLOCKS, str.isalpha)


@cache
def unspaced_unit() -> str:
    """A regular expression for a unit of a script without spaces: an ideograph, a kana, or a letter
    with its marks and the letters stacked below it.
    """
    letter = f"[{character_ranges(UNSPACED_BLOCKS, str.isalpha)}][{combining_marks()}]*+"
    return f"[{HAN_AND_KANA}]|{letter}(?:(?<=[{STACKERS}]){letter})*+"


def characters(text: str) -> list[str]:
    """The characters of a text without white space, each with its marks."""
    return _character_pattern().findall(text)


@cache
def _character_pattern() -> re.Pattern[str]:
    return re.compile(rf"{unspaced_unit()}|\S[{combining_marks()}]*+")


UNSPACED_SCRIPTS = {
    "Chinese": "zh cdo cjy cnp cpx csp czh czo gan hak hnm hsn ltc luh lzh mnp nan och sjc wuu yue",
    "Japanese": "ja ojp ryu",
    "Thai": "th nod sou tts",
    "Lao": "lo",
    "Khmer": "km",
    "Burmese": "my mnw rki shn",
    "Tibetan": "bo adx dz khg lbj sip xct",
}
"""Script without spaces between words -> its languages, whose tokens are characters."""
SINITIC = frozenset(UNSPACED_SCRIPTS["Chinese"].split())
"""Chinese and its languages."""
IDEOGRAPHIC = SINITIC | frozenset(UNSPACED_SCRIPTS["Japanese"].split())
UNSPACED = frozenset(" ".join(UNSPACED_SCRIPTS.values()).split())
TWO_LETTER_CODES = {
    **{"eng": "en", "kor": "ko", "jpn": "ja", "zho": "zh", "chi": "zh", "cmn": "zh"},
    **{"tha": "th", "lao": "lo", "khm": "km", "mya": "my", "bur": "my"},
    **{"bod": "bo", "tib": "bo", "dzo": "dz"},
}
"""ISO 639-2 and 639-3 codes of the languages with rules of their own."""


@cache
def base_language(language: str) -> str:
    """The bare code, `zh` for `zh-CN` and `zho_Hans`; raises ConfigError for a language's name."""
    code = re.split("[-_]", language, maxsplit=1)[0].lower()
    if re.fullmatch("[a-z]{2,3}", code) is None:
        raise ConfigError(
            f"language={language!r}: must be an ISO 639-1 code such as en, de or zh, or one of "
            "ISO 639-3 such as yue"
        )
    return TWO_LETTER_CODES.get(code, code)


@cache
def is_unspaced_language(language: str) -> bool:
    """True for a language without spaces between words, unless it is in Latin letters (`_Latn`)."""
    return base_language(language) in UNSPACED and script_code(language) != "latn"


def is_sinitic(language: str) -> bool:
    """True for Chinese and its languages, unless in Latin letters."""
    return is_unspaced_language(language) and base_language(language) in SINITIC


def has_ideographs(language: str) -> bool:
    """True for Chinese, its languages, and Japanese, unless in Latin letters."""
    return is_unspaced_language(language) and base_language(language) in IDEOGRAPHIC


def script_code(language: str) -> str | None:
    """The ISO 15924 code in a language's code, in lower case."""
    return next((part for part in re.split("[-_]", language.lower())[1:] if len(part) == 4), None)


def join_texts(parts: Sequence[str], language: str) -> str:
    """Parts of one text with a space between; in a language without spaces, only between words of
    another script.
    """
    if not is_unspaced_language(language):
        return " ".join(parts)
    joined = ""
    for part in parts:
        is_spaced = bool(joined and part) and _is_spaced(joined[-1]) and _is_spaced(part[0])
        joined += " " * is_spaced + part
    return joined


def _is_spaced(character: str) -> bool:
    """True for a character that has spaces around it between words: no Chinese or Thai one."""
    is_wide = unicodedata.east_asian_width(character) in "WF"
    return not is_wide and not any(ord(character) in block for block in UNSPACED_BLOCKS)


_SENTENCE = re.compile(
    r"""[^。！？｡!?…។៕။།༎]*[。！？｡!?…។៕။།༎]+["'”’」』）)\]】》]*|[^。！？｡!?…។៕။།༎]+"""
)
"""A sentence of a language without spaces with the quotes and brackets that close after its end."""


def split_sentences(text: str, *, has_marks: bool) -> list[str]:
    """The lines of a text that are not empty; the sentences of a text of one line, if marks end
    them.
    """
    if has_marks and "\n" not in text:
        return _SENTENCE.findall(text)
    return [line for line in text.split("\n") if line]


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
