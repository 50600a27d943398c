"""The samples of a board as data within the page, for the script that searches and sorts them.

Refuses to know: how they look (report.js). Nothing in the data can end the element that it is in.
"""

from __future__ import annotations

import json

from markupsafe import Markup

from mtnlg.records import JsonObject, JsonValue
from mtnlg.reporting.display import visible
from mtnlg.reporting.leaderboard import Board
from mtnlg.reporting.samples import BoardSamples, Sample

ESCAPES = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})
"""Marks that a page would read before JSON does; in JSON they only ever stand within text."""


def samples_json(shown: BoardSamples, board: Board, *, source_language: str) -> Markup:
    """The samples with all outputs, and the value of each output by each metric that has some.

    `values[metric][system][row]` is null where there is none; texts have nothing hidden in them.
    """
    document: JsonObject = {
        "language": visible(board.language),
        "source_language": visible(source_language),
        "systems": [
            {"label": visible(output.label), "kind": output.kind}
            for output in (shown.samples[0].outputs if shown.samples else ())
        ],
        "metrics": _metrics(shown, board),
        "rows": [_row(sample) for sample in shown.samples],
    }
    return page_json(document)


def page_json(document: JsonObject) -> Markup:
    """Data as a page can hold it within a script element."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(ESCAPES))


def _metrics(shown: BoardSamples, board: Board) -> list[JsonValue]:
    """The metrics that some output has a value of, in the board's order."""
    metrics: list[JsonValue] = []
    for name in board.metric_names:
        values: list[list[float | None]] = [
            [output.values.get(name) for output in outputs]
            for outputs in zip(*(sample.outputs for sample in shown.samples), strict=True)
        ]
        if any(value is not None for column in values for value in column):
            measured = (row.metrics[name] for row in board.rows if name in row.metrics)
            is_higher_better = all(metric.higher_is_better is not False for metric in measured)
            metrics.append(
                {
                    "name": visible(name),
                    "is_higher_better": is_higher_better,
                    "values": [list(column) for column in values],
                }
            )
    return metrics


def _row(sample: Sample) -> JsonObject:
    return {
        "id": visible(sample.id),
        "source": visible(sample.source),
        "references": [visible(text) for text in sample.references],
        "tags": [visible(tag) for tag in sample.tags],
        "outputs": [
            None if output.text is None else visible(output.text) for output in sample.outputs
        ],
    }
