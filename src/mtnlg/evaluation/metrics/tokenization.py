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
from mtnlg.text.scripts import CHARACTER_LANGUAGES, IDEOGRAPH, base_language, combining_marks

BLEU_TOKENIZERS = {"zh": "zh", "ja": "char", "ko": "char"}
"""sacreBLEU's names; 13a for all other languages. Japanese and Korean are cut into characters, as
MeCab is not installed."""


class _Spaces(dict[int, str]):
    """A table for str.translate that maps every other character to a space: several times as fast
    as a regular expression.
    """

    def __missing__(self, code: int) -> str:
        return " "


_SPACES = _Spaces({ord(letter): letter for letter in ascii_lowercase + digits})


def bleu_tokenizer(language: str) -> str:
    """The name of sacreBLEU's tokenizer for the references' language."""
    return BLEU_TOKENIZERS.get(base_language(language), "13a")


def rouge_tokenizer(language: str) -> str:
    """The name, in ROUGE_TOKENIZERS, of ROUGE's tokenizer for the references' language."""
    code = base_language(language)
    if code in CHARACTER_LANGUAGES:
        return "zh_characters"
    return "rouge_score" if code == "en" else "unicode_words"


def rouge_tokens(text: str, language: str) -> list[str]:
    """The lowercased tokens that ROUGE counts, without punctuation and symbols."""
    return ROUGE_TOKENIZERS[rouge_tokenizer(language)](text)


def ascii_words(text: str) -> list[str]:
    """The tokens of rouge_score's default tokenizer without its stemmer: runs of a-z and 0-9."""
    return text.lower().translate(_SPACES).split()


def unicode_words(text: str) -> list[str]:
    """Runs of letters, digits and combining marks of any script, letters composed (NFC)."""
    return _word_pattern().findall(_normal(text))


def zh_characters(text: str) -> list[str]:
    """Single ideographs and kana; all else as Unicode words."""
    return _character_pattern().findall(_normal(text))


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
    ideographs = IDEOGRAPH.pattern[1:-1]
    letter = rf"[^\W{ideographs}]"
    return re.compile(rf"(?!\W)[{ideographs}]|{letter}+(?:[{combining_marks()}]+{letter}*)*")
