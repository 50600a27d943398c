"""Signs that a program damaged a text: markup, escapes, mojibake and characters nobody sees."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

ESCAPE = re.compile(
    r"&(?:quot|apos|amp|lt|gt|nbsp|#\d+|#x[0-9a-f]+);|(?<= )@[-/,.]@(?= )", re.IGNORECASE
)
BACKSLASH = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt](?![a-z]))")
"""Not the commands of TeX, such as \\nu and \\times."""
TAG = re.compile(r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>")
PIECE = re.compile(
    r"▁|@@(?= |$)|(?<= )##\w|</?(?:unk|pad|s|bos|eos|mask)>|\[(?:UNK|PAD|CLS|SEP|MASK)\]"
    r"|<\|\w+\|>|Ġ|⁇|￭|<0x[0-9A-F]{2}>|\bUNK\b"
)
SPECIAL_TOKEN = re.compile(r"</?(?:unk|pad|s|bos|eos|mask)>", re.IGNORECASE)
SUSPECT = re.compile(r"""[<&@\[#"\\]|^'|\bUNK\b""")
"""A quick test: no sign of a text in ASCII is without one of these."""
QUOTED = re.compile(
    r""""(?:[^"]|""|\\")+"|'(?:[^']|''|\\'|(?<=\w)'(?=\w))+'|[“„][^“”„]+[“”]|「[^「」]+」|«[^«»]+»"""
)
QUOTES = tuple("\"'“„「«")
ZERO_WIDTH = re.compile("[\u00ad\u180e\u200b\u2060]|(?<=[!-~\u4e00-\u9fff])[\u200c-\u200f]")
"""Joiners are spelling after letters of Arabic and Indic scripts, and in emoji."""
NO_BREAK = re.compile("[\u00a0\u2007\u202f]")
MOJIBAKE = "mojibake"
ENCODINGS = ("gb18030", "cp932")
"""Of East Asia, which UTF-8 is taken for; ftfy knows those of Europe."""
PLAIN = re.compile("[，。、的了是のはに]")
"""Of nearly each right sentence of Chinese or Japanese, and of none that was read wrongly."""
EUROPEAN = re.compile(
    "[\u00c2-\u00f4\u0102-\u0192\u0393\u0413\u0420-\u0422\u221a\u2202\u251c\u252c]"
    "[\u0080-\u00bf\u0102-\u02dd\u0384-\u0391\u0401-\u040f\u0451-\u0491\u2013-\u25a0\ufffd]|\u00c3 "
)
"""The first two bytes of a letter in UTF-8, as encodings of Europe show them: ftfy is slow."""
IDEOGRAPHS = re.compile("[\u3040-\uffee]{4}")
"""Fewer may be valid in another encoding by chance."""
LEAST_LIKELY = 0.6
"""Share of the letters of a repaired text that are of three bytes; right text gives few."""


@dataclass(frozen=True, kw_only=True)
class Sign:
    """Something that a text may have."""

    name: str
    what: str
    remedy: str
    has: Callable[[str], bool]
    least_share: float = 0.0
    """Of all texts: below it, writers may have done so."""
    is_spelling: bool = False
    """Right in some languages, where outputs and references have it."""


def repaired(text: str) -> str:
    """The text, where it is UTF-8 that was read as another encoding, as it was."""
    if text.isascii():
        return text
    if EUROPEAN.search(text):
        from ftfy import fix_encoding

        return str(fix_encoding(text))
    if PLAIN.search(text) or not IDEOGRAPHS.search(text):
        return text
    for encoding in ENCODINGS:
        try:
            encoded = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        kept = encoded.decode("utf-8", "ignore").encode()
        if len(kept) < LEAST_LIKELY * len(encoded):
            continue  # right text, and quick to see
        decoded = encoded.decode("utf-8", "replace")
        letters = [character for character in decoded if not character.isascii()]
        num_likely = sum("\u0800" <= letter < "\ue000" for letter in letters)
        if num_likely >= LEAST_LIKELY * len(letters):
            return decoded
    return text


def _has_markup(text: str) -> bool:
    return "<" in text and TAG.search(SPECIAL_TOKEN.sub("", text)) is not None


SIGNS: tuple[Sign, ...] = (
    Sign(
        name="markup",
        what="tags of HTML or XML",
        remedy="remove the tags, or take the texts out of the markup with its own tool",
        has=_has_markup,
    ),
    Sign(
        name="escapes",
        what="escapes of a tokenizer or of HTML, such as &quot; or @-@",
        remedy="undo them with the tool that made them: Moses' deescape-special-chars and "
        "detokenizer, or html.unescape",
        has=lambda text: ("&" in text or "@" in text) and ESCAPE.search(text) is not None,
    ),
    Sign(
        name="backslashes",
        what=r"escapes of JSON or Python, such as \n or \u00fc",
        remedy="decode them with json.loads, or write the texts and not their representation",
        has=lambda text: "\\" in text and BACKSLASH.search(text) is not None,
    ),
    Sign(
        name="pieces",
        what="pieces or special tokens of a vocabulary, such as ▁, @@ or <unk>",
        remedy="join the pieces (decode with the model's own tokenizer, skip special tokens)",
        has=lambda text: PIECE.search(text) is not None,
    ),
    Sign(
        name="quotes",
        what="quotes around the whole text, as of a cell of a table or a string of a program",
        remedy="read the file as what it is, CSV or JSON, which takes them away",
        has=lambda text: text[:1] in QUOTES and QUOTED.fullmatch(text) is not None,
        least_share=0.5,
    ),
    Sign(
        name=MOJIBAKE,
        what="mojibake: UTF-8 that was read as another encoding",
        remedy="read the original file as UTF-8, or repair it with ftfy",
        has=lambda text: repaired(text) != text,
    ),
    Sign(
        name="zero-width",
        what="zero-width characters, such as U+200B or a soft hyphen",
        remedy="remove them; to a metric they are characters like others",
        has=lambda text: not text.isascii() and ZERO_WIDTH.search(text) is not None,
        is_spelling=True,
    ),
    Sign(
        name="no-break",
        what="no-break spaces, such as U+00A0",
        remedy="write ordinary spaces; to most metrics they are other characters",
        has=lambda text: not text.isascii() and NO_BREAK.search(text) is not None,
        is_spelling=True,
    ),
    Sign(
        name="byte-order",
        what="a byte-order mark (U+FEFF) inside the text",
        remedy="remove it; files that were joined had it at their beginnings",
        has=lambda text: "\ufeff" in text,
    ),
    Sign(
        name="replacement",
        what="U+FFFD, where characters were lost",
        remedy="read the original file in its own encoding; they cannot be repaired",
        has=lambda text: "\ufffd" in text,
    ),
)
"""In the order of reports; a new sign is a row."""


def signs_of(text: str) -> list[Sign]:
    """The signs that a text has."""
    if text.isascii() and not SUSPECT.search(text):
        return []
    return [sign for sign in SIGNS if sign.has(text)]


def count_signs(texts: Iterable[str]) -> Counter[str]:
    """Sign -> how many of the texts have it."""
    return Counter(sign.name for text in texts for sign in signs_of(text))
