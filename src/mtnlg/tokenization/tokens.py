"""A data set under one tokenizer as memory-mapped ids, which training reads instead of text.

Layout of a split `<name>`: `<name>.ids.bin` has all ids one after the other (uint32), and
`<name>.ends.npy` (num_examples, 2) has the end of each source and each target. A row with several
references gives an example for each. Sequences are not cut to the model's context here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtnlg.artifacts.shards import GrowingFiles, map_in_order
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject
from mtnlg.records.rows import LineBlock, line_blocks
from mtnlg.tokenization.pieces import PieceEncoder
from mtnlg.tokenization.tokenizer import TextTokenizer

BLOCK_EXAMPLES = 1_000_000
"""Examples whose lengths are in memory together."""
ID_BYTES = np.dtype(np.uint32).itemsize
SHARD_BYTES = 1_000_000
"""Bytes of the rows that a process encodes together."""


@dataclass(frozen=True)
class TokenSplit:
    """One split of one data set."""

    ids: NDArray[np.uint32]
    ends: NDArray[np.int64]
    """(num_examples, 2), exclusive ends of source and target in `ids`."""

    def __len__(self) -> int:
        return len(self.ends)

    def length_blocks(self) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Block by block: the index of the first example, the tokens of each source, and of each
        target. All examples at once could need a gigabyte.
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
    num_workers: int = 1,
    keeps_progress: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Encode one split of prepared rows, with a few shards of texts in memory at a time.

    It continues a killed attempt after its last finished shard; where other splits are still to be
    written, the progress is kept, to check this one. The number of processes changes no byte.
    """
    name = rows_file.stem
    ids, ends = folder / f"{name}.ids.bin", folder / f".{name}.ends"
    record = folder / f".{name}.progress.json"
    with GrowingFiles(record, [ids, ends]) as files:
        position, num_lines = _count(files.state, "position"), _count(files.state, "num_lines")
        shards = line_blocks(rows_file, SHARD_BYTES, position=position, num_lines=num_lines)
        encoded = map_in_order(_encode, PieceEncoder(tokenizer), shards, num_workers=num_workers)
        num_ids = _count(files.state, "num_ids")
        for shard in encoded:
            files.append(ids, shard.ids)
            files.append(ends, (num_ids + np.cumsum(shard.lengths)).tobytes())
            num_ids += int(shard.lengths.sum())
            read = {"position": shard.position, "num_lines": shard.num_lines}
            files.commit({"num_ids": num_ids, **read})
            on_progress(len(shard.lengths) // 2)
    _write_ends(ends, folder / f"{name}.ends.npy")
    if not keeps_progress:
        remove_progress(folder)


def remove_progress(folder: Path) -> None:
    """Delete what `write_token_split` needs to continue, when all splits are written."""
    for path in (*folder.glob(".*.progress.json"), *folder.glob(".*.ends")):
        path.unlink()


def read_token_split(folder: Path, name: str) -> TokenSplit:
    """A split, memory-mapped."""
    ids = np.memmap(folder / f"{name}.ids.bin", dtype=np.uint32, mode="r")
    ends = np.load(folder / f"{name}.ends.npy", mmap_mode="r")
    return TokenSplit(ids, ends)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The ids of consecutive lines."""

    ids: bytes
    """All ids one after the other, uint32."""
    lengths: NDArray[np.int64]
    """Tokens of each source and each target, in turn."""
    position: int
    """Bytes of the file up to the end of the last line."""
    num_lines: int
    """Number of the last line."""


def _encode(encoder: PieceEncoder, shard: LineBlock) -> _Encoded:
    texts = [
        text
        for row in shard.rows()
        for reference in row.references
        for text in (row.source, reference)
    ]
    encoded = encoder.encode(texts)
    lengths = np.asarray([len(ids) for ids in encoded], dtype=np.int64) // ID_BYTES
    return _Encoded(b"".join(encoded), lengths, shard.position, shard.last)


def _count(done: JsonObject, name: str) -> int:
    value = done.get(name, 0)
    assert isinstance(value, int), f"{name}={value!r} in the record of a split"
    return value


def _write_ends(raw: Path, path: Path) -> None:
    """Write the bytes that np.save would write, without the array in memory."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.int64)),
        "fortran_order": False,
        "shape": (raw.stat().st_size // (2 * np.dtype(np.int64).itemsize), 2),
    }
    partial = path.with_name(f".{path.name}")
    with partial.open("wb") as target, raw.open("rb") as source:
        np.lib.format.write_array_header_1_0(target, header)
        shutil.copyfileobj(source, target)
    partial.replace(path)


def cut_into_chunks(tokens: TokenSplit, longest: int, *, title: str) -> TokenSplit:
    """The same ids, where each target of more than `longest` tokens is cut into examples of that
    length and a rest.

    Raises DataError where a row has a source, which language modeling would not read.
    """
    blocks = []
    for first, sources, targets in tokens.length_blocks():
        if sources.any():
            raise DataError(
                f"{title}: example {first + int(np.flatnonzero(sources)[0])} has a source, but "
                "language modeling reads plain text; give the task a reader such as paragraphs, "
                "or another kind"
            )
        num_chunks = np.maximum(-(-targets // longest), 1)
        ordinals = np.arange(num_chunks.sum()) - np.repeat(
            np.cumsum(num_chunks) - num_chunks, num_chunks
        )
        bounds = np.asarray(tokens.ends[first : first + len(targets)])
        starts = np.repeat(bounds[:, 0], num_chunks) + ordinals * longest
        ends = np.minimum(starts + longest, np.repeat(bounds[:, 1], num_chunks))
        blocks.append(np.stack([starts, ends], axis=1).astype(np.int64))
    return TokenSplit(tokens.ids, np.concatenate(blocks))
