"""The sheets that raters fill in: for each a CSV for a spreadsheet and a form for a browser, with
the same items in the same order.

No sheet names a system or shows which outputs are of the same one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnlg.ratings.choice import Text
from mtnlg.ratings.key import Key, Question, item_number
from mtnlg.records.files import JsonObject, write_text
from mtnlg.report.csv_table import harmless
from mtnlg.report.page_data import ESCAPES
from mtnlg.report.templates import STYLES, render_page

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of its machine."""
ITEM, SCORE = "item", "score"
"""The columns that are read back; those between them are for the rater alone."""
SCRIPTS = ("elements.js", "rating_form.js")
MAX_BUTTONS = 11
"""Answers that stand as buttons; of a longer scale a number is typed."""


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
    """Write `<rater>.csv` and `<rater>.html` for every rater of the key and give the paths."""
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
    """The sheet with empty scores; a text that a spreadsheet would calculate begins with an
    apostrophe.
    """
    lines = [line + '""' for line in _open_lines(sheet)]
    return BYTE_ORDER_MARK + _header(sheet) + "".join(f"{line}\r\n" for line in lines)


def render_form(sheet: Sheet) -> str:
    """A page that works from a disk, keeps answers in the browser and saves them as that CSV."""
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
    return _line([*_columns(sheet), SCORE]) + "\r\n"


def _columns(sheet: Sheet) -> list[str]:
    return [ITEM, "source", *(["reference"] if sheet.has_references else []), "output"]


def _open_lines(sheet: Sheet) -> list[str]:
    """Each line of the CSV up to the comma before its score."""
    return [
        _line(
            [
                item.number,
                item.text.source,
                *(["\n".join(item.text.references)] if sheet.has_references else []),
                item.text.output,
            ]
        )
        + ","
        for item in sheet.items
    ]


def _line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="").writerow(map(harmless, cells))
    return stream.getvalue()


def _encodable(text: str) -> str:
    """Halves of surrogate pairs, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
