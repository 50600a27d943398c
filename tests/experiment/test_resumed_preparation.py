"""A killed preparation goes on where it was, and the number of processes changes no byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtnlg.contamination.repeats
import mtnlg.corpus.row_shards
import mtnlg.tokenization.tokens
from mtnlg.config import CleaningConfig, TaskConfig, TaskKind, TokenizerConfig
from mtnlg.corpus.preparation import prepare_rows
from mtnlg.corpus.row_shards import row_shards
from mtnlg.errors import DataError
from mtnlg.records.rows import Row, read_rows
from mtnlg.tokenization.tokenizer import train_tokenizer
from mtnlg.tokenization.tokens import write_token_split

SHARD_ROWS = 5
CLEANING = CleaningConfig(max_characters=60, max_bad_share=0.2)
RAW = [
    *({"en": f"row  {number} of a cat", "zh": f"第{number}行：猫。"} for number in range(17)),
    *({"en": f"row {number}", "zh": ""} for number in range(3)),
    *({"en": "again", "zh": f"又{number % 3}"} for number in range(14)),
    {"en": "x" * 61, "zh": "长"},
]

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import mtnlg.corpus.preparation, mtnlg.tokenization.tokens
import test_resumed_preparation as ours

class Fatal:
    def __init__(self, function, calls):
        self.function, self.calls = function, calls
    def __call__(self, *arguments, **options):
        self.calls -= 1
        if self.calls < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.function(*arguments, **options)

raw, rows, tokens, calls = Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5])
mtnlg.corpus.row_shards.SHARD_ROWS, mtnlg.tokenization.tokens.SHARD_BYTES = ours.SHARD_ROWS, 300
if tokens.name == "none":
    mtnlg.corpus.preparation.clean_rows = Fatal(mtnlg.corpus.preparation.clean_rows, calls)
    ours.prepare(raw, rows)
else:
    mtnlg.tokenization.tokens._encode = Fatal(mtnlg.tokenization.tokens._encode, calls)
    ours.encode(rows, tokens)
"""
"""Dies by SIGKILL as it begins the shard after so many."""


def make_task(raw: Path) -> TaskConfig:
    return TaskConfig(
        kind=TaskKind.translation,
        reader="parallel_text",
        source_language="en",
        target_language="zh",
        folder=str(raw),
        columns={"source": "en", "target": "zh"},
    )


def prepare(raw: Path, out: Path, *, num_workers: int = 1) -> None:
    out.mkdir(exist_ok=True)
    prepare_rows(
        "mine", make_task(raw), CLEANING, data_root=None, folder=out, num_workers=num_workers
    )


def encode(rows: Path, out: Path, *, num_workers: int = 1, keeps_progress: bool = False) -> None:
    out.mkdir(exist_ok=True)
    tokenizer = train_tokenizer(
        ["row of a cat 猫"], TokenizerConfig(vocabulary_size=300), markers=["<x>"]
    )
    write_token_split(
        rows / "train.jsonl",
        out,
        tokenizer,
        num_workers=num_workers,
        keeps_progress=keeps_progress,
    )


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven shards of training rows, with a broken line in the second and in the sixth."""
    monkeypatch.setattr(mtnlg.corpus.row_shards, "SHARD_ROWS", SHARD_ROWS)
    monkeypatch.setattr(mtnlg.tokenization.tokens, "SHARD_BYTES", 300)
    folder = tmp_path / "raw"
    folder.mkdir()
    lines = [json.dumps(record) for record in RAW]
    for place in (27, 8):
        lines.insert(place, "{broken")
    for split, chosen in (("train", lines), ("validation", lines[:4]), ("test", lines[-3:])):
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in chosen))
    return folder


@pytest.fixture
def whole(raw: Path, tmp_path: Path) -> Path:
    """Rows prepared without a break, all in one shard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mtnlg.corpus.row_shards, "SHARD_ROWS", 1_000)
        prepare(raw, tmp_path / "whole")
    return tmp_path / "whole"


def kill_after(num_shards: int, raw: Path, rows: Path, tokens: Path) -> None:
    rows.mkdir(exist_ok=True)
    here = str(Path(__file__).parent)
    arguments = [here, *map(str, (raw, rows, tokens, num_shards))]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL


def test_rows_of_two_processes_are_those_of_one(raw: Path, whole: Path, tmp_path: Path) -> None:
    """Oracle: one process, one shard."""
    prepare(raw, tmp_path / "two", num_workers=2)

    assert content(tmp_path / "two") == content(whole)
    assert {*content(whole)} == {
        *("train.jsonl", "validation.jsonl", "test.jsonl", "audit.json", "quarantine.jsonl")
    }


@pytest.mark.parametrize("num_shards", [0, 3, 7, 8])
def test_killed_preparation_goes_on_to_the_same_bytes(
    raw: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_shards: int
) -> None:
    """Oracle: an unbroken run. Shards 0 to 6 are of train, 7 of validation, 8 of test."""
    rows = tmp_path / "rows"
    kill_after(num_shards, raw, rows, tmp_path / "none")
    redone: list[int] = []

    def counted(examples: Iterator[Row]) -> Iterator[list[Row]]:
        for shard in row_shards(examples):
            redone.append(len(shard))
            yield shard

    monkeypatch.setattr("mtnlg.corpus.preparation.row_shards", counted)
    prepare(raw, rows)

    assert content(rows) == content(whole)
    assert len(redone) == 9 - num_shards


@pytest.mark.parametrize("num_shards", [0, 2])
def test_killed_encoding_goes_on_to_the_same_bytes(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_shards: int
) -> None:
    """Oracle: an unbroken run in one shard; the ends are those that numpy would save."""
    with monkeypatch.context() as patch:
        patch.setattr(mtnlg.tokenization.tokens, "SHARD_BYTES", 1_000_000)
        encode(whole, tmp_path / "unbroken")
    kill_after(num_shards, tmp_path, whole, tmp_path / "tokens")
    redone: list[int] = []
    real = mtnlg.tokenization.tokens._encode
    monkeypatch.setattr(
        mtnlg.tokenization.tokens, "_encode", lambda *one: redone.append(1) or real(*one)
    )

    encode(whole, tmp_path / "tokens")

    assert content(tmp_path / "tokens") == content(tmp_path / "unbroken")
    assert {*content(tmp_path / "tokens")} == {"train.ids.bin", "train.ends.npy"}
    size = (whole / "train.jsonl").stat().st_size
    assert 0 < len(redone) <= size // 300 + 1 - num_shards


@pytest.mark.parametrize("name", ["train.jsonl", ".progress/train.result.json"])
@pytest.mark.parametrize("num_shards", [3, 8])
def test_rows_damaged_between_two_attempts_are_written_again(
    raw: Path, whole: Path, tmp_path: Path, name: str, num_shards: int
) -> None:
    """Oracle: an unbroken run. After 8 shards the damaged split was finished."""
    rows = tmp_path / "rows"
    kill_after(num_shards, raw, rows, tmp_path / "none")
    if (rows / name).exists():
        flip(rows / name)

    prepare(raw, rows)

    assert content(rows) == content(whole)


@pytest.mark.parametrize("name", ["train.ids.bin", ".train.ends", ".train.progress.json"])
def test_tokens_damaged_between_two_attempts_are_written_again(
    whole: Path, tmp_path: Path, name: str
) -> None:
    """Oracle: an unbroken run; the damaged split was finished, and another was still to come."""
    encode(whole, tmp_path / "unbroken")
    encode(whole, tmp_path / "tokens", keeps_progress=True)
    flip(tmp_path / "tokens" / name)

    encode(whole, tmp_path / "tokens")

    assert content(tmp_path / "tokens") == content(tmp_path / "unbroken")


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_tokens_of_two_processes_are_those_of_one(whole: Path, tmp_path: Path) -> None:
    """Oracle: the bytes that one process writes."""
    encode(whole, tmp_path / "one")
    encode(whole, tmp_path / "two", num_workers=2)

    assert content(tmp_path / "two") == content(tmp_path / "one")


def test_broken_data_leaves_nothing_to_go_on_from(raw: Path, tmp_path: Path) -> None:
    """It would be broken again, and what lies there would be taken for a part of the mended."""
    (raw / "test.jsonl").write_text("{broken\n")
    rows = tmp_path / "rows"

    with pytest.raises(DataError, match=r"test\.jsonl:1"):
        prepare(raw, rows)

    assert os.listdir(rows) == []


def test_columns_of_hashes_are_compared_a_bounded_number_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: numpy on the whole array."""
    import numpy as np

    monkeypatch.setattr(mtnlg.contamination.repeats, "BLOCK_HASHES", 11)
    hashes = np.random.default_rng(3).integers(0, 2**64 - 1, 97, np.uint64, endpoint=True)
    hashes = np.concatenate([hashes, hashes[:13], np.array([0, 2**64 - 1], np.uint64)])
    (tmp_path / "column").write_bytes(hashes.tobytes())

    repeats = mtnlg.contamination.repeats.num_repeats_on_disk(tmp_path / "column")

    assert repeats == len(hashes) - len(np.unique(hashes)) == 13


def test_column_without_hashes_has_no_repeats(tmp_path: Path) -> None:
    """Plain text has no sources to hash."""
    (tmp_path / "column").write_bytes(b"")

    assert mtnlg.contamination.repeats.num_repeats_on_disk(tmp_path / "column") == 0


def test_rows_are_read_back_as_they_were_written(whole: Path) -> None:
    """Oracle: the rows that were written."""
    rows = list(read_rows(whole / "train.jsonl"))

    assert [row.source for row in rows[:2]] == ["row 0 of a cat", "row 1 of a cat"]
    assert len(rows) == 31
