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

MAX_LETTERS = 1 << 20
"""Letters of the pieces whose ids are kept; all are forgotten when there would be more."""
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
        self._num_letters = 0
        self._divides_words = tokenizer.divides_words

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text as `TextTokenizer.encode_batch` gives them, as bytes of uint32."""
        if not self._divides_words:
            return self._whole(texts)
        pieces = [cut(text) for text in texts]
        distinct = set(chain.from_iterable(pieces))
        new = list(distinct - self._ids.keys())
        self._num_letters += sum(map(len, new))
        if self._num_letters > MAX_LETTERS:
            self._ids.clear()
            new = list(distinct)
            self._num_letters = sum(map(len, new))
        self._ids.update(zip(new, self._whole(new), strict=True))
        return [b"".join(map(self._ids.__getitem__, text_pieces)) for text_pieces in pieces]

    def _whole(self, texts: Sequence[str]) -> list[bytes]:
        return [
            np.asarray(ids, dtype=np.uint32).tobytes()
            for ids in self._tokenizer.encode_batch(texts)
        ]
