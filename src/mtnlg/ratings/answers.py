"""The raters' answers, read back from their CSV files and checked against the key.

Item and score are all that is read: a spreadsheet may have saved the texts in any encoding, the
columns in any order, and commas as semicolons. A missing answer is none, and never an error.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtnlg.errors import DataError
from mtnlg.ratings.key import Key
from mtnlg.ratings.sheets import ITEM, SCORE

DELIMITERS = ",;\t"
SCORE_FORM = re.compile(r"(\d{1,9})(?:[.,]0*)?")
"""A whole number, as a spreadsheet may write it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one rater."""

    rater: str
    output: int
    """The index of the output in the key."""
    score: int
    is_repeat: bool


def read_answers(folder: Path, key: Key) -> list[Answer]:
    """All answers in the CSV files of a folder, whatever their names.

    Raises DataError with file and line for an item that is not of this export, an item that is
    answered twice and a score that is not of the scale; and where there is no answer at all.
    """
    items = key.items
    given: dict[str, tuple[int, str]] = {}
    paths = sorted(folder.glob("*.csv"))
    for path in paths:
        for number, item, cell in _cells(path):
            location = f"{path}:{number}"
            if item not in items:
                raise DataError(
                    f"{location}: item {item!r} is not of this export, whose items begin with "
                    f"{key.export!r}; give each folder the sheets that were written into it"
                )
            score = _score(cell, key.scale, location)
            if score is None:
                continue
            if item in given:
                raise DataError(
                    f"{location}: item {item!r} has an answer already, in {given[item][1]}; keep "
                    "one of the two"
                )
            given[item] = score, location
    if not given:
        raise DataError(
            f"{folder}: has no answer in {len(paths)} CSV files; put the filled-in sheets there"
        )
    return [
        Answer(items[item][0], items[item][1].output, score, items[item][1].is_repeat)
        for item, (score, _) in given.items()
    ]


def _cells(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, item and score of every line that has an item or a score."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begin = 1
    columns: Sequence[str] = ()
    try:
        for cells in reader:
            if begin == 1:
                columns = _columns(path, cells)
            elif any(cell.strip() for cell in cells):
                line = dict(zip(columns, cells, strict=False))
                yield begin, line.get(ITEM, "").strip(), line.get(SCORE, "").strip()
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{begin}: not CSV ({error}); save the sheet again") from None
    if not columns:
        _columns(path, ())


def _columns(path: Path, cells: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in (ITEM, SCORE) if name not in names]
    if missing:
        raise DataError(
            f"{path}:1: has no column {missing[0]!r}; keep the first line of the sheet, save as "
            "CSV UTF-8, and keep other files elsewhere"
        )
    return names


def _score(cell: str, scale: tuple[int, int], location: str) -> int | None:
    """None for an empty cell."""
    if not cell:
        return None
    match = SCORE_FORM.fullmatch(cell)
    if match is None or not scale[0] <= int(match[1]) <= scale[1]:
        raise DataError(
            f"{location}: score {cell!r} must be a whole number from {scale[0]} to {scale[1]}, or "
            "empty where there is no answer"
        )
    return int(match[1])
