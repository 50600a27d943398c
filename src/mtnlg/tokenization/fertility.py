"""How finely a tokenizer divides a language: tokens per word, or per character in languages without
spaces, and how many tokens are broken characters.

The vocabulary covers all bytes, so no token is unknown; a language that it covers poorly has many
broken characters instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from mtnlg.text.scripts import characters, is_unspaced_language
from mtnlg.tokenization.tokenizer import TextTokenizer

BATCH_TEXTS = 1_000
"""Texts that are encoded together."""
BROKEN = "\ufffd"
"""What a token decodes to whose bytes are not whole characters."""


@dataclass(frozen=True, slots=True)
class Fertility:
    """Counts of units and tokens of texts in one language."""

    language: str
    unit: str
    """`word` (between white space) or `character` (with its marks, without white space)."""
    num_texts: int
    num_units: int
    num_tokens: int
    num_broken: int
    """Tokens with a part of a character."""

    @property
    def tokens_per_unit(self) -> float:
        """Tokens per word or character; 0 without any."""
        return self.num_tokens / self.num_units if self.num_units else 0.0

    @property
    def broken_share(self) -> float:
        """Share of the tokens that are broken, in [0, 1]; 0 without tokens."""
        return self.num_broken / self.num_tokens if self.num_tokens else 0.0


def fertility(texts: Iterable[str], tokenizer: TextTokenizer, language: str) -> Fertility:
    """The counts of a stream of texts; the region of a language (`zh-TW`) is ignored."""
    is_unspaced = is_unspaced_language(language)
    units = characters if is_unspaced else str.split
    is_broken: dict[int, bool] = {}
    num_texts = num_units = num_tokens = num_broken = 0
    stream = iter(texts)
    while batch := list(islice(stream, BATCH_TEXTS)):
        num_texts += len(batch)
        for text, ids in zip(batch, tokenizer.encode_batch(batch), strict=True):
            num_units += len(units(text))
            num_tokens += len(ids)
            for token in ids:
                if token not in is_broken:
                    is_broken[token] = BROKEN in tokenizer.decode([token])
                num_broken += is_broken[token]
    unit = "character" if is_unspaced else "word"
    return Fertility(language, unit, num_texts, num_units, num_tokens, num_broken)
