"""The boards of a leaderboard.json, as they were written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtnlg.errors import ArtifactError, NewerVersionError
from mtnlg.leaderboard.model import (
    LEADERBOARD_VERSION,
    Board,
    BoardRow,
    Leaderboard,
    PairedTests,
    RowComparison,
)
from mtnlg.leaderboard.ranking import NOT_COMPARABLE, with_ranks
from mtnlg.records.codec import decode
from mtnlg.records.ratings import HumanRatings
from mtnlg.records.scores import MetricScore

Records = list[dict[str, Any]]
Texts = dict[str, dict[str, str]]


def read_boards(path: Path) -> Leaderboard:
    """The boards, without the runs behind them; raises ArtifactError where the file is missing,
    broken, or of another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = decode(decode(document, dict[str, Any]).get("schema_version"), int)
        if version != LEADERBOARD_VERSION:
            kind = NewerVersionError if version > LEADERBOARD_VERSION else ArtifactError
            raise kind(f"schema_version is {version}, and {LEADERBOARD_VERSION} can be read")
        boards = decode(document.get("boards"), Records, at="$.boards")
        return Leaderboard(
            experiment=decode(document.get("experiment"), str, at="$.experiment"),
            command=None,
            boards=tuple(_board(board, f"$.boards[{at}]") for at, board in enumerate(boards)),
            runs=(),
            artifacts_root=path.parent,
        )
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from None
    except (ArtifactError, ValueError, RecursionError) as error:
        kind = type(error) if isinstance(error, ArtifactError) else ArtifactError
        raise kind(f"{path}: cannot be read ({error}); write the report again") from None


def _board(record: dict[str, Any], at: str) -> Board:
    rows = decode(record.get("rows"), Records, at=f"{at}.rows")
    comparisons = decode(record.get("comparisons"), tuple[RowComparison, ...], at=at)
    not_tested = decode(record.get("not_tested"), Texts, at=f"{at}.not_tested")
    ratings = decode(record.get("ratings", []), tuple[HumanRatings, ...], at=f"{at}.ratings")
    read = [_row(row, f"{at}.rows[{index}]") for index, row in enumerate(rows)]
    main_metric = record.get("main_metric")
    names = dict.fromkeys(name for row in read for name in row.metrics)
    tested = dict.fromkeys([*(pair.metric for pair in comparisons), *not_tested])
    return Board(
        **{
            name: decode(record.get(name), str, at=f"{at}.{name}")
            for name in ("task", "test_set", "subset", "language")
        },
        rows=tuple(_ranked(read, main_metric)),
        metric_names=tuple(dict.fromkeys([main_metric, *names])) if main_metric else (),
        tests={
            name: PairedTests(
                tuple(pair for pair in comparisons if pair.metric == name),
                not_tested.get(name, {}),
            )
            for name in tested
        },
        ratings=ratings,
    )


def _row(record: dict[str, Any], at: str) -> BoardRow:
    metrics = decode(record.get("metrics"), dict[str, Any], at=f"{at}.metrics")
    row = decode({**record, "metrics": {}}, BoardRow, at=at)
    scores = {name: _score(metric, at=f"{at}.metrics.{name}") for name, metric in metrics.items()}
    return replace(row, metrics=scores)


def _score(record: object, *, at: str) -> MetricScore:
    """A score, whose values by seed have names of numbers."""
    metric = decode(record, dict[str, Any], at=at)
    values = decode(metric.get("seed_values", {}), dict[str, float], at=f"{at}.seed_values")
    score = decode({**metric, "seed_values": {}}, MetricScore, at=at)
    return replace(score, seed_values={int(seed): value for seed, value in values.items()})


def _ranked(rows: list[BoardRow], main_metric: str | None) -> list[BoardRow]:
    """The rows, the first of which have ranks."""
    is_ranked = [
        main_metric in row.metrics and not (row.reason or "").startswith(NOT_COMPARABLE)
        for row in rows
    ]
    num_ranked = sum(is_ranked)
    return [*with_ranks(rows[:num_ranked], main_metric or ""), *rows[num_ranked:]]
