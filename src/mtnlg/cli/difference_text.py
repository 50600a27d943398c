"""The difference of two runs, as lines for a terminal and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from mtnlg.provenance.difference import MetricChange, Moved, RunDifference, TestSetChange
from mtnlg.provenance.find_run import Run
from mtnlg.records.files import SCHEMA_VERSION, JsonObject
from mtnlg.records.run_config import Difference
from mtnlg.report.display import ABSENT, number_text, p_text, value_text
from mtnlg.text.terminal import aligned, one_line
from mtnlg.text.visible import visible


def difference_document(first: Run, second: Run, difference: RunDifference) -> JsonObject:
    return {
        "schema_version": SCHEMA_VERSION,
        "a": first.record.run_id,
        "b": second.record.run_id,
        "settings": {row.key: _values(row) for row in difference.settings},
        "environment": {row.key: _values(row) for row in difference.environment},
        "test_sets": [
            {
                "task": change.task,
                "test_set": change.test_set,
                "metrics": {metric.name: _metric(metric) for metric in change.metrics},
                "better": [asdict(example) for example in change.better],
                "worse": [asdict(example) for example in change.worse],
                "reason": change.reason,
            }
            for change in difference.test_sets
        ],
        "missing": list(difference.missing),
    }


def _values(row: Difference) -> JsonObject:
    return dict(zip(("a", "b"), row.values, strict=True))


def _metric(change: MetricChange) -> JsonObject:
    return {
        "a": change.first.to_json(),
        "b": change.second.to_json(),
        "difference": change.difference,
        "low": change.low,
        "high": change.high,
        "p": change.p,
        "p_holm": change.p_holm,
        "reason": change.reason,
    }


LONGEST = 200
"""Characters of a text that are shown."""


def difference_text(first: Run, second: Run, difference: RunDifference) -> str:
    """All of it, with a heading for each part that has something to say."""
    lines = [f"A: {_name(first)}", f"B: {_name(second)}"]
    for heading, differences in (
        ("settings", difference.settings),
        ("environment", difference.environment),
    ):
        rows = [
            [
                one_line(row.key),
                *(ABSENT if value is None else _short(value) for value in row.values),
            ]
            for row in differences
        ]
        if rows:
            lines += ["", heading, *aligned([["", "A", "B"], *rows])]
        elif not any(row.startswith(heading) for row in difference.missing):
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
    for metric in change.metrics:
        unit = metric.first.unit
        sign = "+" if metric.difference > 0 else ""
        is_tested = metric.low is not None and metric.high is not None
        rows.append(
            [
                metric.name,
                value_text(metric.first),
                value_text(metric.second),
                f"{sign}{number_text(metric.difference, unit=unit)}",
                f"[{number_text(metric.low, unit=unit)}, {number_text(metric.high, unit=unit)}]"
                if is_tested and metric.low is not None and metric.high is not None
                else "not tested",
                ABSENT if metric.p is None else p_text(metric.p),
                ABSENT if metric.p_holm is None else p_text(metric.p_holm),
            ]
        )
    if change.metrics:
        yield from aligned(rows, numbers=range(1, 4))
        yield f"n = {change.metrics[0].first.num_examples}; paired approximate randomization"
    for metric in change.metrics:
        if metric.reason:
            yield one_line(f"{metric.name} is not tested: {metric.reason}")
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
