"""The results as one JSON document, and from it the board as Markdown and as a page with bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from mtnlg.benchmark.measurement import Row
from mtnlg.records.files import read_json, write_json, write_text
from mtnlg.report.charts import Scale
from mtnlg.report.templates import render_page

JSON_FILE, MARKDOWN_FILE, PAGE_FILE = "benchmark.json", "benchmark.md", "index.html"
TITLE = "mtnlg beside its peers"
LEAD = (
    "A ratio is our speed divided by the peer's: above 1, ours is faster. Values are the median of "
    "the alternations, with the least and the largest in brackets. The main measure is processor "
    "time, which other work on a machine changes least; the wall clock stands beside it. Outputs "
    "are compared first."
)
BAR_START, BAR_END = 8.0, 432.0
WIDEST = 2.0
"""Least reach of the bars' scale on each side of 1, as a factor."""


class Group(NamedTuple):
    """The rows of a group, and when and how they were measured."""

    name: str
    facts: str
    rows: list[Row]


def save(folder: Path, machine: Mapping[str, object], groups: Mapping[str, Any]) -> None:
    """Write the three files. Groups that an earlier benchmark measured here stay, unless it was on
    another machine.
    """
    path, everything = folder / JSON_FILE, dict(groups)
    folder.mkdir(parents=True, exist_ok=True)
    if path.is_file() and (earlier := read_json(path)).get("machine") == machine:
        everything = {**dict(earlier["groups"]), **groups}  # type: ignore[arg-type]
    write_json(path, {"machine": machine, "groups": everything})
    listed = read_groups(path)
    write_text(folder / MARKDOWN_FILE, markdown(machine, listed))
    context = {"title": TITLE, "lead": LEAD, "machine": _facts(machine), "groups": listed}
    page = render_page(
        "benchmark.html.j2",
        {**context, "bars": bars, "text": value_text, "verdict": verdict},
        scripts=(),
    )
    write_text(folder / PAGE_FILE, page)


def group_record(rows: Sequence[Row], facts: Mapping[str, object]) -> dict[str, Any]:
    """A group as it stands in the document."""
    return {"facts": dict(facts), "rows": [asdict(row) for row in rows]}


def read_groups(path: Path) -> list[Group]:
    """The groups of a document."""
    groups: dict[str, Any] = read_json(path)["groups"]  # type: ignore[assignment]
    return [
        Group(name, _facts(record["facts"]), msgspec.convert(record["rows"], list[Row]))
        for name, record in groups.items()
    ]


def _facts(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


def value_text(row: Row, clock: str) -> str:
    """The median, least and largest value, with the unit."""
    values: Sequence[float] = getattr(row, clock)
    if not values:
        return ""
    unit = "" if row.unit == "ratio" else f" {row.unit}"
    return f"{median(values):.2f}{unit} [{min(values):.2f}, {max(values):.2f}]"


def verdict(row: Row) -> str:
    """The target and whether it is reached."""
    if row.target is None:
        return ""
    sign = "≤" if row.unit == "s" else "≥"
    reached = {True: ", reached", False: ", not reached", None: ""}[row.is_reached]
    return f"{sign} {row.target:g}{reached}{' (wall)' if row.clock == 'wall' else ''}"


def row_line(row: Row) -> str:
    """A row on the terminal."""
    if row.status != "measured":
        return f"{row.name}: {row.status.upper()}: {row.check}"
    parts = [value_text(row, "processor"), f"wall {value_text(row, 'wall')}", row.check]
    goal = verdict(row)
    return f"{row.name}: {'; '.join(filter(None, [*parts, goal and f'target {goal}']))}"


def markdown(machine: Mapping[str, object], groups: Sequence[Group]) -> str:
    """The board as tables."""
    lines = [f"# {TITLE}", "", LEAD, "", f"Hardware: {_facts(machine)}."]
    for group in groups:
        lines += ["", f"## {group.name.capitalize()}", "", f"Measured: {group.facts}.", ""]
        lines += ["| case | peer | processor time | wall clock | outputs | target |"]
        lines += ["|---|---|---|---|---|---|"]
        for row in group.rows:
            check = row.check if row.status == "measured" else f"**{row.status}**: {row.check}"
            cells = [
                row.case,
                row.peer,
                *(value_text(row, clock) for clock in ("processor", "wall")),
            ]
            lines.append("| " + " | ".join([*cells, check, verdict(row)]).replace("  ", " ") + " |")
    return "\n".join(lines) + "\n"


class Bar(NamedTuple):
    """A row of a chart: where its bar and its spread end, and its text."""

    row: Row
    end: float
    low: float
    high: float
    goal: float | None
    verdict: str


def bars(group: Group) -> tuple[Scale, list[Bar]] | None:
    """The ratios of a group from 1 to both sides on a logarithmic scale; None without ratios."""
    rows = [row for row in group.rows if row.unit == "ratio" and row.values]
    if not rows:
        return None
    ends = [end for row in rows for end in (*row.values, row.target or 1.0)]
    low, high = min(*ends, 1 / WIDEST), max(*ends, WIDEST)
    scale = Scale(math.log10(low), math.log10(high), BAR_START, BAR_END, is_log=True)
    return scale, [
        Bar(
            row,
            scale.at(median(row.values)),
            scale.at(min(row.values)),
            scale.at(max(row.values)),
            None if row.target is None else scale.at(row.target),
            verdict(row),
        )
        for row in rows
    ]
