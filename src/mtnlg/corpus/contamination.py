"""Which rows a model has seen: verbatim matches of text between training and held-out rows.

Refuses to know: near matches. Texts are equal when they are equal after NFC and after white space
is collapsed; letters keep their case. Texts are kept as 64-bit hashes, eight bytes each: among ten
million texts the chance of one false match is about 3e-6.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from mtnlg.records import Row

TRAIN_SOURCE = "train_source"
TRAIN_TARGET = "train_target"
TRAIN_PAIR = "train_pair"
RULE = "verbatim"
"""How texts are compared: see `verbatim`."""
TAGS = (TRAIN_SOURCE, TRAIN_TARGET, TRAIN_PAIR)

HASH_BYTES = 8


def text_hash(text: str) -> int:
    """The same unsigned 64-bit number for the same verbatim text, on every machine."""
    return _number(verbatim(text).encode("utf-8", "surrogatepass"))


def verbatim(text: str) -> str:
    """What two texts must share to be the same: all but composition and white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class RowHashes:
    """The hashes of a stream of rows, in memory of a few numbers a row."""

    def __init__(self) -> None:
        self.ids = array("Q")
        self.sources = array("Q")
        self.rows = array("Q")
        self.targets = array("Q")
        self.pairs = array("Q")

    def add(self, row: Row) -> None:
        """Take in one row; the empty source of plain text is no text that could be seen again."""
        source = text_hash(row.source)
        targets = [text_hash(reference) for reference in row.references]
        self.ids.append(_number(row.id.encode()))
        if row.source:
            self.sources.append(source)
        self.rows.append(_joined_hash(source, *targets))
        self.targets.extend(targets)
        self.pairs.extend(_joined_hash(source, target) for target in targets)

    @property
    def num_repeated_ids(self) -> int:
        """Rows whose id an earlier row has."""
        return len(self.ids) - _sorted_unique(self.ids).size

    @property
    def num_repeated_sources(self) -> int:
        """Rows whose source an earlier row has."""
        return len(self.sources) - _sorted_unique(self.sources).size

    @property
    def num_repeated_rows(self) -> int:
        """Rows whose source and references an earlier row has."""
        return len(self.rows) - _sorted_unique(self.rows).size

    def index(self) -> TrainingIndex:
        """What was taken in so far, ready to be looked up."""
        return TrainingIndex(
            _sorted_unique(self.sources), _sorted_unique(self.targets), _sorted_unique(self.pairs)
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingIndex:
    """The texts of all training rows of a model: three sorted arrays of hashes."""

    sources: NDArray[np.uint64]
    targets: NDArray[np.uint64]
    pairs: NDArray[np.uint64]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> TrainingIndex:
        """The index of these rows: chain the training rows of every task of the model."""
        hashes = RowHashes()
        for row in rows:
            hashes.add(row)
        return hashes.index()

    def tags(self, row: Row) -> tuple[str, ...]:
        """Which of TAGS hold: the source, any reference, or both in one training row were seen in
        training.
        """
        source = text_hash(row.source)
        targets = [text_hash(reference) for reference in row.references]
        signals = (
            _contains(self.sources, [source]),
            _contains(self.targets, targets),
            _contains(self.pairs, [_joined_hash(source, target) for target in targets]),
        )
        return tuple(tag for tag, is_seen in zip(TAGS, signals, strict=True) if is_seen)


def _joined_hash(*hashes: int) -> int:
    return _number(b"".join(value.to_bytes(HASH_BYTES, "big") for value in hashes))


def _number(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=HASH_BYTES).digest(), "big")


def _sorted_unique(hashes: array[int]) -> NDArray[np.uint64]:
    return np.unique(np.frombuffer(hashes, dtype=np.uint64)) if hashes else np.empty(0, np.uint64)


def _contains(ordered: NDArray[np.uint64], hashes: Iterable[int]) -> bool:
    for value in hashes:
        place = int(np.searchsorted(ordered, np.uint64(value)))
        if place < ordered.size and int(ordered[place]) == value:
            return True
    return False
