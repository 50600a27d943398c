"""`mtnlg diff A B`: what differs between two runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from mtnlg.cli.command import Subparsers, add_command, add_roots
from mtnlg.text.display import aligned, one_line, visible

if TYPE_CHECKING:
    from mtnlg.provenance.difference import MetricChange, Moved, RunDifference, TestSetChange
    from mtnlg.provenance.manifest import Run
    from mtnlg.records.files import JsonObject
    from mtnlg.records.run_config import Difference

LONGEST = 200
"""Characters of a text that are shown."""


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Compare two runs: settings, environment, scores by paired tests on the same "
        "examples, and the examples that moved most.",
    )
    for name in ("A", "B"):
        parser.add_argument(name, help="a run's folder, its id, or the beginning of its id")
    parser.add_argument("--json", action="store_true", help="for programs")
    add_roots(parser, ["runs", "artifacts"])


def run(options: argparse.Namespace) -> None:
    """Print the difference, even if there is none."""
    from mtnlg.provenance.difference import compare_runs
    from mtnlg.provenance.manifest import find_run

    first, second = (find_run(word, runs_root=options.runs_root) for word in (options.A, options.B))
    difference = compare_runs(first, second, artifacts_root=options.artifacts_root)
    if options.json:
        document = _document(first, second, difference)
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(first, second, difference)))


def _document(first: Run, second: Run, difference: RunDifference) -> JsonObject:
    from mtnlg.records.files import SCHEMA_VERSION

    return {
        "schema_version": SCHEMA_VERSION,
        "a": first.record.run_id,
        "b": second.record.run_id,
        **{
            name: {row.key: dict(zip("ab", row.values, strict=True)) for row in rows}
            for name, rows in _differences(difference)
        },
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


def _lines(first: Run, second: Run, difference: RunDifference) -> Iterator[str]:
    """The whole difference, with a heading for each part that has something to say."""
    from mtnlg.report.display import ABSENT

    yield f"A: {_name(first)}"
    yield f"B: {_name(second)}"
    for heading, differences in _differences(difference):
        rows = [
            [one_line(row.key), *(ABSENT if text is None else _short(text) for text in row.values)]
            for row in differences
        ]
        if rows:
            yield from ("", heading, *aligned([["", "A", "B"], *rows]))
        elif not any(row.startswith(heading) for row in difference.missing):
            yield from ("", f"{heading}: the same")
    for change in difference.test_sets:
        yield from ("", f"{change.task} · {change.test_set}", *_scores(change))
    if difference.missing:
        yield from ("", *map(one_line, difference.missing))


def _differences(difference: RunDifference) -> list[tuple[str, tuple[Difference, ...]]]:
    """What two runs can differ in besides their scores, by name."""
    return [("settings", difference.settings), ("environment", difference.environment)]


def _name(run: Run) -> str:
    record = run.record
    status = "" if record.status == "finished" else f", {record.status}: {record.reason}"
    return one_line(f"{record.run_id} ({record.system}{status})")


def _scores(change: TestSetChange) -> Iterator[str]:
    rows = [["", "A", "B", "B - A", "95 %", "p", "p, corrected"], *map(_cells, change.metrics)]
    if change.metrics:
        yield from aligned(rows, numbers=range(1, 4))
        yield (
            f"n = {change.metrics[0].first.num_examples}; paired approximate randomization, which "
            "compares these model files: another training may differ"
        )
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


def _cells(metric: MetricChange) -> list[str]:
    """One metric's row of the table."""
    from mtnlg.report.display import ABSENT, number_text, p_text, value_text

    unit = metric.first.unit
    sign = "+" if metric.difference > 0 else ""
    interval = "not tested"
    if metric.low is not None and metric.high is not None:
        low, high = (number_text(end, unit=unit) for end in (metric.low, metric.high))
        interval = f"[{low}, {high}]"
    return [
        metric.name,
        value_text(metric.first),
        value_text(metric.second),
        f"{sign}{number_text(metric.difference, unit=unit)}",
        interval,
        *(ABSENT if p is None else p_text(p) for p in (metric.p, metric.p_holm)),
    ]


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
