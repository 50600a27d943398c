"""Any two rows of a board beside each other, as data within the page for the script that lets the
reader choose them.

Refuses to know: how it looks (compare.js). Whatever was tested is tested before; nothing is worked
out in the page but plain differences.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.leaderboard.samples import BoardSamples, Sample
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.run_config import Difference, differences
from mtnlg.records.scores import MetricScore
from mtnlg.report.display import board_title, difference_text, p_text, pair_text
from mtnlg.report.run_details import run_config
from mtnlg.text.visible import visible

CONFIGURATION = "the configurations"


ASKED_FOR = "what was asked for, since the configurations are not all kept"


def compare_json(leaderboard: Leaderboard, anchors: Sequence[str]) -> Markup | None:
    """The boards, of which the anchors are given, with at least two rows with numbers; None where
    there is none.
    """
    places = {run.run_id: place for place, run in enumerate(leaderboard.runs)}
    whole = {
        (board.task, board.test_set): anchor
        for board, anchor in zip(leaderboard.boards, anchors, strict=True)
        if board.subset == "all"
    }
    boards: list[JsonValue] = [
        _board(board, places, f"{whole.get((board.task, board.test_set), '')}-samples")
        for board in leaderboard.boards
        if len(_rows(board)) > 1
    ]
    if not boards:
        return None
    of, settings = run_differences(leaderboard)
    return page_json(
        {
            "boards": boards,
            "settings_of": of,
            "settings": [
                [visible(one.key), [_shown(value) for value in one.values]] for one in settings
            ],
        }
    )


def run_differences(leaderboard: Leaderboard) -> tuple[str, list[Difference]]:
    """The settings in which the runs of a launch differ, in the order of these, and what they are
    read from.
    """
    configs = [run_config(run, leaderboard) for run in leaderboard.runs]
    known = [config for config in configs if not isinstance(config, str)]
    if len(known) == len(configs):
        return CONFIGURATION, differences(known)
    words = [
        [text.lstrip("+~").partition("=") for text in run.overrides] for run in leaderboard.runs
    ]
    asked: list[JsonObject] = [{name: value for name, _, value in own} for own in words]
    return ASKED_FOR, differences(asked)


def _rows(board: Board) -> list[BoardRow]:
    return [row for row in board.rows if row.metrics]


def _board(board: Board, places: dict[str, int], samples: str) -> JsonObject:
    """Of every text that many rows or pairs share the rows hold its place."""
    rows = _rows(board)
    labels = {row.label: place for place, row in enumerate(rows)}
    tests = list(dict.fromkeys(one.test for one in board.comparisons))
    scores = [score for row in rows for score in row.metrics.values()]
    measures = list(dict.fromkeys(map(_measure, scores)))
    return {
        "title": visible(board_title(board)),
        "samples": samples,
        "metrics": [visible(name) for name in board.metric_names],
        "tests": [visible(test) for test in tests],
        "rows": [_row(row, board, places, measures) for row in rows],
        "pairs": [
            {"test": tests.index(one.test)}
            | _pair(one, labels, rows[labels[one.better]].metrics[one.metric].unit)
            for one in board.comparisons
        ],
    }


def _row(
    row: BoardRow, board: Board, places: dict[str, int], measures: Sequence[str]
) -> JsonObject:
    """`run` is the first run of a system of ours, whose settings are compared."""
    is_ours = row.kind == "trained" and bool(row.runs)
    metrics = [row.metrics.get(name) for name in board.metric_names]
    return {
        "label": visible(row.label),
        "run": places.get(row.runs[0]) if is_ours else None,
        "num_seeds": len(row.seeds),
        "texts": [None if one is None else visible(pair_text(one)) for one in metrics],
        "values": [None if one is None else one.value for one in metrics],
        "measures": [None if one is None else measures.index(_measure(one)) for one in metrics],
        "is_percent": [one is not None and one.unit == "0-100" for one in metrics],
    }


def _measure(score: MetricScore) -> str:
    """Numbers are held against each other where this is the same."""
    return f"{score.unit}, n = {score.num_examples}, {score.signature}"


def _pair(one: RowComparison, labels: dict[str, int], unit: str) -> JsonObject:
    """The difference as the better less the worse, and as the worse less the better."""
    turned = replace(one, difference=-one.difference, low=-one.high, high=-one.low)
    return {
        "better": labels[one.better],
        "worse": labels[one.worse],
        "metric": visible(one.metric),
        "difference": difference_text(one, unit=unit),
        "turned": difference_text(turned, unit=unit),
        "p": p_text(one.p),
        "p_holm": p_text(one.p_holm),
        "is_apart": one.is_significant,
    }


def _shown(value: str | None) -> str | None:
    return None if value is None else visible(value)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows of a board, the better one first."""

    better: str
    worse: str
    comparison: RowComparison
    difference: str
    p: str
    p_holm: str
    settings: tuple[tuple[str, str], ...]
    """What was asked for of the one and of the other, where that differs."""


def board_pairs(board: Board) -> list[Pair]:
    """The pairs in the order of the ranking."""
    rows = {row.label: row for row in board.ranked}
    return [
        Pair(
            one.better,
            one.worse,
            one,
            difference_text(one, unit=rows[one.better].metrics[one.metric].unit),
            p_text(one.p),
            p_text(one.p_holm),
            _settings(rows[one.better], rows[one.worse]),
        )
        for one in board.comparisons
    ]


def _settings(better: BoardRow, worse: BoardRow) -> tuple[tuple[str, str], ...]:
    """Overrides that only one of the two has; none where one is no run of ours."""
    if better.kind != "trained" or worse.kind != "trained":
        return ()
    own, other = ([word for word in row.overrides if not _is_seed(word)] for row in (better, worse))
    return tuple(
        (word, next((one for one in other if _name(one) == _name(word)), ""))
        for word in own
        if word not in other
    )


def _name(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _is_seed(word: str) -> bool:
    return _name(word) == "seed"


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
        "rows": [_sample(sample) for sample in shown.samples],
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


def _sample(sample: Sample) -> JsonObject:
    return {
        "id": visible(sample.id),
        "source": visible(sample.source),
        "references": [visible(text) for text in sample.references],
        "tags": [visible(tag) for tag in sample.tags],
        "outputs": [
            None if output.text is None else visible(output.text) for output in sample.outputs
        ],
    }
