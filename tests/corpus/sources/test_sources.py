"""Sources: local files, the hub, the built-in corpus, and their errors.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import datasets
import pytest

from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TaskConfig, TaskKind
from mtnlg.corpus.sources import sources
from mtnlg.corpus.sources.readers import Quarantine, Record
from mtnlg.corpus.sources.sources import find_files, iter_records, source_fingerprint
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject

LONG_AGO_SECONDS = 1_600_000_000
SPLITS = ("train", "validation", "test")


def make_task(**settings: object) -> TaskConfig:
    values: dict[str, object] = {
        "kind": TaskKind.translation,
        "reader": "parallel_text",
        "source_language": "en",
        "target_language": "de",
        "folder": "translation/mine",
        "columns": {"source": "en", "target": "de"},
    }
    return TaskConfig(**{**values, **settings})  # type: ignore[arg-type]


def make_folder(root: Path, files: dict[str, bytes]) -> Path:
    folder = root / "translation/mine"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def complete(root: Path, train: bytes) -> Path:
    return make_folder(
        root, {"train.jsonl": train, "validation.jsonl": b"{}\n", "test.jsonl": b"{}\n"}
    )


def read(
    root: Path | None,
    task: TaskConfig | None = None,
    split: str = "train",
    quarantine: Quarantine | None = None,
) -> list[Record]:
    return list(iter_records(task or make_task(), split, data_root=root, quarantine=quarantine))


def fields_of(records: list[Record]) -> list[JsonObject]:
    return [record.fields for record in records]


def fail_to_load(*_: object, **__: object) -> object:
    raise ConnectionError("no route to the hub\nsecond line")


def test_local_files_of_every_layout_are_found(tmp_path: Path) -> None:
    folder = make_folder(
        tmp_path,
        {
            "train.jsonl": b"{}",
            "validation.jsonl.gz": b"{}",
            "test.en": b"a",
            "test.de": b"b",
            "other.en.gz": b"a",
            "other.de.gz": b"b",
        },
    )

    files = find_files(make_task(test_sets=["test", "other"]), data_root=tmp_path)

    assert files == {
        "train": [folder / "train.jsonl"],
        "validation": [folder / "validation.jsonl.gz"],
        "test": [folder / "test.en", folder / "test.de"],
        "other": [folder / "other.en.gz", folder / "other.de.gz"],
    }


def test_an_absolute_folder_needs_no_data_root(tmp_path: Path) -> None:
    folder = complete(tmp_path, b'{"en": "a"}\n')

    records = read(None, make_task(folder=str(folder)))

    assert records == [Record(f"{folder}/train.jsonl:1", "train-0", {"en": "a"})]


def test_a_missing_split_names_the_files_looked_for(tmp_path: Path) -> None:
    make_folder(tmp_path, {"train.jsonl": b"{}", "valid.jsonl": b"{}"})

    with pytest.raises(DataError) as error:
        find_files(make_task(), data_root=tmp_path)

    for part in (
        "split validation",
        "validation.jsonl,",
        "validation.jsonl.gz",
        "validation.en + validation.de",
        "the folder has: train.jsonl, valid.jsonl",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_parallel_text_is_read_line_by_line(tmp_path: Path, ending: str) -> None:
    files = {f"{split}.{language}{ending}": b"x" for split in SPLITS for language in ("en", "de")}
    english, german = "\ufeffone\r\ntwo\u2028more\n".encode(), b"eins\nzwei"
    make_folder(tmp_path, {**files, f"train.en{ending}": english, f"train.de{ending}": german})

    records = read(tmp_path)

    assert fields_of(records) == [
        {"en": "one", "de": "eins"},
        {"en": "two\u2028more", "de": "zwei"},
    ]
    assert [record.id for record in records] == ["train-0", "train-1"]


def test_parallel_text_of_different_length_is_an_error_with_both_counts(tmp_path: Path) -> None:
    complete(tmp_path, b"")
    make_folder(tmp_path, {"test.en": b"a\nb\nc\n", "test.de": b"a\nb\n"})
    (tmp_path / "translation/mine/test.jsonl").unlink()

    with pytest.raises(DataError, match=r"test\.en has 3 lines and .*test\.de has 2"):
        read(tmp_path, split="test")


def test_marks_line_ends_and_separators_do_not_break_json_lines(tmp_path: Path) -> None:
    lines = ['\ufeff{"en": "a\u2028b"}\r', "", "  ", '{"en": "c\x85d"}\r', '{"en": "e"}']
    complete(tmp_path, "\n".join(lines).encode())

    records = read(tmp_path)

    assert fields_of(records) == [{"en": "a\u2028b"}, {"en": "c\x85d"}, {"en": "e"}]
    assert [record.id for record in records] == ["train-0", "train-3", "train-4"]


BROKEN = {
    "json": (b'{"en": "a"\n', "not valid JSON"),
    "list": (b"[1]\n", "expected a JSON object, found list"),
    "utf8": (b'{"en": "\xff"}\n', "not UTF-8"),
    "deep": (b'{"en": ' + b"[" * 100_000 + b"\n", "not valid JSON"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_line_is_named(tmp_path: Path, name: str) -> None:
    line, reason = BROKEN[name]
    complete(tmp_path, b'{"en": "a"}\n' + line + b'{"en": "b"}\n')

    with pytest.raises(DataError, match=rf"train\.jsonl:2: {reason}"):
        read(tmp_path)


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_line_is_quarantined_where_some_are_tolerated(tmp_path: Path, name: str) -> None:
    line, reason = BROKEN[name]
    folder = complete(tmp_path, b'{"en": "a"}\n' + line + b'{"en": "b"}\n')
    quarantine = Quarantine(0.34)

    records = read(tmp_path, quarantine=quarantine)
    quarantine.check()

    assert fields_of(records) == [{"en": "a"}, {"en": "b"}]
    assert [location for location, _ in quarantine.entries] == [f"{folder}/train.jsonl:2"]
    assert quarantine.entries[0][1].startswith(reason)
    assert quarantine.num_lines == 3


def test_more_broken_lines_than_tolerated_are_an_error(tmp_path: Path) -> None:
    complete(tmp_path, b"{}\n{\n{}\n[\n")
    quarantine = Quarantine(0.4)

    read(tmp_path, quarantine=quarantine)

    with pytest.raises(DataError, match=r"jsonl:2: not valid.*2 of 4 lines.*max_bad_share=0\.4"):
        quarantine.check()


def test_a_pair_with_bytes_that_are_not_utf8_is_quarantined_whole(tmp_path: Path) -> None:
    files = {f"{split}.{language}": b"x\n" for split in SPLITS for language in ("en", "de")}
    folder = make_folder(
        tmp_path, {**files, "train.en": b"a\nb\nc\n", "train.de": b"A\n\xffB\nC\n"}
    )
    quarantine = Quarantine(0.5)

    records = read(tmp_path, quarantine=quarantine)

    assert fields_of(records) == [{"en": "a", "de": "A"}, {"en": "c", "de": "C"}]
    assert quarantine.entries[0][0] == f"{folder}/train.de:2"
    assert quarantine.entries[0][1].startswith("not UTF-8")


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "the file is empty"), (b"\n \n", "only blank lines")]
)
def test_an_empty_file_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    complete(tmp_path, content)

    with pytest.raises(DataError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "not_gzip"])
def test_a_damaged_gzip_file_is_a_data_error(tmp_path: Path, damage: str) -> None:
    folder = complete(tmp_path, b"{}")
    content = gzip.compress(b'{"en": "a"}\n' * 1000)
    (folder / "train.jsonl").unlink()
    (folder / "train.jsonl.gz").write_bytes(content[:-12] if damage == "cut" else b"{}\n")

    with pytest.raises(DataError, match=r"train\.jsonl\.gz:\d+: cannot be read"):
        read(tmp_path)


def test_a_line_of_ten_megabytes_is_read_at_once(tmp_path: Path) -> None:
    complete(tmp_path, json.dumps({"en": "é " * 3_000_000}, ensure_ascii=False).encode())

    start = time.perf_counter()
    records = read(tmp_path)

    assert len(str(records[0].fields["en"])) == 6_000_000
    assert time.perf_counter() - start < 2


def test_the_hub_is_read_where_there_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def load(path: str, **settings: object) -> datasets.Dataset:
        asked.append((path, settings))
        return datasets.Dataset.from_dict({"en": ["a", "b"], "de": ["A", None]})

    monkeypatch.setattr(datasets, "load_dataset", load)
    task = make_task(hub="who/what", hub_config="plain", revision="abc")

    records = read(tmp_path, task)

    assert records == [
        Record("who/what@abc/train:1", "train-0", {"en": "a", "de": "A"}),
        Record("who/what@abc/train:2", "train-1", {"en": "b", "de": None}),
    ]
    assert asked == [("who/what", {"name": "plain", "revision": "abc", "split": "train"})]


def test_a_local_folder_comes_before_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load_dataset", fail_to_load)
    complete(tmp_path, b'{"en": "local"}\n')

    records = read(tmp_path, make_task(hub="who/what", revision="abc"))

    assert fields_of(records) == [{"en": "local"}]


@pytest.mark.parametrize("has_data_root", [True, False])
def test_a_hub_that_fails_is_one_error_with_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_data_root: bool
) -> None:
    monkeypatch.setattr(datasets, "load_dataset", fail_to_load)
    task = make_task(hub="who/what", revision="abc")

    with pytest.raises(DataError) as error:
        read(tmp_path if has_data_root else None, task)

    local = f"{tmp_path}/translation/mine" if has_data_root else "data_root is not set"
    for part in (local, "who/what@abc", "ConnectionError: no route to the hub"):
        assert part in str(error.value)
    assert "<data_root>/translation/mine" in str(error.value)
    assert "second line" not in str(error.value)


@pytest.mark.parametrize("folder", ["translation/mine", None, "/no/such/folder"])
def test_neither_folder_nor_hub_is_an_error_with_the_remedy(folder: str | None) -> None:
    with pytest.raises(DataError, match=r"no raw data.*hub is not set.*<split>\.jsonl"):
        find_files(make_task(folder=folder), data_root=None)


def test_a_data_root_that_is_not_there_never_falls_back_to_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data_root=.*typo: no such folder"):
        find_files(make_task(hub="who/what", revision="abc"), data_root=tmp_path / "typo")


def test_an_empty_hub_split_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_dict({}))

    with pytest.raises(DataError, match="split train is empty"):
        read(None, make_task(hub="who/what", revision="abc"))


def test_the_builtin_corpus_has_three_splits() -> None:
    task = make_task(reader="builtin", columns={}, folder=None, test_sets=["hard"])

    with pytest.raises(DataError, match="no split hard; known: train, validation, test"):
        read(None, task, split="hard")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were hashed."""
    names: list[str] = []

    def count(path: Path) -> str:
        names.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr("mtnlg.corpus.sources.files.file_sha256", count)
    return names


def age(folder: Path, *, seconds: int = LONG_AGO_SECONDS) -> None:
    for path in folder.iterdir():
        os.utime(path, (seconds, seconds))


def test_fingerprint_depends_on_content_and_not_on_the_folder(tmp_path: Path) -> None:
    """Oracle: sha256 of b"{}\\n" and of nothing else, by coreutils."""
    complete(tmp_path / "one", b"{}\n")
    complete(tmp_path / "two", b"{}\n")
    complete(tmp_path / "three", b"{ }\n")
    task = make_task()

    first, copy, changed = (
        source_fingerprint(task, tmp_path / name) for name in ("one", "two", "three")
    )

    sha256 = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    assert first == copy != changed
    assert first == {"files": {split: {f"{split}.jsonl": sha256} for split in SPLITS}}


def test_fingerprint_is_cached_until_a_file_changes(tmp_path: Path, hashed: list[str]) -> None:
    folder = complete(tmp_path / "data", b'{"en": "a"}\n')
    cache = tmp_path / "cache.json"
    age(folder)
    first = source_fingerprint(make_task(), tmp_path / "data", cache=cache)
    (folder / "train.jsonl").write_bytes(b'{"en": "b"}\n')
    age(folder, seconds=LONG_AGO_SECONDS + 1)
    os.utime(folder / "test.jsonl", (LONG_AGO_SECONDS, LONG_AGO_SECONDS))

    second = source_fingerprint(make_task(), tmp_path / "data", cache=cache)

    assert first != second
    stale = ["train.jsonl", "validation.jsonl"]
    assert hashed == [*stale, "test.jsonl", *stale]


def test_a_file_that_was_just_written_is_not_cached(tmp_path: Path, hashed: list[str]) -> None:
    """Another change may fall into the same tick of its time stamp."""
    complete(tmp_path / "data", b"{}\n")
    cache = tmp_path / "cache.json"

    for _ in range(2):
        source_fingerprint(make_task(), tmp_path / "data", cache=cache)

    assert len(hashed) == 6


def test_a_broken_cache_costs_nothing_but_time(tmp_path: Path) -> None:
    folder = complete(tmp_path / "data", b"{}\n")
    age(folder)
    cache = tmp_path / "cache.json"
    cache.write_text("{")

    fingerprint = source_fingerprint(make_task(), tmp_path / "data", cache=cache)

    assert fingerprint == source_fingerprint(make_task(), tmp_path / "data")
    assert json.loads(cache.read_text())["schema_version"] == 1


def test_fingerprints_of_hub_and_builtin_name_their_versions() -> None:
    hub = make_task(hub="who/what", hub_config="plain", revision="abc")
    builtin = make_task(reader="builtin", columns={}, folder=None)

    assert source_fingerprint(hub, None) == {
        "hub": "who/what",
        "config": "plain",
        "revision": "abc",
    }
    assert source_fingerprint(builtin, None)["builtin"] == sources.BUILTIN_VERSION
