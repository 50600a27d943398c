"""Tables of texts: what separates their cells, and whether their first row names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace

from mtnlg.records.request import Head, Shape

SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
USUAL_NAMES = """
id ids idx index no line segment seg segment_id sentence sentence_id source sources src
source_text target targets tgt trg target_text reference references ref refs reference_text
prediction predictions pred preds hypothesis hypotheses hyp hyps translation translations mt
output outputs text texts score scores summary summaries highlights article document dialogue
dialog response input label candidate system gold answer
"""
COLUMN_NAMES = frozenset(USUAL_NAMES.split())
"""What columns are usually called."""
NAME = re.compile(r"[^\W\d][\w.-]*(?: [\w.-]+)?(?<!\.)")
"""A name of a column, of one or two words."""
LEAST_ROWS = 10
"""Fewer may all differ from the first by chance."""


def find_table(head: Head) -> Shape | None:
    if head.ending in ("tsv", "csv"):
        return table_shape(head, head.ending)
    first = next((line for line in head.lines if not line.startswith("sep=")), "")
    for separator, words in SEPARATORS.items():
        if separator not in first and '"' not in first:
            continue  # its first row would be of one cell
        rows = _rows(head, separator)
        if len(rows) < 2 or len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
            continue
        known = [cell.strip().lower() in COLUMN_NAMES for cell in rows[0]]
        is_named = all(NAME.fullmatch(cell.strip()) for cell in rows[0])
        has_header = is_named and (head.field in rows[0] or sum(known) > 1 or all(known))
        if has_header or (separator == "\t" and head.field.isdecimal()):
            shape = table_shape(head, "tsv" if separator == "\t" else "csv")
            return replace(shape, what=shape.what or f"a table separated by {words}")
    return None


def table_shape(head: Head, format_name: str) -> Shape:
    """How a table is read: its separator, and whether its first row names the columns."""
    separator = "\t" if format_name == "tsv" else _separator(head)
    rows = _rows(head, separator)
    has_header = len(rows) > 1 and _is_header(rows[0], rows[1:])
    table = f"a table separated by {SEPARATORS.get(separator, separator)}"
    what = "" if separator in "\t," else table
    if has_header and head.field.isdecimal():
        what = f"{table} whose line 1 names the columns ({', '.join(rows[0])[:80]})"
    return Shape(format=format_name, what=what, separator=separator, has_header=has_header)


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row names columns: by a usual name, a word above a column of numbers, or words
    above rows of which none has only such words.
    """
    if not all(NAME.fullmatch(cell.strip()) for cell in first if cell.strip()):
        return False
    if any(cell.strip().lower() in COLUMN_NAMES for cell in first):
        return True
    numeric = [
        all(_is_number(row[index : index + 1]) for row in rows) for index in range(len(first))
    ]
    is_only = len(rows) >= LEAST_ROWS and len({*first}) == len(first) > 1
    return any(numeric) or (is_only and not any(all(map(_is_name, row)) for row in rows))


def _is_name(cell: str) -> bool:
    return NAME.fullmatch(cell.strip()) is not None


def _is_number(cells: Sequence[str]) -> bool:
    return bool(cells) and re.fullmatch(r"\s*-?\d+(?:[.,]\d+)?\s*", cells[0]) is not None


def _separator(head: Head) -> str:
    """What separates the cells of a table: of the usual ones, the one that gives all rows the same
    number of cells, as many as possible.
    """

    def fit(separator: str) -> tuple[bool, bool, int]:
        widths = [len(row) for row in _rows(head, separator)]
        names = _rows(head, separator)[:1]
        return (
            any(head.field in row for row in names),
            len(set(widths)) == 1,
            min(widths, default=1),
        )

    if stated := re.match(r"sep=(.)\s*\n", head.text):
        return stated[1]
    best = max(",;\t|", key=fit)
    return best if fit(best)[2] > 1 else ","


def _rows(head: Head, separator: str) -> list[list[str]]:
    """The first complete rows."""
    lines = [line for line in head.lines if not line.startswith("sep=")]
    if separator == "\t":
        return [line.split("\t") for line in lines]
    try:
        rows = list(csv.reader([f"{line}\n" for line in lines], delimiter=separator))
    except csv.Error:
        return []
    return rows if head.is_whole else rows[:-1]
