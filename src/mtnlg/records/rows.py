"""Rows of a data set, contamination signals and predictions of a test set, as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring
from pathlib import Path
from typing import TypeVar

from mtnlg.errors import ArtifactError, DataError
from mtnlg.records.codec import decode
from mtnlg.records.files import JsonObject, open_bytes, parse_line


@dataclass(frozen=True, slots=True)
class Row:
    """One cleaned example: a source and what it should become."""

    id: str
    source: str
    references: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """The row as in its file."""
        return {"id": self.id, "source": self.source, "references": list(self.references)}

    def to_line(self) -> str:
        """`json_line` of the row, at half the cost."""
        references = ", ".join(map(encode_basestring, self.references))
        return (
            f'{{"id": {encode_basestring(self.id)}, "source": {encode_basestring(self.source)}, '
            f'"references": [{references}]}}\n'
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """One decoded example, with everything that scoring needs."""

    id: str
    source: str
    references: tuple[str, ...]
    prediction: str
    tags: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """The prediction as in its file."""
        return asdict(self) | {"references": list(self.references), "tags": list(self.tags)}


@dataclass(frozen=True, slots=True)
class RowSignals:
    """The contamination signals of one row, and the shares of its n-grams that training has."""

    id: str
    tags: tuple[str, ...]
    """Signals, by name."""
    source_ngrams: float | None = None
    """None where the source is too short for an n-gram."""
    target_ngrams: float | None = None
    """The largest of several references; None where all are too short."""

    def to_json(self) -> JsonObject:
        """The signals as in their file."""
        return {
            "id": self.id,
            "tags": list(self.tags),
            "source_ngrams": None if self.source_ngrams is None else round(self.source_ngrams, 4),
            "target_ngrams": None if self.target_ngrams is None else round(self.target_ngrams, 4),
        }


Record = TypeVar("Record", Row, Prediction, RowSignals)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one split, in file order."""
    with open_bytes(path) as stream:
        yield from parse_rows(stream, path=path)


def parse_rows(lines: Iterable[bytes], *, path: Path, first: int = 1) -> Iterator[Row]:
    """The rows of some lines of a split, the first of which has the number `first`."""
    return _parsed(lines, Row, path=path, first=first)


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Consecutive lines of a split."""

    path: Path
    lines: list[bytes]
    first: int
    """Number of the first line."""
    position: int
    """Bytes of the file up to the end of the last line."""

    @property
    def last(self) -> int:
        """Number of the last line."""
        return self.first + len(self.lines) - 1

    def rows(self) -> Iterator[Row]:
        """The rows of its lines."""
        return parse_rows(self.lines, path=self.path, first=self.first)


def line_blocks(
    path: Path, num_bytes: int, *, position: int = 0, num_lines: int = 0
) -> Iterator[LineBlock]:
    """A split in blocks of about so many bytes, after the lines up to a position."""
    with open_bytes(path) as stream:
        stream.seek(position)
        while lines := stream.readlines(num_bytes):
            position += sum(map(len, lines))
            yield LineBlock(path, lines, num_lines + 1, position)
            num_lines += len(lines)


def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of one test set, in the test set's order."""
    with open_bytes(path) as stream:
        return list(_parsed(stream, Prediction, path=path, first=1))


def read_tags(path: Path) -> dict[str, tuple[str, ...]]:
    """Row id -> its contamination signals, from a file with a RowSignals on each line."""
    with open_bytes(path) as stream:
        return {row.id: row.tags for row in _parsed(stream, RowSignals, path=path, first=1)}


def _parsed(
    lines: Iterable[bytes], kind: type[Record], *, path: Path, first: int
) -> Iterator[Record]:
    """The records of lines that are not blank, by msgspec, which is several times as fast as json.

    What msgspec refuses is read by json, which allows lone surrogates and names what is wrong.
    """
    import msgspec  # takes a tenth of the start-up time

    for number, raw in enumerate(lines, start=first):
        if not raw.strip():
            continue
        try:
            yield msgspec.json.decode(raw, type=kind)
        except msgspec.MsgspecError:
            document = parse_line(raw, path=path, number=number, has_only_finite=True)
            try:
                yield decode(document, kind)
            except ArtifactError as error:
                raise DataError(f"{path}:{number}: {error}") from None
