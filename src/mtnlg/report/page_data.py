"""Data within the page for its scripts: the samples of each board, and any two rows side by side.

All tests are computed before; compare.js only subtracts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from markupsafe import Markup

from mtnlg.leaderboard.labels import parse_override
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.leaderboard.samples import BoardSamples, Sample
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.run_config import Difference, differences
from mtnlg.records.scores import MetricScore
from mtnlg.report.display import board_title, difference_text, p_text, pair_text
from mtnlg.report.run_details import run_config
from mtnlg.report.verdicts import comparison_unit, short_verdict
from mtnlg.text.display import visible

CONFIGURATION = "the configurations"
OVERRIDES = "the overrides, since not all configurations were kept"
ESCAPES = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})
"""Marks that a page would read before JSON does; in JSON they only ever occur within strings."""


def page_json(document: JsonObject) -> Markup:
    """Data as a page can hold it within a script element, its texts without hidden characters."""
    shown = _visible(document)
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(ESCAPES))


def _visible(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _visible(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_visible(entry) for entry in value]
    return visible(value) if isinstance(value, str) else value


def samples_json(samples: BoardSamples, board: Board, *, source_language: str) -> Markup:
    """The samples with outputs and, by metric, `values[system][row]`, null where there is none."""
    outputs = samples.samples[0].outputs if samples.samples else ()
    return page_json(
        {
            "language": board.language,
            "source_language": source_language,
            "systems": [{"label": output.label, "kind": output.kind} for output in outputs],
            "metrics": _metrics(samples, board),
            "rows": [_sample(sample) for sample in samples.samples],
        }
    )


def _metrics(samples: BoardSamples, board: Board) -> list[JsonValue]:
    metrics: list[JsonValue] = []
    for name in board.metric_names:
        values: list[JsonValue] = [
            [output.values.get(name) for output in outputs]
            for outputs in zip(*(sample.outputs for sample in samples.samples), strict=True)
        ]
        if any(name in output.values for sample in samples.samples for output in sample.outputs):
            scores = (row.metrics[name] for row in board.rows if name in row.metrics)
            is_higher_better = all(score.higher_is_better is not False for score in scores)
            metrics.append({"name": name, "is_higher_better": is_higher_better, "values": values})
    return metrics


def _sample(sample: Sample) -> JsonObject:
    return {
        "id": sample.id,
        "source": sample.source,
        "references": list(sample.references),
        "tags": list(sample.tags),
        "outputs": [output.text for output in sample.outputs],
    }


def compare_json(anchors: Mapping[str, Board], leaderboard: Leaderboard) -> Markup | None:
    """The boards, by their anchors, with two rows with numbers, if any."""
    positions = {run.run_id: index for index, run in enumerate(leaderboard.runs)}
    whole = {
        (board.task, board.test_set): anchor
        for anchor, board in anchors.items()
        if board.subset == "all"
    }
    boards: list[JsonValue] = [
        _board(board, anchor, positions, f"{whole.get((board.task, board.test_set), '')}-samples")
        for anchor, board in anchors.items()
        if len(_rows(board)) > 1
    ]
    if not boards:
        return None
    compared, settings = run_differences(leaderboard)
    return page_json(
        {
            "boards": boards,
            "settings_of": compared,
            "settings": [[setting.key, list(setting.values)] for setting in settings],
        }
    )


def run_differences(leaderboard: Leaderboard) -> tuple[str, list[Difference]]:
    """What was compared, and the settings that differ, with a value for each run of the launch."""
    configs = [run_config(run, leaderboard) for run in leaderboard.runs]
    known = [config for config in configs if not isinstance(config, str)]
    if len(known) == len(configs):
        return CONFIGURATION, differences(known)
    overrides: list[JsonObject] = [
        dict(map(parse_override, run.overrides)) for run in leaderboard.runs
    ]
    return OVERRIDES, differences(overrides)


def _rows(board: Board) -> list[BoardRow]:
    return [row for row in board.rows if row.metrics]


def _board(board: Board, anchor: str, positions: dict[str, int], samples: str) -> JsonObject:
    """Rows and pairs hold the index of any text that many of them share."""
    rows = _rows(board)
    labels = {row.label: index for index, row in enumerate(rows)}
    comparisons = [pair for tests in board.tests.values() for pair in tests.comparisons]
    tests = list(dict.fromkeys(comparison.test for comparison in comparisons))
    scores = [score for row in rows for score in row.metrics.values()]
    measures = list(dict.fromkeys(map(_measure, scores)))
    return {
        "title": board_title(board),
        "anchor": anchor,
        "samples": samples,
        "metrics": list(board.metric_names),
        "tests": list[JsonValue](tests),
        "rows": [_row(row, board, positions, measures) for row in rows],
        "pairs": [
            {"test": tests.index(comparison.test)} | _pair(comparison, labels, board)
            for comparison in comparisons
        ],
    }


def _row(
    row: BoardRow, board: Board, positions: dict[str, int], measures: Sequence[str]
) -> JsonObject:
    """`run` is the index of the first run of a trained system, whose settings are compared."""
    is_trained = row.kind == "trained" and bool(row.runs)
    scores = [row.metrics.get(name) for name in board.metric_names]
    return {
        "label": row.label,
        "run": positions.get(row.runs[0]) if is_trained else None,
        "num_seeds": len(row.seeds),
        "texts": [None if score is None else pair_text(score) for score in scores],
        "values": [None if score is None else score.value for score in scores],
        "measures": [
            None if score is None else measures.index(_measure(score)) for score in scores
        ],
        "is_percent": [score is not None and score.unit == "0-100" for score in scores],
    }


def _measure(score: MetricScore) -> str:
    """Numbers are comparable only where this is the same."""
    return f"{score.unit}, n = {score.num_examples}, {score.signature}"


def _pair(comparison: RowComparison, labels: dict[str, int], board: Board) -> JsonObject:
    """The difference is better - worse, and `turned` worse - better."""
    unit = comparison_unit(comparison, board)
    turned = replace(
        comparison,
        difference=-comparison.difference,
        low=-comparison.high,
        high=-comparison.low,
    )
    return {
        "better": labels[comparison.better],
        "worse": labels[comparison.worse],
        "metric": comparison.metric,
        "difference": difference_text(comparison, unit=unit),
        "turned": difference_text(turned, unit=unit),
        "p": p_text(comparison.p),
        "p_holm": p_text(comparison.p_holm),
        "verdict": short_verdict(comparison, board),
    }
