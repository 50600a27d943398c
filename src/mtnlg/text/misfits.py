"""Texts whose script is not the one in which their language is written, as untranslated ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache

from mtnlg.text.scripts import HAN, HAN_AND_KANA, UNSPACED_SCRIPTS, base_language, script_code

LETTERS = {
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a",
    "Cyrillic": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Armenian": "\u0530-\u058f",
    "Hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "Devanagari": "\u0900-\u097f\ua8e0-\ua8ff",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Odia": "\u0b00-\u0b7f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Sinhala": "\u0d80-\u0dff",
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Tibetan": "\u0f00-\u0fff",
    "Burmese": "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2f",
    "Ethiopic": "\u1200-\u139f\u2d80-\u2ddf",
    "Khmer": "\u1780-\u17ff",
    "Hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff",
    "Chinese": HAN,
    "Japanese": HAN_AND_KANA + "\uff66-\uff9f",
}
"""Script -> its letters and marks, for a class of a regular expression."""
LANGUAGES = UNSPACED_SCRIPTS | {
    "Latin": "deu ger fra fre spa ita por nld pol ces tur vie ind swe fin sr kk uz az tk tt ku bs",
    "Cyrillic": "ru rus uk ukr be bg mk sr kk ky tg mn tt ba ce cv os kv ab av cu az uz tk bs ku",
    "Greek": "el ell gre",
    "Armenian": "hy hye arm",
    "Hebrew": "he heb iw yi",
    "Arabic": "ar ara arb fa fas per ur urd ps sd ug ckb ks ku pa az kk uz ky tg",
    "Devanagari": "hi hin mr mar ne npi nep sa bh mai bho ks sd pi",
    "Bengali": "bn ben as asm",
    "Gurmukhi": "pa pan",
    "Gujarati": "gu guj",
    "Odia": "or ory",
    "Tamil": "ta tam",
    "Telugu": "te tel",
    "Kannada": "kn kan",
    "Malayalam": "ml mal",
    "Sinhala": "si sin",
    "Georgian": "ka kat geo",
    "Ethiopic": "am amh ti tir",
    "Hangul": "ko",
}
"""Script -> the languages that are written in it. Two-letter codes that are nowhere are Latin."""
NOT_KNOWN = frozenset({"dv", "ii", "iu", "cr", "oj"})
"""Two-letter codes of languages of scripts that are not in the table, or of several."""
SCRIPT_CODES = {
    **{"latn": "Latin", "cyrl": "Cyrillic", "arab": "Arabic", "deva": "Devanagari"},
    **{"hans": "Chinese", "hant": "Chinese", "hani": "Chinese", "jpan": "Japanese"},
    **{"thai": "Thai", "mymr": "Burmese", "tibt": "Tibetan", "khmr": "Khmer", "laoo": "Lao"},
    **{"grek": "Greek", "hebr": "Hebrew", "beng": "Bengali", "kore": "Hangul", "hang": "Hangul"},
}
"""ISO 15924 code -> script."""
SAMPLE, QUICK_SAMPLE = 200, 30
"""Characters of a text that are looked at, and those that mostly decide."""
LEAST_LETTERS = 4
"""Of another script; OK and GPT may stand alone."""
MOST_FITTING = 0.2
"""Share of the letters below which a text is in another script."""
IDEOGRAPH_WEIGHT = 3
"""Letters of an alphabet that one ideograph counts for."""
LEAST_SHARE = 0.01
"""Of texts in another script, to be named: fewer may be names, tags or quotations."""

MISFITS_READ = 50
"""Texts that say which other script it is."""


@cache
def scripts_of(language: str) -> tuple[str, ...]:
    """The scripts in which a language is written; empty where they are unknown."""
    code = script_code(language)
    if code is not None:
        return (SCRIPT_CODES[code],) if code in SCRIPT_CODES else ()
    base = base_language(language)
    scripts = tuple(name for name, codes in LANGUAGES.items() if base in codes.split())
    is_latin = not scripts and len(base) == 2 and base not in NOT_KNOWN
    return ("Latin",) if is_latin else scripts


@lru_cache(1 << 14)
def is_misfit(text: str, language: str) -> bool:
    """True for a text whose letters are of another script than its language."""
    scripts = scripts_of(language)
    if not scripts or ("Latin" in scripts and text.isascii()):
        return False
    for sample in (text[:QUICK_SAMPLE], text[:SAMPLE]):
        num_fitting = len(_pattern(scripts).findall(sample))
        if 2 * num_fitting > len(sample):
            return False
    others = list(filter(str.isalpha, _pattern(scripts).sub("", sample)))
    if any(script in ("Chinese", "Japanese") for script in scripts):
        num_fitting *= IDEOGRAPH_WEIGHT
    if scripts == ("Chinese",) and len(_kana().findall(sample)) > MOST_FITTING * len(sample):
        return True
    num_others = sum(IDEOGRAPH_WEIGHT if _han().match(letter) else 1 for letter in others)
    is_enough = num_others >= LEAST_LETTERS
    return is_enough and num_fitting < MOST_FITTING * (num_fitting + num_others)


def misfit_note(texts: Sequence[str], language: str, *, what: str) -> str | None:
    """How many texts are in another script than their language; None for few or none."""
    misfits = [text for text in texts if is_misfit(text, language)]
    if not misfits or len(misfits) < LEAST_SHARE * len(texts):
        return None
    sample = "".join(text[:SAMPLE] for text in misfits[:MISFITS_READ])
    counts = Counter({name: len(_pattern((name,)).findall(sample)) for name in LETTERS})
    ((actual, count),) = counts.most_common(1)
    written = f"{actual} script" if count else "another script"
    expected = " or ".join(scripts_of(language))
    return (
        f"{len(misfits)} of {len(texts)} {what} are in {written}, not in {expected} as "
        f"language={language} is"
    )


@cache
def _han() -> re.Pattern[str]:
    return re.compile(f"[{HAN}]")


@cache
def _kana() -> re.Pattern[str]:
    return re.compile(f"(?!{_han().pattern})[{LETTERS['Japanese']}]")


@cache
def _pattern(scripts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"[{''.join(LETTERS[name] for name in scripts)}]")
