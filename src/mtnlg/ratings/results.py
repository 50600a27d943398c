"""The ratings of a board's systems, from the answers in the sheets."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from mtnlg.leaderboard.model import Board
from mtnlg.ratings.analysis import (
    INTERVAL,
    agreement,
    first_answers,
    rate_systems,
    rater_records,
    system_scores,
)
from mtnlg.ratings.answers import read_answers
from mtnlg.ratings.key import Key
from mtnlg.ratings.metrics import rate_metrics
from mtnlg.records.ratings import HumanRatings


def rate(key: Key, folder: Path, board: Board, artifacts_root: Path) -> HumanRatings:
    """The ratings that the answers in a folder of sheets give to the systems of a board."""
    answers = read_answers(folder, key)
    first = first_answers(key, answers)
    rated, tested = rate_systems(key, first)
    alpha, distances = agreement(key, first)
    return HumanRatings(
        task=key.task,
        test_set=key.test_set,
        name=key.question.name,
        question=key.question.text,
        lowest=key.question.lowest,
        highest=key.question.highest,
        least=key.scale[0],
        greatest=key.scale[1],
        signature=(
            f"scale:{key.scale[0]}-{key.scale[1]}|sources:{len(key.rows)}|"
            f"raters:{len(key.sheets)}|per_item:{key.raters_per_item}|seed:{key.seed}|"
            f"export:{key.export}"
        ),
        interval=INTERVAL,
        test=tested.test,
        test_reason=tested.reason,
        systems=tuple(rated),
        alpha=alpha,
        interval_alpha=distances,
        raters=tuple(rater_records(key, answers)),
        metrics=tuple(
            rate_metrics(
                key, board, rated, system_scores(key, first), artifacts_root=artifacts_root
            )
        ),
        remarks=tuple(_remarks(key)),
    )


def _remarks(key: Key) -> list[str]:
    """How often two systems gave the same output, and shared its ratings."""
    shared = {
        pair: sum(set(pair) <= set(output.systems) for output in key.outputs)
        for pair in combinations([system.label for system in key.systems], 2)
    }
    pairs = [f"{left} and {right} {count}" for (left, right), count in shared.items() if count]
    if not pairs:
        return []
    return [
        f"outputs that were the same, and rated once for both: {', '.join(pairs)} "
        f"of {len(key.rows)} sources"
    ]
