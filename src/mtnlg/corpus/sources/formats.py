"""How a local file becomes records: JSON lines, tables, Parquet, paragraphs and parallel text.

Everything is streamed. Text files are UTF-8, and lines end only at a line feed: U+2028 in a text
splits nothing. An unreadable record goes into the quarantine with its file and line.

| ending | a record | its columns |
|---|---|---|
| jsonl | an object on a line | its keys |
| tsv | a line; tabs separate its cells, quotes are text like any other | the first line |
| csv | as in RFC 4180, separated by commas, semicolons, bars or tabs | the first line |
| parquet | a row | the schema's |
| txt | the lines between two blank ones | `text` |

All but Parquet may be packed with gzip. A new format is one function and its row in FORMATS.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.file_checks import LINES, check_format
from mtnlg.corpus.sources.readers import Quarantine, Record
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject, decode_line, numbered_lines, parse_line

PACKED_ENDING = ".gz"
TEXT_COLUMN = "text"
"""The one column of a plain text file."""
LONGEST_TEXT = 16_000_000
"""Most characters of a cell or paragraph. Without a limit, a quote that is never closed would read
the whole file into memory."""
PARQUET_BATCH = 1_000
"""Rows that are decoded together."""
OTHER_SEPARATORS = "\t,;|^~"
"""What may separate the cells of a table of one column by mistake."""
_UNDECODED = re.compile("[\udc80-\udcff]")
"""What `surrogateescape` makes of bytes that are not UTF-8."""

Unparsed = tuple[str, int, Callable[[], JsonObject]]
"""Location of a record, its number from 0, and what parses its fields or raises DataError."""


def read_file(path: Path, split: str, quarantine: Quarantine) -> Iterator[Record]:
    """The records of a file that holds a whole split; raises DataError where it has none."""
    ending = path.name.removesuffix(PACKED_ENDING).rpartition(".")[2]
    check_format(path, ending)
    num_records = 0
    for location, number, parse in FORMATS[ending](path):
        num_records += 1
        quarantine.num_lines += 1
        try:
            fields = parse()
        except DataError as error:
            quarantine.reject(location, error)
            continue
        yield Record(location, f"{split}-{number}", fields)
    if num_records == 0:
        raise DataError(f"{path}: only blank lines; give it at least one record")


def parallel_records(
    paths: list[Path], split: str, task: TaskConfig, quarantine: Quarantine
) -> Iterator[Record]:
    """Pairs of lines as records with a column for each language. Raises DataError where the files
    have different numbers of lines.
    """
    for path in paths:
        check_format(path, LINES)
    counts = [sum(1 for _ in numbered_lines(path)) for path in paths]
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]} lines and {paths[1]} has {counts[1]}: "
            "parallel files need the same number; find the line where they part"
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


def _json_records(path: Path) -> Iterator[Unparsed]:
    for number, raw in numbered_lines(path):
        if raw.strip():
            parse = partial(parse_line, raw, path=path, number=number)
            yield f"{path}:{number}", number - 1, parse


def _tsv_records(path: Path) -> Iterator[Unparsed]:
    def cut(raw: bytes, number: int) -> list[str]:
        return decode_line(raw, path=path, number=number).split("\t")

    lines = numbered_lines(path)
    rows = ((number, partial(cut, raw, number)) for number, raw in lines if raw.strip(b"\r\n"))
    return _table_records(path, rows)


def _csv_records(path: Path) -> Iterator[Unparsed]:
    separator = check_format(path, "csv")
    return (
        _tsv_records(path)
        if separator == "\t"
        else _table_records(path, _csv_rows(path, separator))
    )


def _paragraph_records(path: Path) -> Iterator[Unparsed]:
    def joined(lines: list[bytes], first: int) -> JsonObject:
        texts = []
        for number, raw in enumerate(lines, start=first):
            text = decode_line(raw, path=path, number=number)
            texts.append(_without_nul(text, f"{path}:{number}", what="line"))
        return {TEXT_COLUMN: "\n".join(texts)}

    for first, lines in _paragraphs(path):
        yield f"{path}:{first}", first - 1, partial(joined, lines, first)


def _parquet_records(path: Path) -> Iterator[Unparsed]:
    """Rows, numbered from 1 in errors, since there are no lines."""
    import pyarrow
    import pyarrow.parquet

    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; give it at least one record")
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=PARQUET_BATCH):
                for index in range(batch.num_rows):
                    number += 1
                    location = f"{path}:row {number}"
                    yield location, number - 1, partial(_parquet_row, batch, index, location)
    except (pyarrow.ArrowException, OSError) as error:
        cause = str(error).splitlines()[0]
        raise DataError(
            f"{path}:row {number + 1}: cannot be read ({cause}); copy the file again"
        ) from None
    if number == 0:
        raise DataError(f"{path}: the table has no rows; give it at least one record")


FORMATS: dict[str, Callable[[Path], Iterator[Unparsed]]] = {
    "jsonl": _json_records,
    "tsv": _tsv_records,
    "csv": _csv_records,
    "parquet": _parquet_records,
    "txt": _paragraph_records,
}
"""Ending of a file that holds a whole split -> how it is read."""
WHOLE_FORMATS = ("parquet",)
"""Formats that are packed inside, and never as a whole."""


def _table_records(
    path: Path, rows: Iterator[tuple[int, Callable[[], list[str]]]]
) -> Iterator[Unparsed]:
    """Rows by the number of their first line; the first row names the columns."""
    names: list[str] | None = None
    has_rows = False
    for number, cells in rows:
        location = f"{path}:{number}"
        if names is None:
            names = [cell.strip() for cell in cells()]
            if "" in names:
                _refuse_nameless(names, rows, location)
            _check_names(names, location)
            continue
        has_rows = True
        yield location, number - 1, partial(_table_row, names, cells, location)
    if names is not None and not has_rows:
        raise DataError(f"{path}: only the names of the columns; give it at least one record")


def _refuse_nameless(
    names: list[str], rows: Iterator[tuple[int, Callable[[], list[str]]]], location: str
) -> None:
    """Raise DataError about columns without a name, which says if all cells below are empty."""
    nameless = [index for index, name in enumerate(names) if not name]
    numbers = " and ".join(str(index + 1) for index in nameless)
    is_one = len(nameless) == 1
    what = f"column {numbers} has" if is_one else f"columns {numbers} have"
    cells_below = (cells() for _, cells in rows)
    is_empty = all(
        not row[index].strip() for row in cells_below for index in nameless if index < len(row)
    )
    remedy = "all cells below are empty, so leave them out" if is_empty else "put the names there"
    raise DataError(
        f"{location}: the first line must name each column once; {what} no name; {remedy}"
    )


def _check_names(names: list[str], location: str) -> None:
    if len(set(names)) < len(names):
        raise DataError(
            f"{location}: the first line must name each column once, found {', '.join(names)}; "
            "put the names there"
        )
    separator = next(filter(names[0].__contains__, OTHER_SEPARATORS), None)
    if len(names) == 1 and separator is not None:
        raise DataError(
            f"{location}: the first line names one column, {names[0]!r}, whose names seem to be "
            f"separated by {separator!r}; save the table as CSV with commas"
        )
    for name in names:
        _without_nul(name, location, what="line")


def _table_row(names: list[str], read: Callable[[], list[str]], location: str) -> JsonObject:
    cells = read()
    if len(cells) != len(names):
        raise DataError(
            f"{location}: has {len(cells)} cells, the first line names {len(names)} columns "
            f"({', '.join(names)}); repair or remove the row"
        )
    return {
        name: _without_nul(cell, location, what="row")
        for name, cell in zip(names, cells, strict=True)
    }


def _csv_rows(path: Path, separator: str) -> Iterator[tuple[int, Callable[[], list[str]]]]:
    """Bytes that are not UTF-8 pass the parser as surrogates, so that they break only their row."""

    def checked(cells: list[str], number: int) -> list[str]:
        if any(_UNDECODED.search(cell) for cell in cells):
            raise DataError(f"{path}:{number}: not UTF-8; save the file as UTF-8")
        return cells

    def refuse(error: csv.Error, number: int) -> list[str]:
        raise DataError(f"{path}:{number}: not valid CSV ({error}); repair the quotes")

    csv.field_size_limit(LONGEST_TEXT)
    rows = csv.reader(_csv_lines(path), delimiter=separator, strict=True)
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, partial(refuse, error, number)
            continue
        if cells and not (number == 1 and cells[0].startswith("sep=")):
            yield number, partial(checked, cells, number)


def _csv_lines(path: Path) -> Iterator[str]:
    for number, raw in numbered_lines(path):
        line = raw.decode("utf-8", "surrogateescape")
        yield line.removeprefix("\ufeff") if number == 1 else line


def _parquet_row(batch: Any, index: int, location: str) -> JsonObject:
    try:
        fields: JsonObject = batch.slice(index, 1).to_pylist()[0]
    except UnicodeDecodeError as error:
        raise DataError(f"{location}: not UTF-8 ({error.reason}); write the file again") from None
    return fields


def _paragraphs(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """The lines between blank ones, with the number of the first."""
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
