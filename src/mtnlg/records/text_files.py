"""Files of texts that belong together line by line: plain text, JSON lines and tables.

Errors are DataErrors that name file and line. Lines end only at a line feed: U+2028 in a text
splits nothing.

| ending | an example | its field |
|---|---|---|
| jsonl | an object on a line; blank lines are skipped | a key: a text, or a list of references |
| tsv | a line; tabs separate cells, quotes are text | a name in line 1, or a number from 1 |
| any other | a line | |
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mtnlg.errors import DataError, MtnlgError
from mtnlg.records.files import decode_line, numbered_lines, parse_line
from mtnlg.text.scripts import find_unscorable

STANDARD_INPUT = "-"

Example = tuple[str, ...]
"""The texts of one example: one hypothesis, one source, or its references."""
Lines = Iterable[tuple[int, bytes]]
"""Lines of a file by number from 1."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """The examples of one file, with the numbers of their lines."""

    path: str
    examples: list[Example]
    line_numbers: Sequence[int]

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


def read_texts(path: str, *, field: str, format_name: str | None = None) -> TextFile:
    """The examples of a file, or of standard input for `-`; without a format's name, the ending of
    the file decides.

    Only JSON lines and tables have fields.
    """
    chosen = format_name or _format_of(path)
    return _collected(path, FORMATS[chosen](_shown(path), _lines(path), field))


def read_fields(path: str, *, field: str, optional: Sequence[str]) -> dict[str, TextFile]:
    """The examples of a field, and of each optional field that the file's first line has."""
    chosen = _format_of(path)
    lines = list(_lines(path))
    names = [field, *(name for name in optional if name in _fields_of(chosen, path, lines))]
    return {name: _collected(path, FORMATS[chosen](_shown(path), lines, name)) for name in names}


def _collected(path: str, examples: Iterable[tuple[int, Example]]) -> TextFile:
    texts_of: dict[int, Example] = dict(examples)
    for number, texts in texts_of.items():
        for unscorable in filter(None, map(find_unscorable, texts)):
            raise DataError(
                f"{_shown(path)}:{number}: {unscorable} is no text; remove it, or save the file as "
                "UTF-8"
            )
    if not texts_of:
        raise DataError(f"{_shown(path)}: the file is empty; give it at least one example")
    return TextFile(path, list(texts_of.values()), list(texts_of))


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
        counts = [f"{file.shown} has {len(file.examples)}" for file in odd]
        raise DataError(
            f"{', '.join(counts)} examples, but {files[0].shown} has "
            f"{len(files[0].examples)}; example by example they must belong together"
        )


def _text_examples(shown: str, lines: Lines, field: str) -> Iterator[tuple[int, Example]]:
    for number, raw in lines:
        yield number, (decode_line(raw, path=shown, number=number),)


def _json_examples(shown: str, lines: Lines, field: str) -> Iterator[tuple[int, Example]]:
    for number, raw in lines:
        if not raw.strip():
            continue
        record = parse_line(raw, path=shown, number=number)
        if field not in record:
            raise DataError(
                f"{shown}:{number}: has no field {field!r}; it has {', '.join(map(repr, record))}; "
                "name the field by the options that end in -field"
            )
        yield number, _texts_of(record[field], f"{shown}:{number}: {field}")


def _table_examples(shown: str, lines: Lines, field: str) -> Iterator[tuple[int, Example]]:
    column: int | None = int(field) - 1 if field.isdecimal() and int(field) else None
    for number, raw in lines:
        cells = decode_line(raw, path=shown, number=number).split("\t")
        if column is None:
            if field not in cells:
                raise DataError(
                    f"{shown}:{number}: the first line names no column {field!r}; it has "
                    f"{', '.join(map(repr, cells))}; name the column, or give its number from 1, "
                    "by the options that end in -field"
                )
            column = cells.index(field)
            continue
        if column >= len(cells):
            raise DataError(
                f"{shown}:{number}: has {len(cells)} cells and no column {field}; repair the line"
            )
        yield number, (cells[column],)


FORMATS: dict[str, Callable[[str, Lines, str], Iterator[tuple[int, Example]]]] = {
    "text": _text_examples,
    "jsonl": _json_examples,
    "tsv": _table_examples,
}


def _format_of(path: str) -> str:
    ending = path.removesuffix(".gz").rpartition(".")[2].lower()
    return ending if ending in FORMATS else "text"


def _fields_of(format_name: str, path: str, lines: Sequence[tuple[int, bytes]]) -> list[str]:
    """The fields that the first line names; none where it is broken, which reading will report."""
    number, first = next(((number, raw) for number, raw in lines if raw.strip()), (1, b""))
    try:
        if format_name == "tsv":
            return decode_line(first, path=path, number=number).split("\t")
        return list(parse_line(first, path=path, number=number)) if format_name == "jsonl" else []
    except DataError:
        return []


def _texts_of(value: object, what: str) -> Example:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise DataError(f"{what} is {str(value)[:80]!r}; it must be a text, or a list of texts")


def _lines(path: str) -> Lines:
    return numbered_lines(_shown(path), sys.stdin.buffer if path == STANDARD_INPUT else None)


def _shown(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else path
