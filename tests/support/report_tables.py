"""The boards of a written report, read back out of each format by a parser of that format, so that
tests can say the same of all of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

from mtnlg.report.latex import COMMANDS as LATEX_COMMANDS

ABSENT = "–"
VOID = {"meta", "link", "wbr", "br", "line", "circle", "polyline", "polygon", "path", "rect"}
"""Elements of ours that have no end, in HTML or as they stand in our drawings."""


@dataclass(frozen=True)
class ReadRow:
    """One row of a board as a reader has it."""

    rank: str
    text: str
    """All of its cells in plain text, with its reason."""


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, and the texts of its tables.

    Raises AssertionError where an element is not closed by its own end.
    """

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.elements.append((tag, tuple(sorted(found))))
        if tag == "script":
            self.scripts.append((found, ""))
        if tag == "table":
            self.tables.append((found.get("class") or "", []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][1][-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(dict(attributes)))))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["script"]:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data
        elif self._open[-1:] != ["style"]:
            self.text += data
            if "table" in self._open and self.tables[-1][1] and self.tables[-1][1][-1]:
                self.tables[-1][1][-1][-1] += data


def rows_of_html(report: str) -> list[ReadRow]:
    """A reason that has a line of its own belongs to the row above it."""
    rows: list[ReadRow] = []
    (found,) = (lines for kind, lines in Skeleton(report).tables if kind.startswith("ranking"))
    for cells in found[1:]:
        first, *rest = (" ".join(cell.split()) for cell in cells)
        if first:
            rows.append(ReadRow(first, " ".join(rest)))
        else:
            rows[-1] = ReadRow(rows[-1].rank, f"{rows[-1].text} {' '.join(rest)}")
    return rows


def cells_of_markdown(line: str) -> list[str]:
    """The cells of a line, split where a pipe is not escaped, as they read."""
    cells = re.findall(r"((?:[^|\\]|\\.)*)\|", line.removeprefix("|"))
    return [re.sub(r"\\(.)", r"\1", cell).strip() for cell in cells]


def rows_of_markdown(report: str) -> list[ReadRow]:
    block = next(one for one in report.split("\n\n") if one.startswith("| rank"))
    rows = [cells_of_markdown(line) for line in block.splitlines()]
    assert {len(cells) for cells in rows} == {len(rows[0])}, "every line has all cells"
    return [ReadRow(cells[0], " ".join(cells[1:])) for cells in rows[2:]]


def rows_of_csv(report: str) -> list[ReadRow]:
    rows: dict[str, ReadRow] = {}
    for record in csv.DictReader(io.StringIO(report, newline="")):
        assert None not in record, "no line has more cells than the header"
        assert None not in record.values(), "no line has fewer"
        rows.setdefault(
            record["label"], ReadRow(record["rank"] or ABSENT, " ".join(record.values()))
        )
    return list(rows.values())


def rows_of_json(report: str) -> list[ReadRow]:
    """A row of JSON has no rank: it is by its place, among those that are compared."""
    (board,) = json.loads(report)["boards"]
    tested = {label for one in board["comparisons"] for label in (one["better"], one["worse"])}
    found = []
    for row in board["rows"]:
        reasons = [by_label.get(row["label"]) for by_label in board["not_tested"].values()]
        is_ranked = row["label"] in tested or any(reasons)
        text = json.dumps([row, *reasons], ensure_ascii=False)
        found.append(ReadRow("ranked" if is_ranked else ABSENT, text))
    return found


def plain_of_latex(text: str) -> str:
    """What LaTeX prints of escaped text."""
    for mark, command in sorted(LATEX_COMMANDS.items(), key=lambda item: -len(item[1])):
        text = text.replace(command, mark)
    return text


def rows_of_latex(report: str) -> list[ReadRow]:
    """The lines of the tabular, to which a row's reason below the table is added."""
    lines = [line for line in report.replace(r"\allowbreak{}", "").splitlines() if line[:1] != "%"]
    notes = [plain_of_latex(line) for line in lines if line.startswith(r"\par")]
    rows = []
    for line in [one for one in lines if one.endswith(r" \\")][1:]:
        rank, label, *rest = re.split(r"(?<!\\) & ", line.removesuffix(r" \\"))
        label = plain_of_latex(label.removeprefix(r"\raggedright "))
        own = [note for note in notes if f"{label}:" in note or f" {label}" in note]
        rows.append(ReadRow(rank, " ".join([label, *map(plain_of_latex, rest), *own])))
    return rows


READERS: dict[str, Callable[[str], list[ReadRow]]] = {
    "index.html": rows_of_html,
    "leaderboard.md": rows_of_markdown,
    "leaderboard.csv": rows_of_csv,
    "leaderboard.json": rows_of_json,
    "leaderboard.tex": rows_of_latex,
}
