"""Text that can be shown safely: control and direction characters are made visible."""

from __future__ import annotations

import unicodedata

PLAIN_BREAKS = str.maketrans("", "", "\n\t")
DIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reorder the text around them, so that it looks different from what it is."""


def visible(text: str) -> str:
    """The text with control and direction characters, and halves of surrogate pairs, replaced by
    visible ones.
    """
    if text.isprintable() or text.translate(PLAIN_BREAKS).isprintable():
        return text
    return "".join(map(_visible_character, text.replace("\r\n", "\n")))


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
