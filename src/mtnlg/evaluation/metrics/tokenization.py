"""The tokens of metrics by language; each tokenizer has a name that goes into signatures.

Languages are ISO 639 codes; a region or script after `-` or `_` is ignored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import import_module
from string import ascii_lowercase, digits
from typing import Any, cast

from mtnlg.errors import ConfigError
from mtnlg.text.scripts import (
    IDEOGRAPH,
    base_language,
    characters,
    combining_marks,
    has_ideographs,
    is_sinitic,
    is_unspaced_language,
    unspaced_letters,
    unspaced_unit,
)


class _Spaces(dict[int, str]):
    """A table for str.translate that maps every other character to a space: several times as fast
    as a regular expression.
    """

    def __missing__(self, code: int) -> str:
        return " "


_SPACES = _Spaces({ord(letter): letter for letter in ascii_lowercase + digits})


def bleu_tokenizer(language: str) -> str:
    """The name of sacreBLEU's tokenizer for the references' language. Japanese and Korean are cut
    into characters, as MeCab is not installed.
    """
    if is_sinitic(language):
        return "zh"
    return "char" if is_unspaced_language(language) or base_language(language) == "ko" else "13a"


def rouge_tokenizer(language: str) -> str:
    """The name, in ROUGE_TOKENIZERS, of ROUGE's tokenizer for the references' language."""
    if is_unspaced_language(language):
        return "zh_characters" if has_ideographs(language) else "graphemes"
    return "rouge_score" if base_language(language) == "en" else "unicode_words"


def rouge_tokens(text: str, language: str) -> list[str]:
    """The lowercased tokens that ROUGE counts, without punctuation and symbols."""
    return ROUGE_TOKENIZERS[rouge_tokenizer(language)](text)


def tokens_and_marks(text: str, language: str) -> list[str]:
    """The lowercased characters or Unicode words of a text, and each mark of punctuation and symbol
    as a token.
    """
    normal = unicodedata.normalize("NFC", text.lower()).replace("_", " _ ")
    return _marked_pattern(rouge_tokenizer(language)).findall(normal)


def ascii_words(text: str) -> list[str]:
    """The tokens of rouge_score's default tokenizer without its stemmer: runs of a-z and 0-9."""
    return text.lower().translate(_SPACES).split()


def unicode_words(text: str) -> list[str]:
    """Runs of letters, digits and combining marks of any script, letters composed (NFC)."""
    return _word_pattern().findall(_normal(text))


def zh_characters(text: str) -> list[str]:
    """Single ideographs and kana; all else as Unicode words."""
    return _character_pattern().findall(_normal(text))


def graphemes(text: str) -> list[str]:
    """Single characters of all scripts without spaces, each with its marks; all else as Unicode
    words.
    """
    return _grapheme_pattern().findall(_normal(text))


def all_characters(text: str) -> list[str]:
    """Single characters of any script with their marks: letters, digits, punctuation, symbols."""
    return characters(unicodedata.normalize("NFC", text.lower()))


def stemmed_words(text: str) -> list[str]:
    """The tokens of rouge_score's default tokenizer with its stemmer: words of more than three
    letters are stemmed (Porter 1980).
    """
    return [_stem(word) if len(word) > 3 else word for word in ascii_words(text)]


def jieba_words(text: str) -> list[str]:
    """Chinese words as jieba cuts them; other scripts as Unicode words."""
    return [word for piece in _jieba_cut()(text) for word in unicode_words(piece)]


ROUGE_TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "rouge_score": ascii_words,
    "rouge_score_stems": stemmed_words,
    "unicode_words": unicode_words,
    "zh_characters": zh_characters,
    "graphemes": graphemes,
    "characters": all_characters,
    "jieba": jieba_words,
}


def moses_words(text: str, language: str) -> list[str]:
    """The lowercased tokens of Moses' tokenizer.perl, by sacremoses."""
    return [word.lower() for word in _moses(base_language(language))(text)]


@cache
def _stem(word: str) -> str:
    return str(_stemmer().stem(word))


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer  # half a second

    return PorterStemmer()


@cache
def _jieba_cut() -> Callable[[str], list[str]]:
    jieba = optional_package("jieba", extra="jieba", purpose="words of Chinese")
    jieba.setLogLevel("ERROR")
    return cast(Callable[[str], list[str]], jieba.lcut)


@cache
def _moses(language: str) -> Callable[[str], list[str]]:
    package = optional_package("sacremoses", extra="moses", purpose="Moses' tokens")
    return cast(Callable[[str], list[str]], package.MosesTokenizer(lang=language).tokenize)


def optional_package(name: str, *, extra: str, purpose: str) -> Any:
    """An optional package; raises ConfigError, with the remedy, where it is missing."""
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(
            f"{purpose} need the package {name}, which is not installed; "
            f"pip install 'mtnlg[{extra}]', or leave the metric out"
        ) from None


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower()).replace("_", " ")


@cache
def _word_pattern() -> re.Pattern[str]:
    r"""Words with marks, since `\w` alone would cut them at the vowel signs of Hindi or Thai."""
    return re.compile(rf"\w+(?:[{combining_marks()}]+\w*)*")


@cache
def _character_pattern() -> re.Pattern[str]:
    """An assigned ideograph, or a word without ideographs."""
    ideographs = IDEOGRAPH[1:-1]
    letter = rf"[^\W{ideographs}]"
    return re.compile(rf"(?!\W)[{ideographs}]|{letter}+(?:[{combining_marks()}]+{letter}*)*")


@cache
def _grapheme_pattern() -> re.Pattern[str]:
    letter = rf"[^\W{unspaced_letters()}]"
    word = rf"{letter}+(?:[{combining_marks()}]+{letter}*)*"
    return re.compile(rf"(?!\W)(?:{unspaced_unit()})|{word}")


@cache
def _marked_pattern(tokenizer: str) -> re.Pattern[str]:
    patterns = {"zh_characters": _character_pattern, "graphemes": _grapheme_pattern}
    letters = patterns.get(tokenizer, _word_pattern)().pattern
    return re.compile(rf"{letters}|[^\w\s][{combining_marks()}]*")
