"""The hub: arguments of `datasets.load_dataset`, and how far a stream is read.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mtnlg.corpus.row_shards
from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.corpus.preparation import prepare_rows
from mtnlg.corpus.sources.sources import iter_records, source_fingerprint
from mtnlg.errors import ConfigError, DataError, InterruptedReadingError
from mtnlg.records.rows import read_rows


def make_task(**settings: object) -> TaskConfig:
    values: dict[str, object] = {
        "kind": TaskKind.translation,
        "reader": "parallel_text",
        "source_language": "en",
        "target_language": "de",
        "hub": "who/what",
        "revision": "abc",
        "columns": {"source": "en", "target": "de"},
    }
    return TaskConfig(**{**values, **settings})  # type: ignore[arg-type]


class Stream:
    """An endless streamed data set that counts how many records were read."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.num_read = 0
        self.fails_at = fails_at
        self.asked: list[dict[str, object]] = []

    def load(self, path: str, **settings: object) -> Stream:
        self.asked.append(settings)
        return self

    def __iter__(self) -> Iterator[dict[str, str]]:
        while True:
            self.num_read += 1
            if self.num_read == self.fails_at:
                raise ConnectionError("reset by peer\nmore")
            yield {"en": f"{self.num_read} cats", "de": f"{self.num_read} Katzen"}


def test_a_stream_is_read_only_as_far_as_max_train_rows_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream()
    monkeypatch.setattr(datasets, "load_dataset", stream.load)
    task = make_task(streaming=True, max_train_rows=7, validation_split=None, test_sets=["train"])

    prepare_rows("mine", task, CleaningConfig(), data_root=None, folder=tmp_path)

    assert [row.source for row in read_rows(tmp_path / "train.jsonl")][-1] == "7 cats"
    assert stream.num_read == 7
    assert stream.asked == [{"name": None, "revision": "abc", "split": "train", "streaming": True}]


def test_a_stream_that_breaks_names_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", Stream(fails_at=3).load)
    records = iter_records(make_task(streaming=True), "train", data_root=None)

    assert len(list(islice(records, 2))) == 2
    with pytest.raises(
        DataError, match=r"who/what@abc/train:3: .*ConnectionError: reset by peer\)"
    ):
        next(records)


@pytest.mark.parametrize(("fails_at", "num_kept"), [(3, 0), (9, 6), (11, 9)])
def test_preparation_of_a_stream_that_broke_goes_on_from_the_last_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, num_kept: int
) -> None:
    """Oracle: a stream that does not break; of shards of three rows the one begun is lost."""
    monkeypatch.setattr(mtnlg.corpus.row_shards, "SHARD_ROWS", 3)
    task = make_task(streaming=True, max_train_rows=13, validation_split=None, test_sets=["train"])
    folders = whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in folders:
        folder.mkdir()

    def prepare(stream: Stream, folder: Path, counts: list[int]) -> None:
        monkeypatch.setattr(datasets, "load_dataset", stream.load)
        prepare_rows(
            "mine",
            task,
            CleaningConfig(),
            data_root=None,
            folder=folder,
            on_progress=lambda _, count: counts.append(count),
        )

    prepare(Stream(), whole, [])
    with pytest.raises(InterruptedReadingError, match=f"train:{fails_at}: .*the same command"):
        prepare(Stream(fails_at=fails_at), broken, [])
    is_kept = sorted(path.name for path in broken.iterdir()) == [".progress", "train.jsonl"]
    counts: list[int] = []
    prepare(Stream(), broken, counts)

    assert is_kept == (num_kept > 0)
    assert counts[0] == num_kept + 3
    assert {path.name: path.read_bytes() for path in broken.iterdir()} == {
        path.name: path.read_bytes() for path in whole.iterdir()
    }


def test_streaming_changes_nothing_that_identifies_the_data() -> None:
    assert source_fingerprint(make_task(streaming=True), None) == source_fingerprint(
        make_task(), None
    )


def test_a_folder_of_the_hub_identifies_the_data() -> None:
    left, right = make_task(hub_folder="one"), make_task(hub_folder="other")

    assert source_fingerprint(left, None) != source_fingerprint(right, None)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_folder_is_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streaming: bool
) -> None:
    """Oracle: the real `datasets` on a repository laid out as the hub's Parquet branch."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for name in ("full", "sample"):
        folder = tmp_path / "repo" / name / "train"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"en": [name], "de": [name]}), folder / "0000.parquet")
    task = make_task(hub=str(tmp_path / "repo"), hub_folder="full", streaming=streaming)

    records = list(iter_records(task, "train", data_root=None))

    assert [record.fields["en"] for record in records] == ["full"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hub": None, "streaming": True}, r"streaming=true: must be false without a tasks"),
        ({"hub": None, "hub_folder": "full"}, r"hub_folder=full: must be left out"),
        ({"hub": None, "hub_config": "full"}, r"hub_config=full: must be left out"),
        ({"hub_config": "a", "hub_folder": "a"}, r"hub_config=a: must be left out with a hub_fold"),
        (
            {"hub_config": "a", "revision": "refs/convert/parquet"},
            r"hub_config=a: must be left out .*as in hub_folder: a",
        ),
    ],
)
def test_settings_that_cannot_work_together_are_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_task(**settings)
