"""Rows of a data set, contamination signals and predictions of a test set, as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject, open_bytes, parse_line, read_jsonl

LISTS = ("references", "tags")
"""The fields that are lists of texts; all others are texts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One cleaned example: a source and what it should become."""

    id: str
    source: str
    references: tuple[str, ...]

    def to_json(self) -> JsonObject:
        return {"id": self.id, "source": self.source, "references": list(self.references)}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One decoded example, with everything that scoring needs; text only, so that files compare
    byte by byte.
    """

    id: str
    source: str
    references: tuple[str, ...]
    prediction: str
    tags: tuple[str, ...] = field(default=())

    def to_json(self) -> JsonObject:
        record = asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in record.items()
        }


@dataclass(frozen=True, slots=True)
class RowSignals:
    """The contamination signals of one row, and the shares of its n-grams that training has."""

    id: str
    tags: tuple[str, ...]
    """Signals, by name."""
    source_ngrams: float | None
    """None where the source is too short for an n-gram."""
    target_ngrams: float | None
    """The largest of several references; None where all are too short."""

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "tags": list(self.tags),
            "source_ngrams": None if self.source_ngrams is None else round(self.source_ngrams, 4),
            "target_ngrams": None if self.target_ngrams is None else round(self.target_ngrams, 4),
        }


Record = TypeVar("Record", Row, Prediction)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one split, in file order."""
    with open_bytes(path) as stream:
        yield from parse_rows(stream, path=path)


def parse_rows(lines: Iterable[bytes], *, path: Path, first: int = 1) -> Iterator[Row]:
    """The rows of some lines of a split, the first of which has the number `first`."""
    return _parsed(lines, Row, path=path, first=first)


def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of one test set, in the test set's order."""
    with open_bytes(path) as stream:
        return list(_parsed(stream, Prediction, path=path, first=1))


def read_tags(path: Path) -> dict[str, tuple[str, ...]]:
    """Row id -> its contamination signals, from a file with a RowSignals on each line."""
    tags: dict[str, tuple[str, ...]] = {}
    for number, record in read_jsonl(path):
        row_id, names = record.get("id"), record.get("tags")
        if not isinstance(row_id, str) or not isinstance(names, list):
            raise DataError(f"{path}:{number}: has no id or no tags; delete its folder")
        tags[row_id] = tuple(str(name) for name in names)
    return tags


def _parsed(
    lines: Iterable[bytes], kind: type[Record], *, path: Path, first: int
) -> Iterator[Record]:
    """The records of lines that are not blank, by msgspec, which is several times as fast as json.

    What msgspec refuses is read by json, which allows lone surrogates, or named as an error.
    """
    import msgspec  # takes a tenth of the start-up time

    for number, raw in enumerate(lines, start=first):
        if not raw.strip():
            continue
        try:
            record = msgspec.json.decode(raw, type=kind)
        except msgspec.MsgspecError:
            document = parse_line(raw, path=path, number=number, has_only_finite=True)
            record = _checked(document, kind, f"{path}:{number}")
        yield record


def _checked(document: JsonObject, kind: type[Record], location: str) -> Record:
    """The record of an object; raises DataError for a missing key or a value of another type."""
    values: dict[str, str | tuple[str, ...]] = {}
    for column in fields(kind):
        name = column.name
        if name not in document:
            if column.default is MISSING:
                raise DataError(f"{location}: has no {name!r}; every line needs one")
            continue
        value = document[name]
        if name in LISTS and isinstance(value, list) and all(isinstance(v, str) for v in value):
            values[name] = tuple(map(str, value))
        elif name not in LISTS and isinstance(value, str):
            values[name] = value
        else:
            wanted = "a list of texts" if name in LISTS else "a text"
            raise DataError(f"{location}: {name}={value!r} must be {wanted}")
    return kind(**values)  # type: ignore[arg-type]
