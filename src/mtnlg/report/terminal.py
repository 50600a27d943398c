"""The table of `mtnlg score` for a terminal: aligned plain text, and beneath it what the numbers
stand on.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator, Sequence

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE
from mtnlg.leaderboard.file_board import SystemScores, Table
from mtnlg.report.display import ABSENT, interval_text, value_text
from mtnlg.text.visible import visible

GAP = "  "


def table_text(table: Table) -> str:
    """The table, best system first, and its notes."""
    header = ["system"]
    for name in table.metric_names:
        header += [name, "interval", "group"]
    rows = [[one_line(system.name), *_cells(system, table)] for system in table.ranked]
    return (
        "\n".join([*aligned([header, *rows], numbers=range(1, len(header), 3)), "", *_notes(table)])
        + "\n"
    )


def _cells(system: SystemScores, table: Table) -> Iterator[str]:
    for name in table.metric_names:
        if name in system.metrics:
            metric = system.metrics[name]
            yield from (value_text(metric), interval_text(metric))
            yield system.groups.get(name, ABSENT)
        else:
            yield from (ABSENT, "not computed", ABSENT)


def aligned(rows: Sequence[Sequence[str]], *, numbers: Container[int] = ()) -> Iterator[str]:
    """Columns of one width each, those of numbers to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            " " * (width - _width(cell)) + cell
            if place in numbers
            else cell + " " * (width - _width(cell))
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield GAP.join(cells).rstrip()


def _notes(table: Table) -> Iterator[str]:
    for name, signature in table.signatures.items():
        yield f"{name}: {signature}"
    yield f"n = {table.num_examples}"
    yield from _intervals(table)
    yield from _groups(table)
    for system in table.systems:
        for name, reason in system.left_out.items():
            yield one_line(f"{name} of {system.name} is not computed: {reason}")


def _intervals(table: Table) -> Iterator[str]:
    """How intervals were made, or why there is none, once where it is the same for all."""
    notes = dict.fromkeys(
        f"interval: {metric.interval}"
        if metric.interval
        else f"{name} has no interval: {metric.interval_reason}"
        for system in table.systems
        for name, metric in system.metrics.items()
    )
    yield from notes


def _groups(table: Table) -> Iterator[str]:
    """What the letters mean, and why there are none."""
    tested = [comparisons for comparisons in table.comparisons.values() if comparisons]
    if tested:
        most = max(tested, key=len)
        corrected = f", Holm-corrected over {len(most)} pairs" if len(most) > 1 else ""
        yield (
            "group: systems that share a letter are not told apart by that metric "
            f"({most[0].test}{corrected}, at {SIGNIFICANCE:.0%})"
        )
    if len(table.systems) > 1:
        reasons = dict.fromkeys(
            f"{name} is not tested for {system}: {reason}"
            for name, by_system in table.not_tested.items()
            for system, reason in by_system.items()
        )
        yield from map(one_line, reasons)


def one_line(text: str) -> str:
    """The text without line ends and what a terminal would obey."""
    return visible(text).replace("\n", "⏎").replace("\t", " ")


def _width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )
