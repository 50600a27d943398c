"""Human ratings beside the boards that they are of. Those that cannot be shown are listed with the
runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mtnlg.errors import ArtifactError
from mtnlg.leaderboard.model import Board
from mtnlg.records.places import RATINGS_FILE, experiment_folder
from mtnlg.records.ratings import HumanRatings, read_ratings
from mtnlg.records.runs import RunRecord

GONE = "its outputs are no longer on this board: {}"


def with_ratings(
    boards: Iterable[Board], experiment: str, *, runs_root: Path
) -> tuple[tuple[Board, ...], tuple[RunRecord, ...]]:
    """The boards with the ratings of their systems, and a failed run for a broken file or for each
    rating without a board.
    """
    boards = tuple(boards)
    try:
        ratings = read_ratings(experiment, runs_root=runs_root)
    except (ArtifactError, OSError) as error:
        folder = str(experiment_folder(runs_root, experiment)).rstrip("/")
        cause = str(error).replace(folder, experiment)
        return boards, (_fault(cause),)
    rated_boards = tuple(
        replace(
            board,
            ratings=tuple(_named(rating, board) for rating in ratings if _is_of(rating, board)),
        )
        for board in boards
    )
    lost = [rating for rating in ratings if not any(_is_of(rating, board) for board in boards)]
    return rated_boards, tuple(
        _fault(f"{rating.name} of {rating.task}, {rating.test_set}: the launch has no such board")
        for rating in lost
    )


def _is_of(ratings: HumanRatings, board: Board) -> bool:
    """True for the board of all examples of their test set."""
    rated = (ratings.task, ratings.test_set, "all")
    return rated == (board.task, board.test_set, board.subset)


def _named(ratings: HumanRatings, board: Board) -> HumanRatings:
    """The ratings with their systems called as the board calls them."""
    labels = {row.predictions[0]: row.label for row in board.rows if row.predictions}
    systems = tuple(
        replace(system, label=labels.get(system.predictions, system.label))
        for system in ratings.systems
    )
    several = [row.label for row in board.rows if len(row.seeds) > 1]
    remarks: Sequence[str] = [
        *ratings.remarks,
        *(GONE.format(system.label) for system in systems if system.predictions not in labels),
        *(
            f"{system.label}: the outputs of its first seed"
            for system in systems
            if system.label in several and system.predictions in labels
        ),
    ]
    return replace(ratings, systems=systems, remarks=tuple(remarks))


def _fault(reason: str) -> RunRecord:
    return RunRecord(RATINGS_FILE.name, "failed", reason, "human ratings")
