"""What a file of texts looks like, what a reader is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mtnlg.errors import DataError

HEAD_BYTES = 65_536
"""Read of a file to recognize it."""
FORMAT_NAMES = (
    *("text", "jsonl", "json", "tsv", "csv"),
    *("sgml", "wmt-xml", "decoder", "nbest", "numbered"),
)
"""What text_files can read; here, since a command line names them before it loads a reader."""

Example = tuple[str, ...]
"""The texts of one example: one hypothesis, one source, or its references."""
Lines = Iterable[tuple[int, bytes]]
"""Lines of a file by number from 1."""
Examples = Iterator[tuple[int, Example]]
"""Examples by the number of their line."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a file is, and how its texts are read."""

    format: str | None
    """A reader of text_files; None where there is none, and `remedy` says what to do."""
    what: str = ""
    """In words; empty where the ending says so."""
    remedy: str = ""
    separator: str = "\t"
    """Of the cells of a table."""
    has_header: bool = False
    """Whether the first row of a table names its columns."""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file as text."""

    text: str
    lines: Sequence[str]
    """Complete ones that are not blank."""
    ending: str
    """Of the name, as `jsonl`."""
    field: str
    """The name or number of the column that is looked for."""
    is_whole: bool
    """Whether the file ends here."""


def read_head(head: bytes, name: str, *, field: str = "") -> Head:
    """The first bytes of a file as text."""
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.split("\n")
    is_whole = len(head) < HEAD_BYTES
    complete = lines if is_whole else lines[:-1]
    ending = name.removesuffix(".gz").rpartition(".")[2].lower()
    kept = [line.rstrip("\r") for line in complete if line.strip()]
    return Head(text.lstrip(), kept, ending, field, is_whole)


@dataclass(frozen=True, slots=True)
class Request:
    """Which texts of a file are wanted."""

    shown: str
    """The file as error messages name it."""
    field: str
    role: str
    """hypothesis, reference or source."""
    shape: Shape


def as_texts(value: object, what: str) -> Example:
    """A text, or a list of texts, as an example."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise DataError(f"{what} is {str(value)[:80]!r}; it must be a text, or a list of texts")
