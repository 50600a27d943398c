"""A parallel corpus of any size, made in seconds: words by Zipf's law in English, clauses of common
characters in Chinese, which never repeat and so are the hardest for a tokenizer's counts.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

BLOCK_ROWS = 50_000
NUM_WORDS, NUM_CHARACTERS = 60_000, 3_500


def write_corpus(folder: Path, *, num_bytes: int, seed: int = 1) -> int:
    """train.jsonl of about that size, and 200 rows each of validation and test; the rows of
    train.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    words = _words(random)
    characters = [chr(0x4E00 + int(one)) for one in random.permutation(NUM_CHARACTERS)]
    num_rows = 0
    with (folder / "train.jsonl").open("w", encoding="utf-8") as stream:
        while stream.tell() < num_bytes:
            lines = _lines(random, words, characters, BLOCK_ROWS)
            stream.write("".join(lines))
            num_rows += len(lines)
    for split in ("validation", "test"):
        lines = _lines(random, words, characters, 200)
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return num_rows


def _words(random: np.random.Generator) -> list[str]:
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    lengths = random.integers(1, 11, NUM_WORDS)
    drawn = letters[np.minimum(random.geometric(0.1, lengths.sum()) - 1, 25)]
    ends = np.cumsum(lengths)
    return ["".join(drawn[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _lines(
    random: np.random.Generator, words: list[str], characters: list[str], num_rows: int
) -> list[str]:
    english = _texts(random, words, " ", num_rows, mean=13)
    chinese = _texts(random, characters, "", num_rows, mean=22)
    return [
        json.dumps({"en": source, "zh": f"{target}。"}, ensure_ascii=False) + "\n"
        for source, target in zip(english, chinese, strict=True)
    ]


def _texts(
    random: np.random.Generator, pieces: list[str], joint: str, num_rows: int, *, mean: int
) -> list[str]:
    lengths = random.poisson(mean - 2, num_rows) + 2
    ends = np.cumsum(lengths)
    shares = 1 / np.arange(2.7, len(pieces) + 2.7)
    drawn = random.choice(len(pieces), ends[-1], p=shares / shares.sum()).tolist()
    return [
        joint.join([pieces[place] for place in drawn[end - length : end]])
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    ]
