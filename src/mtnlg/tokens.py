"""A data set under one tokenizer, as memory-mapped ids: what training reads instead of text.

Layout of a split `<name>`: `<name>.ids.bin` (all ids in a row, uint32) and `<name>.ends.npy`
(num_examples, 2): where each source and each target ends. A row with several references gives one
example for each. Nothing is cut here: the context is the model's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtnlg.records import read_rows
from mtnlg.tokenizer import TextTokenizer

BLOCK_EXAMPLES = 1_000_000
"""Examples whose lengths are looked at together."""
ENCODE_BATCH = 1_000
"""Texts that are encoded together, in parallel."""


@dataclass(frozen=True)
class TokenSplit:
    """One split of one data set."""

    ids: NDArray[np.uint32]
    ends: NDArray[np.int64]
    """(num_examples, 2): exclusive end of the source and of the target in `ids`."""

    def __len__(self) -> int:
        return len(self.ends)

    def length_blocks(self) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Tokens of the sources and of the targets, some examples at a time, and the first of
        them: all at once could need a gigabyte.
        """
        before = 0
        for start in range(0, len(self), BLOCK_EXAMPLES):
            ends = np.array(self.ends[start : start + BLOCK_EXAMPLES])
            yield start, ends[:, 0] - np.append(before, ends[:-1, 1]), ends[:, 1] - ends[:, 0]
            before = int(ends[-1, 1])

    def example(self, index: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Source ids and target ids, without special tokens."""
        start = int(self.ends[index - 1, 1]) if index else 0
        middle, end = (int(position) for position in self.ends[index])
        return self.ids[start:middle], self.ids[middle:end]


def write_token_split(
    rows_file: Path,
    folder: Path,
    tokenizer: TextTokenizer,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Encode one split of a rows folder; streams, holding only one batch of texts."""
    name = rows_file.stem
    ends: list[int] = [0]
    with (folder / f"{name}.ids.bin").open("wb") as stream:
        texts = _texts(rows_file)
        while batch := list(islice(texts, 2 * ENCODE_BATCH)):
            for ids in tokenizer.encode_batch(batch):
                stream.write(np.asarray(ids, dtype=np.uint32).tobytes())
                ends.append(ends[-1] + len(ids))
            if on_progress is not None:
                on_progress(len(batch) // 2)
    np.save(folder / f"{name}.ends.npy", np.asarray(ends[1:], dtype=np.int64).reshape(-1, 2))


def read_token_split(folder: Path, name: str) -> TokenSplit:
    """A split as memory maps."""
    ids = np.memmap(folder / f"{name}.ids.bin", dtype=np.uint32, mode="r")
    ends = np.load(folder / f"{name}.ends.npy", mmap_mode="r")
    return TokenSplit(ids, ends)


def _texts(rows_file: Path) -> Iterator[str]:
    for row in read_rows(rows_file):
        for reference in row.references:
            yield row.source
            yield reference
