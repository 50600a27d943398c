"""What is repeated inside one split: ids, sources and whole rows.

Refuses to know: near matches, and other splits. Texts are kept as 64-bit hashes, eight bytes each:
among ten million texts the chance of one false match is about 3e-6.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np

from mtnlg.corpus.spelling import verbatim
from mtnlg.records import Row

HASH_BYTES = 8


def text_hash(text: str) -> int:
    """The same unsigned 64-bit number for the same verbatim text, on every machine."""
    return _number(verbatim(text).encode("utf-8", "surrogatepass"))


def num_repeats(hashes: array[int]) -> int:
    """How many of these stand further in front as well."""
    if not hashes:
        return 0
    return len(hashes) - int(np.unique(np.frombuffer(hashes, dtype=np.uint64)).size)


class RowHashes:
    """The hashes of a stream of rows, in memory of a few numbers a row."""

    def __init__(self) -> None:
        self.ids = array("Q")
        self.sources = array("Q")
        self.rows = array("Q")

    def add(self, row: Row) -> None:
        """Take in one row; the empty source of plain text repeats nothing."""
        source = text_hash(row.source)
        targets = [text_hash(reference) for reference in row.references]
        self.ids.append(_number(row.id.encode()))
        if row.source:
            self.sources.append(source)
        self.rows.append(_joined_hash(source, *targets))


def _joined_hash(*hashes: int) -> int:
    return _number(b"".join(value.to_bytes(HASH_BYTES, "big") for value in hashes))


def _number(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=HASH_BYTES).digest(), "big")
