"""Text that can be shown safely: control characters are made visible, and tables are aligned."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Sequence

PLAIN_BREAKS = str.maketrans("", "", "\n\t")
DIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reorder the text around them, so that it looks like another text."""


def visible(text: str) -> str:
    """The text with visible characters for control and direction characters and lone surrogates."""
    if text.isprintable() or text.translate(PLAIN_BREAKS).isprintable():
        return text
    return "".join(map(_visible_character, text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """The visible text on one line."""
    return visible(text).replace("\n", "⏎").replace("\t", " ")


def aligned(
    rows: Sequence[Sequence[str]], *, numbers: Container[int] = (), is_markdown: bool = False
) -> list[str]:
    """A line for each row, with columns of equal width in a terminal, numbers to the right; or as a
    table of Markdown, headed by the first row.
    """
    import tabulate  # slow to import

    sides = ["right" if column in numbers else "left" for column in range(len(rows[0]))]
    form, header = ("github", "firstrow") if is_markdown else ("plain", ())
    text = tabulate.tabulate(rows, header, tablefmt=form, disable_numparse=True, colalign=sides)
    return [line.rstrip() for line in text.split("\n")]


def _visible_character(character: str) -> str:
    if character in "\n\t":
        return character
    if character in "\u2028\u2029":
        return "\n"
    if character in DIRECTIONAL:
        return f"⟨U+{ord(character):04X}⟩"
    if character < " ":
        return chr(0x2400 + ord(character))
    category = unicodedata.category(character)
    return "\ufffd" if category in {"Cc", "Cs"} else character
