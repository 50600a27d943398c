"""Token arrays on disk. Oracle: the tokenizer's ids of the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mtnlg.tokenization.tokens
from mtnlg.config import TokenizerConfig
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Row
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer
from mtnlg.tokenization.tokens import TokenSplit, read_token_split, write_token_split

ROWS = [
    Row("1", "the red cat", ("die rote Katze",)),
    Row("2", "one dog", ("ein Hund", "ein einzelner Hund", "einer")),
    Row("3", "", ("<eos>",)),
    Row("4", "猫和狗", ("cat and dog",)),
]
EXAMPLES = [(row.source, reference) for row in ROWS for reference in row.references]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    texts = [text for pair in EXAMPLES for text in pair]
    return train_tokenizer(texts, TokenizerConfig(vocabulary_size=300), markers=["<x>"])


@pytest.fixture
def split(tokenizer: TextTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenSplit:
    """A split that was written in shards of a line or two."""
    monkeypatch.setattr(mtnlg.tokenization.tokens, "SHARD_BYTES", 90)
    write_jsonl(tmp_path / "train.jsonl", (row.to_json() for row in ROWS))
    counts: list[int] = []
    write_token_split(tmp_path / "train.jsonl", tmp_path, tokenizer, on_progress=counts.append)
    assert counts == [4, 2]
    return read_token_split(tmp_path, "train")


def test_every_reference_gives_an_example_equal_to_its_encoding(
    split: TokenSplit, tokenizer: TextTokenizer
) -> None:
    assert len(split) == len(EXAMPLES)
    for index, texts in enumerate(EXAMPLES):
        ids = tuple(part.tolist() for part in split.example(index))
        assert ids == tuple(tokenizer.encode(text) for text in texts)


@pytest.mark.parametrize("block", [1, 4, 1_000])
def test_lengths_are_those_of_the_parts(
    split: TokenSplit, tokenizer: TextTokenizer, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(mtnlg.tokenization.tokens, "BLOCK_EXAMPLES", block)
    encoded = [[len(tokenizer.encode(text)) for text in pair] for pair in EXAMPLES]

    blocks = list(split.length_blocks())

    assert [start for start, _, _ in blocks] == list(range(0, len(EXAMPLES), block))
    assert [length for _, sources, _ in blocks for length in sources] == [
        pair[0] for pair in encoded
    ]
    assert [length for _, _, targets in blocks for length in targets] == [
        pair[1] for pair in encoded
    ]
    assert len(split.ids) == sum(map(sum, encoded))


def test_arrays_are_mapped_and_not_read(split: TokenSplit) -> None:
    assert isinstance(split.ids, np.memmap)
    assert isinstance(split.ends, np.memmap)
    assert (split.ids.dtype, split.ends.dtype) == (np.uint32, np.int64)
