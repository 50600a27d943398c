"""Files of texts that belong together line by line, in any format that is recognized.

Errors are DataErrors that name file and line. Lines end only at a line feed: U+2028 in a text
splits nothing. A file whose ending does not say what it is has a remark about how it was read.

| format | an example | its field |
|---|---|---|
| jsonl | an object on a line; blank lines are skipped | a key: a text, or a list of references |
| json | an item of an array, or an object | a key, or none for texts |
| tsv | a line; tabs separate cells, quotes are text | a name in line 1, or a number from 1 |
| csv | a row as in RFC 4180, separated by commas, semicolons or bars | as of tsv |
| text | a line | |

exchange_formats.py reads the others.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, compress, islice
from pathlib import Path
from typing import IO

from mtnlg.errors import DataError, MtnlgError
from mtnlg.records.exchange_formats import (
    decoder_examples,
    nbest_examples,
    numbered_examples,
    sgml_examples,
    wmt_xml_examples,
)
from mtnlg.records.files import decode_line, numbered_lines, open_bytes, parse_line
from mtnlg.records.recognition import parse_stream, recognize
from mtnlg.records.request import (
    HEAD_BYTES,
    Example,
    Examples,
    Lines,
    Request,
    Shape,
    as_texts,
    read_head,
)
from mtnlg.records.table_shapes import table_shape
from mtnlg.text.scripts import find_unscorable

STANDARD_INPUT = "-"
LISTED_NAMES = 12
"""Most names of fields in a message."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """The examples of one file, with the numbers of their lines."""

    path: str
    examples: list[Example]
    line_numbers: Sequence[int]
    remark: str = ""
    """How it was read, where its name does not say so."""

    def where(self, mask: Sequence[bool]) -> TextFile:
        """The examples that a mask (N,) keeps."""
        examples, numbers = compress(self.examples, mask), compress(self.line_numbers, mask)
        return replace(self, examples=list(examples), line_numbers=list(numbers))

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path if self.path == STANDARD_INPUT else Path(self.path).name

    @property
    def shown(self) -> str:
        """The file as error messages name it."""
        return _shown(self.path)

    def location(self, index: int) -> str:
        """File and line of an example, as error messages have it."""
        return f"{self.shown}:{self.line_numbers[index]}"


def read_texts(
    path: str, *, field: str, role: str = "hypothesis", format_name: str | None = None
) -> TextFile:
    """The examples of a file, or of standard input for `-`; without a format's name, its first
    64 KiB and its ending decide.

    Role is hypothesis, reference or source: formats that hold several kinds of texts have no
    field.
    """
    shape, lines = _opened(path, field, format_name)
    return _collected(path, shape, lines, Request(_shown(path), field, role, shape))


def read_fields(
    path: str,
    *,
    field: str,
    optional: Sequence[str],
    role: str = "hypothesis",
    format_name: str | None = None,
) -> dict[str, TextFile]:
    """The examples of a field, and of each optional field that the file has."""
    shape, stream = _opened(path, field, format_name)
    lines = list(stream)
    names = [field, *(name for name in optional if name in _fields_of(shape, path, lines))]
    roles = {"references": "reference", "id": "id", field: role}
    return {
        name: _collected(path, shape, lines, Request(_shown(path), name, roles[name], shape))
        for name in names
    }


def _opened(path: str, field: str, format_name: str | None) -> tuple[Shape, Lines]:
    """How a file is read, and its lines by number. Raises DataError for a format without a
    reader.
    """
    shown = _shown(path)
    stream = sys.stdin.buffer if path == STANDARD_INPUT else open_bytes(Path(path))
    try:
        head = stream.read(HEAD_BYTES)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{shown}:1: cannot be read ({error}); copy the file again") from None
    lines = numbered_lines(shown, _again(head, stream))
    if format_name is None:
        shape = recognize(head, path, field=field)
    elif format_name in ("tsv", "csv"):
        shape = table_shape(read_head(head, path, field=field), format_name)
    else:
        shape = Shape(format=format_name)
    if shape.format is None:
        raise DataError(
            f"{shown}: is {shape.what}; {shape.remedy}; or score its lines as they stand with "
            "--format text"
        )
    return shape, lines


def _again(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream whose head was read."""
    yield from io.BytesIO(head + stream.readline())
    yield from stream
    if stream is not sys.stdin.buffer:
        stream.close()


def _collected(path: str, shape: Shape, lines: Lines, request: Request) -> TextFile:
    assert shape.format is not None, shape
    texts_of: dict[int, Example] = dict(FORMATS[shape.format](lines, request))
    has_unscorable = find_unscorable("".join(chain(*texts_of.values()))) is not None
    for number, texts in texts_of.items() if has_unscorable else ():
        for unscorable in filter(None, map(find_unscorable, texts)):
            raise DataError(
                f"{_shown(path)}:{number}: {unscorable} is no text; remove it, or save the file as "
                "UTF-8"
            )
    if not texts_of:
        raise DataError(f"{_shown(path)}: the file is empty; give it at least one example")
    return TextFile(path, list(texts_of.values()), list(texts_of), shape.what)


@contextmanager
def as_mistake_of_the_command() -> Iterator[None]:
    """Raise a DataError about files that a command names as a mistake in its words."""
    try:
        yield
    except DataError as error:
        raise MtnlgError(str(error)) from None


def check_aligned(files: Sequence[TextFile]) -> None:
    """Raise DataError unless all files have as many examples as the first."""
    odd = [file for file in files if len(file.examples) != len(files[0].examples)]
    if odd:
        counts = [
            f"{file.shown} has {len(file.examples)}{file.remark and f' (read as {file.remark})'}"
            for file in odd
        ]
        raise DataError(
            f"{', '.join(counts)} examples, but {files[0].shown} has "
            f"{len(files[0].examples)}; example by example they must belong together"
        )


def compare_ids(files: Sequence[TextFile]) -> list[str]:
    """Which ids of files differ from the first file's, in words, except ids of another kind. Raises
    DataError for the same ids in another order.
    """
    check_aligned(files)
    notes = []
    for file in files[1:]:
        ids, first = ([_plain_id(texts[0]) for texts in side.examples] for side in (file, files[0]))
        odd = [
            index
            for index, (left, right) in enumerate(zip(ids, first, strict=True))
            if left != right
        ]
        if not odd or 2 * len({*ids} & {*first}) < len({*first}):
            continue
        words = (
            f"{file.location(odd[0])}: id is {ids[odd[0]]!r}, but {files[0].location(odd[0])} has "
            f"{first[odd[0]]!r}"
        )
        if sorted(ids) == sorted(first) and len({*ids}) == len(ids):
            raise DataError(f"{words}; both have the same ids: sort the lines of both by them")
        notes.append(f"{words}, and so on in {len(odd)} of {len(ids)} lines")
    return notes


def _plain_id(text: str) -> str:
    """An id without the zeros before its numbers."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def _text_examples(lines: Lines, request: Request) -> Examples:
    for number, raw in lines:
        yield number, (decode_line(raw, path=request.shown, number=number),)


def _json_lines(lines: Lines, request: Request) -> Examples:
    for number, raw in lines:
        if raw.strip():
            record = parse_line(raw, path=request.shown, number=number)
            yield number, _field_of(record, request, f"{request.shown}:{number}")


def _json_document(lines: Lines, request: Request) -> Examples:
    """Items of an array or columns of an object by their number, where lines say nothing."""
    content = b"".join(raw for _, raw in lines)
    text = decode_line(content, path=request.shown, number=1)
    try:
        values = parse_stream(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{request.shown}: not valid JSON ({error}); repair it, or read it as text with "
            "--format text"
        ) from None
    items = _items(values[0], request.field) if len(values) == 1 else values
    for number, item in enumerate(items, start=1):
        at = f"{request.shown}: item {number}"
        if isinstance(item, dict):
            yield number, _field_of(item, request, at)
        else:
            yield number, as_texts(item, at)


def _items(value: object, field: str) -> Sequence[object]:
    """The examples of one JSON value: items of an array, a column, or the only array of objects."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    column = value.get(field)
    if isinstance(column, list | dict):
        return list(column.values()) if isinstance(column, dict) else column
    arrays = [rows for rows in value.values() if isinstance(rows, list)]
    if column is None and len(arrays) == 1 and all(isinstance(row, dict) for row in arrays[0]):
        return arrays[0]
    return [value]


def _field_of(record: Mapping[str, object], request: Request, at: str) -> Example:
    if request.role == "id":
        return (str(record.get(request.field, "")),)
    if request.field not in record:
        raise DataError(
            f"{at}: has no field {request.field!r}; it has {_listed(record)}; "
            "name the field by the options that end in -field"
        )
    value = record[request.field]
    if request.role == "reference" and value in (None, []):
        return ("",)
    return as_texts(value, f"{at}: {request.field}")


def _listed(names: Iterable[str]) -> str:
    """The first names, for a message."""
    shown = [repr(name) for name in islice(names, LISTED_NAMES + 1)]
    return ", ".join([*shown[:LISTED_NAMES], *(["..."] if len(shown) > LISTED_NAMES else [])])


def _table_examples(lines: Lines, request: Request) -> Examples:
    shown, field = request.shown, request.field
    column: int | None = int(field) - 1 if field.isdecimal() else None
    if column == -1:
        raise DataError(f"{shown}: the number of a column begins with 1, and 0 was given")
    is_header = is_named = request.shape.has_header or column is None
    width = 0
    for number, cells in _table_rows(lines, request):
        width = width or len(cells)
        if is_header:
            if column is None and cells.count(field) > 1:
                raise DataError(
                    f"{shown}:{number}: the first line names {cells.count(field)} columns "
                    f"{field!r}; give the number of one from 1 by the options that end in -field"
                )
            if column is None and field not in cells:
                raise DataError(
                    f"{shown}:{number}: the first line names no column {field!r}; it has "
                    f"{', '.join(map(repr, cells))}; name the column, or give its number from 1, "
                    "by the options that end in -field"
                )
            column = cells.index(field) if column is None else column
            is_header = False
            continue
        assert column is not None
        if column >= len(cells):
            raise DataError(
                f"{shown}:{number}: has {len(cells)} cells and no column {field}; repair the line"
            )
        if len(cells) > width or (len(cells) < width and not is_named):
            raise DataError(
                f"{shown}:{number}: has {len(cells)} cells, and the first line {width}; a text has "
                "a separator in it: repair the longer line"
            )
        yield number, (cells[column],)


def _table_rows(lines: Lines, request: Request) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, by the number of its first line."""
    texts = ((number, decode_line(raw, path=request.shown, number=number)) for number, raw in lines)
    if request.shape.separator == "\t":
        yield from ((number, text.split("\t")) for number, text in texts)
        return
    csv.field_size_limit(HEAD_BYTES * 256)
    lines_of_csv = (f"{text}\n" for _, text in texts)
    rows = csv.reader(lines_of_csv, delimiter=request.shape.separator, strict=True)
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{request.shown}:{number}: not valid CSV ({error}); repair the quotes"
            ) from None
        if cells and not (number == 1 and cells[0].startswith("sep=")):
            yield number, cells


FORMATS: dict[str, Callable[[Lines, Request], Examples]] = {
    "text": _text_examples,
    "jsonl": _json_lines,
    "json": _json_document,
    "tsv": _table_examples,
    "csv": _table_examples,
    "sgml": sgml_examples,
    "wmt-xml": wmt_xml_examples,
    "decoder": decoder_examples,
    "nbest": nbest_examples,
    "numbered": numbered_examples,
}


def _fields_of(shape: Shape, path: str, lines: Sequence[tuple[int, bytes]]) -> list[str]:
    """The fields that a file names first; none where it is broken, which reading will report."""
    request = Request(path, "", "hypothesis", shape)
    try:
        if shape.format in ("tsv", "csv"):
            return next(iter(_table_rows(lines, request)))[1]
        if shape.format == "jsonl":
            number, first = next((number, raw) for number, raw in lines if raw.strip())
            return list(parse_line(first, path=path, number=number))
        if shape.format == "json":
            (value, *_) = parse_stream(b"".join(raw for _, raw in lines).decode())
            item = value[0] if isinstance(value, list) and value else value
            return list(item) if isinstance(item, dict) else []
    except (DataError, ValueError, StopIteration, RecursionError):
        pass
    return []


def _shown(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else path
