"""The raters' sheets, written and read back: for each rater a CSV for a spreadsheet and a form for
a browser, with the same items in the same order.

No sheet names a system or shows which outputs are of the same one. Only item and score are read: a
spreadsheet may have saved texts in any encoding, columns in any order, and commas as semicolons.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnlg.errors import DataError
from mtnlg.ratings.key import Key, Question, item_number
from mtnlg.ratings.plan import Text
from mtnlg.records.files import JsonObject, write_text
from mtnlg.report.csv_table import harmless
from mtnlg.report.page_data import ESCAPES
from mtnlg.report.templates import STYLES, render_page

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 in the code page of its machine."""
ITEM, SCORE = "item", "score"
"""The columns that are read back; the others are for the rater alone."""
SCRIPTS = ("elements.js", "rating_form.js")
MAX_BUTTONS = 11
"""Answers that the form shows as buttons; for a longer scale the rater types a number."""
DELIMITERS = ",;\t"
SCORE_FORM = re.compile(r"(\d{1,9})(?:[.,]0*)?")
"""A whole number, as a spreadsheet may write it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a sheet."""

    number: str
    text: Text


@dataclass(frozen=True, slots=True)
class Sheet:
    """One rater's items, and what is asked of each."""

    rater: str
    question: Question
    scale: tuple[int, int]
    language: str
    source_language: str
    has_references: bool
    items: tuple[Item, ...]

    @property
    def answers(self) -> range:
        """All answers that can be given."""
        return range(self.scale[0], self.scale[1] + 1)

    @property
    def has_buttons(self) -> bool:
        """Whether there are few enough of them to be chosen from."""
        return len(self.answers) <= MAX_BUTTONS


def write_sheets(
    folder: Path, key: Key, texts: Sequence[Text], *, has_references: bool
) -> list[Path]:
    """Write `<rater>.csv` and `<rater>.html` for every rater of the key; returns the paths."""
    paths = []
    for rater, entries in key.sheets.items():
        sheet = Sheet(
            rater,
            key.question,
            key.scale,
            key.language,
            "" if key.task.partition("/")[0] == "translation" else key.language,
            has_references,
            tuple(
                Item(item_number(key.export, rater, position), texts[entry.output])
                for position, entry in enumerate(entries, start=1)
            ),
        )
        for name, content in (("csv", render_csv(sheet)), ("html", render_form(sheet))):
            path = folder / f"{rater}.{name}"
            write_text(path, _encodable(content))
            paths.append(path)
    return paths


def render_csv(sheet: Sheet) -> str:
    """The sheet with empty scores. An apostrophe opens texts that a spreadsheet would calculate."""
    lines = "".join(f'{line}""\r\n' for line in _open_lines(sheet))
    return BYTE_ORDER_MARK + _header(sheet) + lines


def render_form(sheet: Sheet) -> str:
    """A page that needs no server, keeps answers in the browser and saves them as the CSV."""
    context: dict[str, object] = {"sheet": sheet, "data": _form_data(sheet)}
    return render_page(
        "rating_form.html.j2", context, scripts=SCRIPTS, styles=(*STYLES, "rating_form.css")
    )


def _form_data(sheet: Sheet) -> Markup:
    """What the form's script needs to write the CSV: each line up to its score."""
    document: JsonObject = {
        "name": sheet.items[0].number.rpartition("-")[0] if sheet.items else sheet.rater,
        "file": f"{sheet.rater}.csv",
        "header": BYTE_ORDER_MARK + _header(sheet),
        "lines": list(_open_lines(sheet)),
        "least": sheet.scale[0],
        "greatest": sheet.scale[1],
    }
    return Markup(json.dumps(document, separators=(",", ":")).translate(ESCAPES))


def _header(sheet: Sheet) -> str:
    references = ["reference"] if sheet.has_references else []
    return _line([ITEM, "source", *references, "output", SCORE]) + "\r\n"


def _open_lines(sheet: Sheet) -> list[str]:
    """Each line of the CSV up to the comma before its score."""
    lines = []
    for item in sheet.items:
        references = ["\n".join(item.text.references)] if sheet.has_references else []
        lines.append(_line([item.number, item.text.source, *references, item.text.output]) + ",")
    return lines


def _line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="").writerow(map(harmless, cells))
    return stream.getvalue()


def _encodable(text: str) -> str:
    """Halves of surrogate pairs, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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

    Raises DataError with file and line for an item of another export, an item with two answers and
    a score outside of the scale, and where there is no answer at all.
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
    """Number, item and score of every line that is not blank."""
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
    """The answer in a cell; None if it is empty."""
    if not cell:
        return None
    match = SCORE_FORM.fullmatch(cell)
    if match is None or not scale[0] <= int(match[1]) <= scale[1]:
        raise DataError(
            f"{location}: score {cell!r} must be a whole number from {scale[0]} to {scale[1]}, or "
            "empty where there is no answer"
        )
    return int(match[1])
