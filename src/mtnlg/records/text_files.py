"""Files of texts that belong together line by line: plain text, JSON lines and tables.

Every complaint is a DataError that names file and line. Lines end at a line feed only: U+2028 in a
text splits nothing. Refuses to know: what is scored.

| ending | an example | its field |
|---|---|---|
| jsonl | an object, one a line; blank lines are skipped | a key: a text, or a list of references |
| tsv | a line; tabs part its cells, quotes are text | a name in line 1, or a number from 1 |
| any other | a line | |
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mtnlg.errors import DataError, MtnlgError
from mtnlg.records.files import decode_line, open_bytes
from mtnlg.text.scripts import UNSCORABLE

STANDARD_INPUT = "-"

Example = tuple[str, ...]
"""The texts of one example: one hypothesis, one source, or its references."""
Lines = Iterable[tuple[int, str]]
"""Lines of a file by number from 1."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """The examples of one file, with the lines that they begin at."""

    path: str
    examples: list[Example]
    line_numbers: Sequence[int]

    @property
    def name(self) -> str:
        """The file's name without its path."""
        return self.path if self.path == STANDARD_INPUT else Path(self.path).name

    @property
    def shown(self) -> str:
        """The file as messages name it."""
        return _shown(self.path)

    def location(self, place: int) -> str:
        """File and line of an example, as messages have it."""
        return f"{self.shown}:{self.line_numbers[place]}"


def read_texts(path: str, *, field: str, format_name: str | None = None) -> TextFile:
    """The examples of a file, or of standard input for `-`; None: the format that its name ends in.

    The field is looked for in JSON lines and tables only.
    """
    chosen = format_name or _format_of(path)
    return _collected(path, FORMATS[chosen](path, _numbered_lines(path), field))


def read_fields(path: str, *, field: str, optional: Sequence[str]) -> dict[str, TextFile]:
    """The examples of one field, and of those optional ones that the file's first line has."""
    chosen = _format_of(path)
    lines = list(_numbered_lines(path))
    names = [field, *(name for name in optional if name in _fields_of(chosen, lines))]
    return {name: _collected(path, FORMATS[chosen](path, lines, name)) for name in names}


def _collected(path: str, read: Iterable[tuple[int, Example]]) -> TextFile:
    examples: list[Example] = []
    numbers: list[int] = []
    for number, texts in read:
        for text in texts:
            _refuse_unscorable(text, f"{_shown(path)}:{number}")
        examples.append(texts)
        numbers.append(number)
    if not examples:
        raise DataError(f"{_shown(path)}: the file is empty; give it at least one example")
    return TextFile(path, examples, numbers)


@contextmanager
def as_mistake_of_the_command() -> Iterator[None]:
    """Files that are words of the command are as wrong as any other word of it."""
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


def _text_examples(path: str, lines: Lines, field: str) -> Iterator[tuple[int, Example]]:
    for number, line in lines:
        yield number, (line,)


def _json_examples(path: str, lines: Lines, field: str) -> Iterator[tuple[int, Example]]:
    for number, line in lines:
        if not line.strip():
            continue
        location = f"{_shown(path)}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{location}: not valid JSON ({error}); repair the line, or choose another --format"
            ) from None
        if not isinstance(record, dict):
            raise DataError(f"{location}: expected a JSON object, found {type(record).__name__}")
        if field not in record:
            raise DataError(
                f"{location}: has no field {field!r}; it has {', '.join(map(repr, record))}; "
                "name the field by the options that end in -field"
            )
        yield number, _texts_of(record[field], f"{location}: {field}")


def _table_examples(path: str, lines: Lines, field: str) -> Iterator[tuple[int, Example]]:
    column: int | None = int(field) - 1 if field.isdecimal() and int(field) else None
    for number, line in lines:
        cells = line.split("\t")
        if column is None:
            if field not in cells:
                raise DataError(
                    f"{_shown(path)}:{number}: the first line names no column {field!r}; it has "
                    f"{', '.join(map(repr, cells))}; name the column, or give its number from 1, "
                    "by the options that end in -field"
                )
            column = cells.index(field)
            continue
        if column >= len(cells):
            raise DataError(
                f"{_shown(path)}:{number}: has {len(cells)} cells and no column {field}; repair "
                "the line"
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


def _fields_of(format_name: str, lines: Sequence[tuple[int, str]]) -> list[str]:
    """What the first line names; nothing where it is broken, as reading the field will tell."""
    first = next((line for _, line in lines if line.strip()), "")
    if format_name == "tsv":
        return first.split("\t")
    try:
        record = json.loads(first) if format_name == "jsonl" else {}
    except (ValueError, RecursionError):
        return []
    return list(record) if isinstance(record, dict) else []


def _texts_of(value: object, what: str) -> Example:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise DataError(f"{what} is {str(value)[:80]!r}; it must be a text, or a list of texts")


def _numbered_lines(path: str) -> Iterator[tuple[int, str]]:
    """Lines by number from 1, without their ends."""
    number, shown = 0, Path(_shown(path))
    try:
        with _opened(path) as stream:
            for number, raw in enumerate(stream, start=1):
                yield number, decode_line(raw, path=shown, number=number)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{_shown(path)}:{number + 1}: cannot be read ({error})") from None


def _opened(path: str) -> IO[bytes] | nullcontext[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else open_bytes(Path(path))


def _refuse_unscorable(text: str, location: str) -> None:
    found = UNSCORABLE.search(text)
    if found is not None:
        raise DataError(
            f"{location}: U+{ord(found.group()):04X} at character {found.start() + 1} is no text; "
            "remove it, or save the file as UTF-8"
        )


def _shown(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else path
