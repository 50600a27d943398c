"""Local files of each format: their records, and their errors by line.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnlg.config import TaskConfig, TaskKind
from mtnlg.corpus.sources import formats
from mtnlg.corpus.sources.files import split_files
from mtnlg.corpus.sources.formats import FORMATS, read_file
from mtnlg.corpus.sources.readers import Quarantine, Record
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject

TASK = TaskConfig(
    kind=TaskKind.translation, reader="parallel_text", source_language="en", target_language="de"
)


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(path: Path, quarantine: Quarantine | None = None) -> list[Record]:
    return list(read_file(path, "train", quarantine or Quarantine()))


def fields(records: list[Record]) -> list[JsonObject]:
    return [record.fields for record in records]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_quotes_of_tab_separated_values_are_text(tmp_path: Path, ending: str) -> None:
    content = '\ufeffen\tde\r\n"a" b\teins\r\n\r\nc\u2028d\t"zwei\n'.encode()

    records = read(write(tmp_path, f"train.tsv{ending}", content))

    assert fields(records) == [{"en": '"a" b', "de": "eins"}, {"en": "c\u2028d", "de": '"zwei'}]
    assert [record.id for record in records] == ["train-1", "train-3"]
    assert records[1].location == f"{tmp_path}/train.tsv{ending}:4"


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_comma_separated_values_are_read_as_they_were_written(tmp_path: Path, ending: str) -> None:
    """Oracle: the csv module's own writer."""
    cells = [["en", "de"], ['a, "b"', "eins\nzwei"], ["", "\u2028,"], ["c", "drei"]]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(cells)
    content = stream.getvalue().encode()

    records = read(write(tmp_path, f"train.csv{ending}", b"\xef\xbb\xbf" + content))

    assert [list(record.fields.values()) for record in records] == cells[1:]
    assert [record.location.rpartition(":")[2] for record in records] == ["2", "4", "5"]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_blank_lines_separate_paragraphs(tmp_path: Path, ending: str) -> None:
    content = "\ufeffone\r\nmore\n\n \t\ntwo\x85still two\n\n\n".encode()

    records = read(write(tmp_path, f"train.txt{ending}", content))

    assert fields(records) == [{"text": "one\nmore"}, {"text": "two\x85still two"}]
    assert [record.id for record in records] == ["train-0", "train-4"]


def test_parquet_rows_keep_lists_and_nested_columns(tmp_path: Path) -> None:
    rows = [{"dialog": ["a", "b"], "translation": {"en": "x", "de": None}}] * 3
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet", row_group_size=2)

    records = read(tmp_path / "train.parquet")

    assert fields(records) == rows
    assert [record.id for record in records] == ["train-0", "train-1", "train-2"]
    assert records[2].location == f"{tmp_path}/train.parquet:row 3"


def test_parquet_is_read_a_batch_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Counted(pq.ParquetFile):
        def iter_batches(self, batch_size: int, **settings: object) -> object:
            for batch in super().iter_batches(batch_size=batch_size, **settings):
                asked.append(batch.num_rows)
                yield batch

    monkeypatch.setattr(formats, "PARQUET_BATCH", 2)
    monkeypatch.setattr(pq, "ParquetFile", Counted)
    pq.write_table(pa.table({"x": list("abcdefg")}), tmp_path / "train.parquet")

    records = read_file(tmp_path / "train.parquet", "train", Quarantine())
    first = [next(records).fields["x"] for _ in range(3)]

    assert first == ["a", "b", "c"]
    assert asked == [2, 2]


BROKEN = {
    "tsv_cells": ("tsv", b"en\tde\na\tA\nb\nc\tC\n", ":3", "has 1 cells.*2 columns .en, de."),
    "tsv_utf8": ("tsv", b"en\tde\na\tA\n\xff\tB\nc\tC\n", ":3", "not UTF-8"),
    "tsv_nul": ("tsv", b"en\tde\na\tA\nb\0\tB\nc\tC\n", ":3", "holds a NUL byte"),
    "csv_cells": ("csv", b"en,de\na,A\nb,B,x\nc,C\n", ":3", "has 3 cells.*2 columns"),
    "csv_utf8": ("csv", b'en,de\na,A\n"b\n\xff",B\nc,C\n', ":3", "not UTF-8"),
    "csv_nul": ("csv", b"en,de\na,A\nb\0,B\nc,C\n", ":3", "holds a NUL byte"),
    "csv_quote": ("csv", b'en,de\na,A\n"b"x,B\nc,C\n', ":3", "not valid CSV"),
    "txt_utf8": ("txt", b"a\n\nb\n\xffb\n\nc\n", ":3", "not UTF-8"),
    "txt_nul": ("txt", b"a\n\nb\nb\0b\n\nc\n", ":3", "holds a NUL byte"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_row_is_named(tmp_path: Path, name: str) -> None:
    ending, content, _, reason = BROKEN[name]
    path = write(tmp_path, f"train.{ending}", content)

    with pytest.raises(DataError, match=rf"train\.{ending}:\d: .*{reason}"):
        read(path)


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_row_alone_is_quarantined_where_some_are_tolerated(
    tmp_path: Path, name: str
) -> None:
    ending, content, line, _ = BROKEN[name]
    path = write(tmp_path, f"train.{ending}", content)
    quarantine = Quarantine(0.34)

    records = read(path, quarantine)
    quarantine.check()

    assert [next(iter(record.fields.values())) for record in records] == ["a", "c"]
    assert [location for location, _ in quarantine.entries] == [f"{path}{line}"]
    assert quarantine.num_lines == 3


def test_a_parquet_row_that_is_not_utf8_alone_is_quarantined(tmp_path: Path) -> None:
    column = pa.array([b"a", b"\xff", b"c"]).cast(pa.binary()).view(pa.string())
    pq.write_table(pa.table({"x": column}), tmp_path / "train.parquet")
    quarantine = Quarantine(0.5)

    records = read(tmp_path / "train.parquet", quarantine)

    assert fields(records) == [{"x": "a"}, {"x": "c"}]
    assert quarantine.entries[0][0] == f"{tmp_path}/train.parquet:row 2"
    assert quarantine.entries[0][1].startswith("not UTF-8")


def test_a_quote_that_is_never_closed_is_an_error_at_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "train.csv", b'en,de\na,A\n"b,B\nc,C\n')

    with pytest.raises(DataError, match=r"train\.csv:3: not valid CSV \(unexpected end of data"):
        read(path)


@pytest.mark.parametrize(
    ("ending", "content"), [("txt", b"a\n\nbbbb\nbbbb\nbbbb"), ("csv", b'x\na\n"bbbb\nbbbb\nbbbb')]
)
def test_a_text_without_an_end_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, content: bytes
) -> None:
    monkeypatch.setattr(formats, "LONGEST_TEXT", 9)
    path = write(tmp_path, f"train.{ending}", content)
    limit_of_process = csv.field_size_limit()

    try:
        with pytest.raises(DataError, match=r":3: .*(field limit|more than 9 bytes)"):
            read(path)
    finally:
        csv.field_size_limit(limit_of_process)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        *((f"train.{ending}", b"", "the file is empty") for ending in FORMATS),
        ("train.tsv.gz", b"", "the file is empty"),
        ("train.tsv", b"\n\n", "only blank lines"),
        ("train.csv", b"\n\n", "only blank lines"),
        ("train.txt", b"\n \n", "only blank lines"),
        ("train.tsv", b"en\tde\n", "only the names of the columns"),
        ("train.csv", b"en,de\n", "only the names of the columns"),
        ("train.csv", b"en,en\na,b\n", r":1: .*name each column once, found en, en"),
        ("train.tsv", b"en\t\na\tb\n", r":1: .*name each column once"),
        ("train.tsv", b"\xff\xfee\0n\0\n\0", r":1: not UTF-8"),
        ("train.csv", b"\xff\xfee\0n\0\n\0", r":1: not UTF-8"),
        ("train.parquet", b"PAR1 no more", r":row 1: cannot be read"),
    ],
)
def test_a_file_without_a_record_is_an_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = write(tmp_path, name, content)

    with pytest.raises(DataError, match=rf"{name}.*{message}"):
        read(path, Quarantine(1.0))


def test_a_parquet_file_without_rows_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([], pa.string())}), tmp_path / "train.parquet")

    with pytest.raises(DataError, match=r"train\.parquet: the table has no rows"):
        read(tmp_path / "train.parquet")


@pytest.mark.parametrize("ending", ["tsv", "csv", "txt"])
def test_a_damaged_gzip_file_is_a_data_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"train.{ending}.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n" * 1000)[:-12])

    with pytest.raises(DataError, match=rf"train\.{ending}\.gz:\d+: cannot be read"):
        read(path)


def test_every_format_is_found_in_its_folder(tmp_path: Path) -> None:
    names = [f"{ending}.{ending}" for ending in FORMATS]
    names += [f"{ending}_gz.{ending}.gz" for ending in FORMATS if ending != "parquet"]
    for name in names:
        write(tmp_path, name, b"x")

    files = [split_files(tmp_path, name.partition(".")[0], TASK) for name in names]

    assert files == [[tmp_path / name] for name in names]


@pytest.mark.parametrize("second", ["train.csv", "train.jsonl.gz"])
def test_two_files_for_one_split_are_refused(tmp_path: Path, second: str) -> None:
    for name in ("train.jsonl", second):
        write(tmp_path, name, b"{}")

    with pytest.raises(DataError, match=rf"several files for split train: .*{second}"):
        split_files(tmp_path, "train", TASK)
