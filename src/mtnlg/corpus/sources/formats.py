"""How a local file becomes records: JSON lines, tables, Parquet, paragraphs and parallel text.

Refuses to know: which columns matter. Everything is streamed. Text files are UTF-8, lines end at a
line feed only (U+2028 inside a text splits nothing), and what cannot be read is put into the
quarantine with its file and line.

| ending | a record | its columns |
|---|---|---|
| jsonl | an object, one a line | its keys |
| tsv | a line; tabs part its cells, quotes are text like any other | the first line |
| csv | as in RFC 4180: cells in double quotes may hold commas and line feeds | the first line |
| parquet | a row | the schema's |
| txt | the lines between two blank ones | `text` |

All but Parquet may be packed with gzip. A new format is one function and its row in FORMATS.
"""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.quarantine import Quarantine
from mtnlg.corpus.sources.readers import Record
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject, decode_line, open_bytes

PACKED_ENDING = ".gz"
TEXT_COLUMN = "text"
"""The one column of a plain text file."""
LONGEST_TEXT = 16_000_000
"""Characters of one cell or paragraph: a quote that is never closed, or a file without blank lines,
would otherwise be read into memory whole.
"""
PARQUET_BATCH = 1_000
"""Rows that are decoded together."""
_UNDECODED = re.compile("[\udc80-\udcff]")
"""What `surrogateescape` leaves of bytes that are not UTF-8."""


def json_records(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The objects of a JSON lines file; blank lines are skipped."""
    num_records = 0
    for number, raw in numbered_lines(path):
        if not raw.strip():
            continue
        num_records += 1
        quarantine.num_lines += 1
        location = f"{path}:{number}"
        try:
            fields = _parse(decode_line(raw, path=path, number=number), location)
        except DataError as error:
            quarantine.reject(location, error)
            continue
        yield Record(location, f"{split}-{number - 1}", fields)
    if num_records == 0:
        raise DataError(f"{path}: only blank lines; give it at least one record")


def tsv_records(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The rows of a table whose cells tabs part."""
    yield from _table_records(path, split, quarantine, _tsv_rows(path))


def csv_records(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The rows of a table whose cells commas part."""
    yield from _table_records(path, split, quarantine, _csv_rows(path))


def parquet_records(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The rows of a Parquet file, a batch at a time; numbered from 1, since it has no lines."""
    import pyarrow
    import pyarrow.parquet

    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; give it at least one record")
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=PARQUET_BATCH):
                for place in range(batch.num_rows):
                    number += 1
                    quarantine.num_lines += 1
                    location = f"{path}:row {number}"
                    try:
                        fields = _parquet_row(batch, place, location)
                    except DataError as error:
                        quarantine.reject(location, error)
                        continue
                    yield Record(location, f"{split}-{number - 1}", fields)
    except (pyarrow.ArrowException, OSError) as error:
        cause = str(error).splitlines()[0]
        raise DataError(
            f"{path}:row {number + 1}: cannot be read ({cause}); copy the file again"
        ) from None
    if number == 0:
        raise DataError(f"{path}: the table has no rows; give it at least one record")


def paragraph_records(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The paragraphs of a plain text file, which blank lines part; a line that cannot be read takes
    its paragraph with it.
    """
    num_paragraphs = 0
    for first, lines in _paragraphs(path):
        num_paragraphs += 1
        quarantine.num_lines += 1
        location = f"{path}:{first}"
        try:
            texts = [
                _without_nul(
                    decode_line(raw, path=path, number=number), f"{path}:{number}", what="line"
                )
                for number, raw in enumerate(lines, start=first)
            ]
        except DataError as error:
            quarantine.reject(location, error)
            continue
        yield Record(location, f"{split}-{first - 1}", {TEXT_COLUMN: "\n".join(texts)})
    if num_paragraphs == 0:
        raise DataError(f"{path}: only blank lines; give it at least one paragraph")


def parallel_records(
    paths: list[Path], split: str, task: TaskConfig, quarantine: Quarantine
) -> Iterator[Record]:
    """Pairs of lines as records with a column for each language; counted first, lest they shift."""
    counts = [sum(1 for _ in numbered_lines(path)) for path in paths]
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]} lines and {paths[1]} has {counts[1]}: "
            "parallel files need as many; find the line where they part"
        )
    languages = (task.source_language, task.output_language)
    for lines in zip(*map(numbered_lines, paths), strict=True):
        quarantine.num_lines += 1
        number = lines[0][0]
        texts: JsonObject = {}
        for path, language, (_, raw) in zip(paths, languages, lines, strict=True):
            try:
                texts[language] = decode_line(raw, path=path, number=number)
            except DataError as error:
                quarantine.reject(f"{path}:{number}", error)
                break
        else:
            yield Record(f"{paths[0]}:{number}", f"{split}-{number - 1}", texts)


ReadFile = Callable[[Path, str, Quarantine], Iterator[Record]]
FORMATS: dict[str, ReadFile] = {
    "jsonl": json_records,
    "tsv": tsv_records,
    "csv": csv_records,
    "parquet": parquet_records,
    "txt": paragraph_records,
}
"""Ending of a file that holds a whole split -> how it is read."""
WHOLE_FORMATS = ("parquet",)
"""Those that are packed inside, and never as a whole."""


def read_file(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The records of a file that holds a whole split."""
    ending = path.name.removesuffix(PACKED_ENDING).rpartition(".")[2]
    return FORMATS[ending](path, split, quarantine)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines by number from 1; raises DataError where the file is empty or cannot be unpacked."""
    number = 0
    try:
        with open_bytes(path) as stream:
            for number, raw in enumerate(stream, start=1):
                yield number, raw
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}:{number + 1}: cannot be read ({error}); copy the file again"
        ) from None
    if number == 0:
        raise DataError(f"{path}: the file is empty; give it at least one record")


def _parse(line: str, location: str) -> JsonObject:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{location}: not valid JSON ({error}); repair or remove the line"
        ) from None
    if not isinstance(fields, dict):
        raise DataError(f"{location}: expected a JSON object, found {type(fields).__name__}")
    return fields


_Cells = list[str] | DataError
"""The cells of one row, or why they cannot be had."""


def _table_records(
    path: Path, split: str, quarantine: Quarantine, rows: Iterator[tuple[int, _Cells]]
) -> Iterator[Record]:
    """Rows by the line they begin at, the first of them the names of the columns."""
    names: list[str] | None = None
    num_records = 0
    for number, cells in rows:
        location = f"{path}:{number}"
        if names is None:
            names = _column_names(cells, location)
            continue
        num_records += 1
        quarantine.num_lines += 1
        try:
            fields = _table_row(names, cells, location)
        except DataError as error:
            quarantine.reject(location, error)
            continue
        yield Record(location, f"{split}-{number - 1}", fields)
    if num_records == 0:
        found = "only blank lines" if names is None else "only the names of the columns"
        raise DataError(f"{path}: {found}; give it at least one record")


def _column_names(cells: _Cells, location: str) -> list[str]:
    if isinstance(cells, DataError):
        raise cells
    names = [cell.strip() for cell in cells]
    if "" in names or len(set(names)) < len(names):
        raise DataError(
            f"{location}: the first line must name each column once, found {', '.join(names)}; "
            "put the names there"
        )
    return [_without_nul(name, location, what="line") for name in names]


def _table_row(names: list[str], cells: _Cells, location: str) -> JsonObject:
    if isinstance(cells, DataError):
        raise cells
    if len(cells) != len(names):
        raise DataError(
            f"{location}: has {len(cells)} cells, the first line names {len(names)} columns "
            f"({', '.join(names)}); repair or remove the row"
        )
    return {
        name: _without_nul(cell, location, what="row")
        for name, cell in zip(names, cells, strict=True)
    }


def _tsv_rows(path: Path) -> Iterator[tuple[int, _Cells]]:
    for number, raw in numbered_lines(path):
        try:
            line = decode_line(raw, path=path, number=number)
        except DataError as error:
            yield number, error
            continue
        if line:
            yield number, line.split("\t")


def _csv_rows(path: Path) -> Iterator[tuple[int, _Cells]]:
    """Bytes that are not UTF-8 pass the parser as surrogates, so that they break one row only."""
    csv.field_size_limit(LONGEST_TEXT)
    rows = csv.reader(_csv_lines(path), strict=True)
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, DataError(f"{path}:{number}: not valid CSV ({error}); repair the quotes")
            continue
        if any(_UNDECODED.search(cell) for cell in cells):
            yield number, DataError(f"{path}:{number}: not UTF-8; save the file as UTF-8")
        elif cells:
            yield number, cells


def _csv_lines(path: Path) -> Iterator[str]:
    for number, raw in numbered_lines(path):
        line = raw.decode("utf-8", "surrogateescape")
        yield line.removeprefix("\ufeff") if number == 1 else line


def _parquet_row(batch: Any, place: int, location: str) -> JsonObject:
    try:
        fields: JsonObject = batch.slice(place, 1).to_pylist()[0]
    except UnicodeDecodeError as error:
        raise DataError(f"{location}: not UTF-8 ({error.reason}); write the file again") from None
    return fields


def _paragraphs(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Lines between blank ones, with the number of the first."""
    lines: list[bytes] = []
    first = size = 0
    for number, raw in numbered_lines(path):
        if raw.strip():
            first = first if lines else number
            lines.append(raw)
            size += len(raw)
            if size > LONGEST_TEXT:
                raise DataError(
                    f"{path}:{first}: a paragraph of more than {LONGEST_TEXT:,} bytes; "
                    "put blank lines between the paragraphs"
                )
        elif lines:
            yield first, lines
            lines, size = [], 0
    if lines:
        yield first, lines


def _without_nul(text: str, location: str, *, what: str) -> str:
    """The text; raises DataError where it holds a NUL, as UTF-16 and binary files do."""
    if "\0" in text:
        raise DataError(f"{location}: the {what} holds a NUL byte; save the file as UTF-8 text")
    return text
