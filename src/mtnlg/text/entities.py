"""Names and numbers of a text, found without a model: what a fluent output may still get wrong.

Numbers are digits and, in English and Chinese, words: "three", "3" and 三 are the same. Names are
capitalized words; in scripts without case they are words of a script that has it, such as Latin
words in Chinese. In German, all nouns count as names.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from mtnlg.text.scripts import base_language, character_ranges

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
ENGLISH = {word: value for value, word in enumerate(ONES.split())} | {
    word: 10 * value for value, word in enumerate(TENS.split(), start=2)
}
NUMERALS = dict(zip("〇零一二两兩三四五六七八九", (0, 0, 1, 2, 2, 2, *range(3, 10)), strict=True))
UNITS = {"十": 10, "百": 100, "千": 1_000}
MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
POINT_LANGUAGES = ("en", "zh", "yue", "ja", "ko", "th", "he", "hi", "bn", "ta", "te", "ur", "ms")
"""Languages that write 1,234.5; others write 1.234,5."""
FUNCTION_WORDS = (
    "a an the this that these those i you he she it we they me him her us them my your his its our "
    "their who whom whose what which when where why how and or but nor so yet if then than because "
    "as at by for from in into of off on onto out over to up with about after before during under "
    "while not no yes is are am was were be been being do does did have has had can could will "
    "would shall should may might must there here all any both each few more most some such only "
    "just also too very now let"
)
NO_NAMES = frozenset([*FUNCTION_WORDS.split(), *ENGLISH, *SCALES])
"""English words that are capitalized by their position alone, and numbers."""
ENDINGS = re.compile(r"['’](?:s|m|d|re|ve|ll|)$", re.IGNORECASE)
NEGATION = re.compile(r"n['’]t$", re.IGNORECASE)
SENTENCE_START = re.compile(r"(?:^|[.!?…:;。！？：\n])[\s\"'“”‘’«»„(\[{*•—–-]*$")
LETTER = re.compile(r"[^\W\d_]")
CASED_BLOCKS = (range(0x20000),)
"""The block of Unicode that has letters with case."""
REACH = 12
"""Characters before a word that are looked at for the end of a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Casing:
    """How a corpus writes its words: tells a name from the first word of a sentence (as the
    truecasing of Lita et al. 2003).
    """

    language: str
    is_cased: bool
    """At least half of the letters are of scripts with upper and lower case."""
    lowercase: Counter[str]
    """Word -> how often it is written in lower case."""
    capitalized: Counter[str]
    """Lower-cased word -> how often it is capitalized within a sentence."""

    def is_name(self, word: str, *, starts_sentence: bool) -> bool:
        """Whether a capitalized word is a name."""
        key = _key(word)
        if NEGATION.search(word) is not None:
            return False
        if self.language == "en" and key in NO_NAMES:
            return False
        return not starts_sentence or self.capitalized[key] >= self.lowercase[key]


def learn_casing(texts: Iterable[str], language: str) -> Casing:
    """How these texts write their words."""
    lowercase: Counter[str] = Counter()
    capitalized: Counter[str] = Counter()
    num_cased = num_letters = 0
    for text in texts:
        num_letters += len(LETTER.findall(text))
        words = _lowercase_pattern().findall(text)
        lowercase.update(words)
        num_cased += sum(map(len, words))
        for match in _capitalized_words(text):
            num_cased += len(match.group())
            if not _starts_sentence(match):
                capitalized[_key(match.group())] += 1
    return Casing(base_language(language), 2 * num_cased >= num_letters, lowercase, capitalized)


def entities(text: str, casing: Casing) -> Counter[str]:
    """The names, in lower case, and the numbers of a text, each with its count."""
    text = unicodedata.normalize("NFKC", text)
    return Counter([*_names(text, casing), *_numbers(text, casing.language)])


def _names(text: str, casing: Casing) -> Iterator[str]:
    if not casing.is_cased:
        yield from map(_key, _cased_pattern().findall(text))
        return
    for match in _capitalized_words(text):
        if casing.is_name(match.group(), starts_sentence=_starts_sentence(match)):
            yield _key(match.group())


def _capitalized_words(text: str) -> Iterator[re.Match[str]]:
    """The capitalized words, none where all letters of the text are capital ones."""
    return iter(()) if text.isupper() else _capitalized_pattern().finditer(text)


def _starts_sentence(word: re.Match[str]) -> bool:
    start = word.start()
    return SENTENCE_START.search(word.string[max(0, start - REACH) : start]) is not None


def _key(word: str) -> str:
    return ENDINGS.sub("", word).lower()


def _numbers(text: str, language: str) -> Iterator[str]:
    """Each number of the text, as the digits of its value."""
    for match in _number_pattern(language == "en").finditer(text):
        if match["digits"]:
            yield _digits_text(match["digits"], (match["scale"] or "").strip().lower(), language)
        elif match["numerals"]:
            yield from _chinese_number(match)
        else:
            yield from _english_numbers(re.split(r"[\s-]+", match.group().lower()))


def _digits_text(digits: str, scale: str, language: str) -> str:
    """The value of digits with the separators of a language; other forms, such as 1.2.2026, stay
    as they are.
    """
    group, point = ",." if language in POINT_LANGUAGES else ".,"
    if re.fullmatch(rf"\d{{1,3}}([{group}]\d{{3}})+([{point}]\d+)?", digits):
        digits = digits.replace(group, "")
    digits = digits.replace(",", ".")
    if digits.count(".") > 1:
        return digits
    return _value_text(float(digits) * ({**SCALES, **UNITS, **MYRIADS}[scale] if scale else 1))


def _chinese_number(match: re.Match[str]) -> Iterator[str]:
    """The value of a run of numerals; none for a lone 一 or unit, which mostly are parts of words,
    as in 一起, 万一 and 十分.
    """
    run = match["numerals"]
    is_word = run == "十" and match.string[match.end() : match.end() + 1] == "分"
    if run in ("一", "百", "千") or run[0] in MYRIADS or is_word:
        return
    if all(numeral in NUMERALS for numeral in run):
        yield str(int("".join(str(NUMERALS[numeral]) for numeral in run)))
        return
    total = section = digit = 0
    for numeral in run:
        if numeral in NUMERALS:
            digit = NUMERALS[numeral]
        elif numeral in UNITS:
            section += (digit or 1) * UNITS[numeral]
            digit = 0
        else:
            total += (section + digit or 1) * MYRIADS[numeral]
            section = digit = 0
    yield str(total + section + digit)


def _english_numbers(words: Iterable[str]) -> Iterator[str]:
    """The values of number words in a row; none for a lone `one`, which mostly is a pronoun."""
    words = [word for word in words if word != "and"]
    total, section = 0, -1
    for word in words:
        if word in SCALES:
            section = max(section, 0) or 1
            if word == "hundred":
                section *= 100
            else:
                total, section = total + section * SCALES[word], 0
        elif section < 0 or not _fits(section, ENGLISH[word]):
            if section >= 0:
                yield str(total + section)
            total, section = 0, ENGLISH[word]
        else:
            section += ENGLISH[word]
    if words != ["one"]:
        yield str(total + section)


def _fits(section: int, value: int) -> bool:
    """Whether a number word continues a number, as `one` does after `twenty` or `hundred`."""
    if section % 100 == 0 and value < 100:
        return True
    return section % 10 == 0 and section % 100 >= 20 and 0 < value < 10


def _value_text(value: float) -> str:
    return f"{value:.15g}"


@cache
def _letters(*categories: str) -> str:
    """The letters of some categories of Unicode, for a class of a regular expression."""
    return character_ranges(CASED_BLOCKS, lambda letter: unicodedata.category(letter) in categories)


@cache
def _capitalized_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'’])[{_letters('Lu', 'Lt')}]\w*(?:['’-]\w+)*")


@cache
def _lowercase_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'’])[{_letters('Ll')}]+(?![\w])")


@cache
def _cased_pattern() -> re.Pattern[str]:
    letters = _letters("Lu", "Lt", "Ll")
    return re.compile(rf"[{letters}][{letters}0-9]*(?:['’-][{letters}0-9]+)*")


@cache
def _number_pattern(has_words: bool) -> re.Pattern[str]:
    """Digits with a scale word or unit, runs of Chinese numerals, and English number words."""
    letters = _letters("Lu", "Lt", "Ll")
    numerals = "".join([*NUMERALS, *UNITS, *MYRIADS])
    scale = rf"(?P<scale>\s?(?:{'|'.join(SCALES)})\b|[{''.join([*UNITS, *MYRIADS])}])?"
    digits = rf"(?<![{letters}])(?<![{letters}]-)(?P<digits>\d+(?:[.,]\d+)*){scale}"
    parts = [digits, rf"(?P<numerals>[{numerals}]+)"]
    if has_words:
        word = "|".join(sorted([*ENGLISH, *SCALES], key=len, reverse=True))
        first = "|".join(sorted(ENGLISH, key=len, reverse=True))
        parts.append(rf"\b(?:{first})(?:[\s-]+(?:and\s+)?(?:{word}))*\b")
    return re.compile("|".join(parts), re.IGNORECASE)
