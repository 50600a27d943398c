"""Any two rows of a board beside each other, as data within the page for the script that lets the
reader choose them.

Refuses to know: how it looks (compare.js). Whatever was tested is tested before; nothing is worked
out in the page but plain differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from mtnlg.records import JsonObject, JsonValue
from mtnlg.reporting.display import board_title, difference_text, p_text, pair_text, visible
from mtnlg.reporting.leaderboard import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.reporting.run_config import Difference, differences
from mtnlg.reporting.run_details import run_config
from mtnlg.reporting.sample_data import page_json
from mtnlg.reporting.scores import MetricScore

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
