"""Fast encoding of many texts: cut into pieces that recur, each of which is encoded once.

Text is cut only where byte-level tokenizers divide words, whatever stands before and after: before
the single space or line feed between two words, and between Chinese letters and their punctuation
or digits. So the ids of a text are those of its pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np

from mtnlg.tokenization.tokenizer import TextTokenizer

MAX_PIECES = 1 << 17
"""Pieces whose ids are kept, about 200 bytes each; all are forgotten when there would be more."""
_HAN = "[\u4e00-\u9fa5]"
_HAN_LETTER = re.compile(_HAN)
_NO_LETTER = "[0-9，。！？、；：“”（）《》]"
_SPACED = re.compile(r"(?:[ \n]?\S|\s)\S*(?:(?![ \n]\S)\s+\S*)*")
_UNSPACED = re.compile(
    rf"(?<=\S)(?=[ \n]\S)|(?<={_HAN})(?={_NO_LETTER})|(?<={_NO_LETTER})(?={_HAN})"
)


def cut(text: str) -> list[str]:
    """The pieces of a text, which give it when joined."""
    if _HAN_LETTER.search(text):
        return _UNSPACED.split(text)
    return _SPACED.findall(text)


class PieceEncoder:
    """Encodes texts and keeps the ids of their pieces for later texts."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: dict[str, bytes] = {}
        self._cut = cut if tokenizer.divides_words else _uncut

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text as `TextTokenizer.encode_batch` gives them, as bytes of uint32."""
        pieces = [self._cut(text) for text in texts]
        distinct = set(chain.from_iterable(pieces))
        new = list(distinct - self._ids.keys())
        if len(self._ids) + len(new) > MAX_PIECES:
            self._ids.clear()
            new = list(distinct)
        for piece, ids in zip(new, self._tokenizer.encode_batch(new), strict=True):
            self._ids[piece] = np.asarray(ids, dtype=np.uint32).tobytes()
        return [b"".join(map(self._ids.__getitem__, text_pieces)) for text_pieces in pieces]


def _uncut(text: str) -> list[str]:
    return [text]
