"""A difference of two runs as plain text.

Refuses to know: where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtnlg.comparing.difference import Moved, RunDifference, TestSetChange
from mtnlg.comparing.runs import Run
from mtnlg.reporting.display import ABSENT, number_text, p_text, value_text, visible
from mtnlg.scoring.terminal import aligned, one_line

LONGEST = 200
"""Characters of a text that are shown."""


def difference_text(first: Run, second: Run, difference: RunDifference) -> str:
    """All of it, with a heading for each part that has something to say."""
    lines = [f"A: {_name(first)}", f"B: {_name(second)}"]
    for heading, found in (
        ("settings", difference.settings),
        ("environment", difference.environment),
    ):
        rows = [
            [
                one_line(one.key),
                *(ABSENT if value is None else _short(value) for value in one.values),
            ]
            for one in found
        ]
        if rows:
            lines += ["", heading, *aligned([["", "A", "B"], *rows])]
        elif not any(one.startswith(heading) for one in difference.missing):
            lines += ["", f"{heading}: the same"]
    for change in difference.test_sets:
        lines += ["", f"{change.task} · {change.test_set}", *_scores(change)]
    if difference.missing:
        lines += ["", *map(one_line, difference.missing)]
    return "\n".join(lines) + "\n"


def _name(run: Run) -> str:
    record = run.record
    status = "" if record.status == "finished" else f", {record.status}: {record.reason}"
    return one_line(f"{record.run_id} ({record.system}{status})")


def _scores(change: TestSetChange) -> Iterator[str]:
    rows = [["", "A", "B", "B - A", "95 %", "p", "p, corrected"]]
    for one in change.metrics:
        unit = one.first.unit
        is_tested = one.low is not None and one.high is not None
        rows.append(
            [
                one.name,
                value_text(one.first),
                value_text(one.second),
                f"{'+' if one.difference > 0 else ''}{number_text(one.difference, unit=unit)}",
                f"[{number_text(one.low, unit=unit)}, {number_text(one.high, unit=unit)}]"
                if is_tested and one.low is not None and one.high is not None
                else "not tested",
                ABSENT if one.p is None else p_text(one.p),
                ABSENT if one.p_holm is None else p_text(one.p_holm),
            ]
        )
    if change.metrics:
        yield from aligned(rows)
        yield f"n = {change.metrics[0].first.num_examples}; paired approximate randomisation"
    for one in change.metrics:
        if one.reason:
            yield one_line(f"{one.name} is not tested: {one.reason}")
    if change.reason:
        yield one_line(f"no examples: {change.reason}")
    for heading, moved in (("B does better", change.better), ("B does worse", change.worse)):
        if moved:
            yield f"where {heading} by {change.main_metric}:"
        for example in moved:
            yield from _example(example)


def _example(example: Moved) -> Iterator[str]:
    before, after = example.values
    yield f"  {one_line(example.id)}: {before:.4g} to {after:.4g}"
    for name, text in (
        ("source", example.source),
        ("reference", example.references[0]),
        ("A", example.first),
        ("B", example.second),
    ):
        yield f"    {name:<10}{_short(text)}"


def _short(text: str) -> str:
    line = one_line(visible(text))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
