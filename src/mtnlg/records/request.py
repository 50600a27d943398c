"""What a reader of text files is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtnlg.errors import DataError
from mtnlg.records.recognition import Shape

Example = tuple[str, ...]
"""The texts of one example: one hypothesis, one source, or its references."""
Lines = Iterable[tuple[int, bytes]]
"""Lines of a file by number from 1."""
Examples = Iterator[tuple[int, Example]]
"""Examples by the number of their line."""


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
