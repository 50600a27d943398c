"""Cleaning: repairs texts and drops rows, and counts every change and every drop.

Cleaning is idempotent, and the same before training and before generation. It never folds
compatibility characters (NFKC) and never changes width, quotes, ligatures, case or HTML entities:
that would rewrite Chinese punctuation and full-width digits, or change what the author meant.
Composition is NFC: canonically equal texts become equal bytes, and `，！（）１２` stay as they are.
Every run of white space, including U+3000 and no-break spaces, becomes one ordinary space.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import ftfy

from mtnlg.config import CleaningConfig
from mtnlg.records.rows import Row

EMPTY_SOURCE = "empty_source"
EMPTY_REFERENCE = "empty_reference"
TOO_LONG = "too_long"
EMPTY_REMOVED = "empty_removed"

RAW_LENGTH_FACTOR = 4
"""Raw text longer than this many times `max_characters` is dropped uncleaned: real text never
shrinks that much."""

_NEVER_CHANGED = "!-~\u3001\u3002\u3008-\u3011\u4e00-\u9fa5\uff01-\uff5e"
PLAIN = re.compile(rf"[{_NEVER_CHANGED}]++(?:[ \n][{_NEVER_CHANGED}]++)*+")
"""Words of printable ASCII, or of Chinese with its punctuation, between single spaces or line
feeds: nothing to clean."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n?|[\n\x0b\x0c\x85\u2028\u2029]")
_NEVER_NEEDED = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0001"
)
_TAGS = "\U000e0020-\U000e007f"
_JOINED_BY_JOINERS = (
    "\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\ua840-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
)
"""Arabic, Indic and other scripts that spell with ZWNJ and ZWJ; then symbols, emoji and their
variation selector."""
_INVISIBLE = re.compile(
    f"(\U0001f3f4[{_TAGS}]+)"  # a regional flag: its tags are its spelling
    f"|(?<![{_JOINED_BY_JOINERS}])[\u200c\u200d]"
    f"|[{_NEVER_NEEDED}{_TAGS}]"
)
_SUSPECT = re.compile(f"[{_NEVER_NEEDED}{_TAGS}\u200c\u200d\r\x0b\x0c\x85\u2028\u2029]")
"""A quick test: without these characters, neither pattern above matches."""

_Step = Callable[[str], str]


def clean_text(text: str, config: CleaningConfig) -> str:
    """The text as the model sees it, without lone surrogates; cleaning it again changes nothing."""
    return _clean(text, config)[0]


class Cleaner:
    """Cleans the rows of a split and counts the changes; plain text needs no source."""

    def __init__(self, config: CleaningConfig, *, needs_source: bool = True) -> None:
        self.config = config
        self.needs_source = needs_source
        self.rows_in = 0
        self.dropped: Counter[str] = Counter()
        """Rows by reason."""
        self.changed: Counter[str] = Counter()
        """Texts (sources and references) by kind of change; `empty_removed` counts references of
        rows that were kept."""

    def clean(self, row: Row) -> Row | None:
        """The cleaned row, without its empty references; None where it is dropped."""
        self.rows_in += 1
        outcome = self._clean_row(row)
        if isinstance(outcome, Row):
            return outcome
        self.dropped[outcome] += 1
        return None

    def _clean_row(self, row: Row) -> Row | str:
        """The cleaned row, or the reason to drop it."""
        texts = (row.source, *row.references)
        longest = self.config.max_characters
        if any(len(text) > RAW_LENGTH_FACTOR * longest for text in texts):
            return TOO_LONG
        source, *references = [self._clean_text(text) for text in texts]
        kept = tuple(reference for reference in references if reference.strip())
        if self.needs_source and not source.strip():
            return EMPTY_SOURCE
        if not kept:
            return EMPTY_REFERENCE
        if any(len(text) > longest for text in (source, *kept)):
            return TOO_LONG
        if len(kept) < len(references):
            self.changed[EMPTY_REMOVED] += len(references) - len(kept)
        return Row(_replace_surrogates(row.id), source, kept)

    def _clean_text(self, text: str) -> str:
        cleaned, kinds = _clean(text, self.config)
        self.changed.update(kinds)
        return cleaned


def _clean(text: str, config: CleaningConfig) -> tuple[str, set[str]]:
    """The cleaned text and the kinds of change. The steps run until none changes anything, since a
    step can uncover work for an earlier one.
    """
    kinds: set[str] = set()
    if PLAIN.fullmatch(text):
        return text, kinds
    steps = _steps(config.repair_unicode, config.strip_control, config.normalize_space)
    while True:
        before = text
        for kind, step in steps:
            changed = step(text)
            if changed != text:
                kinds.add(kind)
                text = changed
        if text == before:
            return text, kinds


@lru_cache(maxsize=8)
def _steps(repair: bool, strip: bool, space: bool) -> tuple[tuple[str, _Step], ...]:
    """Name and function of each step. Mojibake is first: a C1 control can be half a letter."""
    steps: list[tuple[str, _Step]] = [("surrogates", _replace_surrogates)]
    if repair:
        steps.append(("mojibake", _repair_mojibake))
    if strip:
        steps.append(("control", _strip_control))
    if repair:
        steps.append(("composition", _compose))
    if space:
        steps.append(("space", _normalize_space))
    return tuple(steps)


def _replace_surrogates(text: str) -> str:
    """Surrogate pairs as characters, and lone surrogates, which UTF-8 cannot hold, as U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _repair_mojibake(text: str) -> str:
    """Each line with UTF-8 that was read as another encoding repaired by ftfy's heuristics."""
    if text.isascii():
        return text
    return "\n".join(ftfy.fix_encoding(line) for line in text.split("\n"))


def _strip_control(text: str) -> str:
    """All kinds of line ends as line feeds, without control, bidirectional and zero-width
    characters, except joiners that the script needs.
    """
    if not _SUSPECT.search(text):
        return text
    return _INVISIBLE.sub(r"\1", _LINE_BREAK.sub("\n", text))


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _normalize_space(text: str) -> str:
    lines = (" ".join(line.split()) for line in _LINE_BREAK.split(text))
    return "\n".join(line for line in lines if line)
