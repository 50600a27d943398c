"""Rows of a data set and predictions of a test set, as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mtnlg.records.files import (
    JsonObject,
    _locating_faults,
    _text,
    _texts,
    open_bytes,
    parse_jsonl,
    read_jsonl,
)


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


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one split, in file order."""
    with open_bytes(path) as stream:
        yield from parse_rows(stream, path=path)


def parse_rows(lines: Iterable[bytes], *, path: Path, first: int = 1) -> Iterator[Row]:
    """The rows of some lines of a split, the first of which has that number."""
    for number, record in parse_jsonl(lines, path=path, first=first):
        with _locating_faults(path, number):
            yield Row(_text(record, "id"), _text(record, "source"), _texts(record, "references"))


def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of one test set, in the test set's order."""
    predictions = []
    for number, record in read_jsonl(path):
        with _locating_faults(path, number):
            predictions.append(
                Prediction(
                    _text(record, "id"),
                    _text(record, "source"),
                    _texts(record, "references"),
                    _text(record, "prediction"),
                    _texts({"tags": [], **record}, "tags"),
                )
            )
    return predictions
