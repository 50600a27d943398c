"""What of a board is rated: which of its systems, and which rows of its test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtnlg.errors import ConfigError, DataError
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.leaderboard.samples import read_outputs
from mtnlg.ratings.key import KeyOutput, KeySystem
from mtnlg.records.rows import Prediction

ALL = "all"
"""The subset whose board is rated."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a rater reads of one output."""

    source: str
    references: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The systems and their outputs for the rows that are rated."""

    systems: tuple[KeySystem, ...]
    outputs: tuple[KeyOutput, ...]
    texts: tuple[Text, ...]
    """Those of each output."""
    sources: tuple[tuple[int, ...], ...]
    """For each row the places of the systems' outputs, which equal ones share."""


def find_board(leaderboard: Leaderboard, name: str) -> Board:
    """The board that `--board` names as task:test set."""
    boards = {
        f"{board.task}:{board.test_set}": board
        for board in leaderboard.boards
        if board.subset == ALL
    }
    if name not in boards:
        raise ConfigError(
            f"--board {name}: {leaderboard.experiment} has no such board; known: "
            f"{', '.join(boards) or 'none'}"
        )
    return boards[name]


def choose(
    board: Board, leaderboard: Leaderboard, *, names: Sequence[str], num_rows: int, seed: int
) -> Choice:
    """Rows drawn at random from those that all systems answered; of a system with several seeds the
    outputs of the first.
    """
    rows = _systems(board, names)
    answers_by_row = [
        {
            answer.id: answer
            for answer in read_outputs(row, artifacts_root=leaderboard.artifacts_root)
        }
        for row in rows
    ]
    ids = [name for name in answers_by_row[0] if all(name in answers for answers in answers_by_row)]
    if not ids:
        raise DataError(
            f"--systems {' '.join(row.label for row in rows)}: share no row of the test set"
        )
    drawn = np.random.default_rng(seed).permutation(len(ids))[:num_rows]
    systems = tuple(
        KeySystem(row.label, row.kind, row.predictions[0], row.scores[0] if row.scores else None)
        for row in rows
    )
    return _outputs(
        systems, [[answers[ids[index]] for answers in answers_by_row] for index in drawn]
    )


def _systems(board: Board, names: Sequence[str]) -> list[BoardRow]:
    """The rows named, by label or by a system's name that one row alone has; without names, all
    that are ranked and no baseline.
    """
    rated = [row for row in board.ranked if row.predictions]
    if not names:
        chosen = [row for row in rated if row.kind != "baseline"]
        if not chosen:
            raise ConfigError(
                f"--board {board.task}:{board.test_set}: has no ranked system but baselines; name "
                f"those to rate by --systems; known: {_known(rated)}"
            )
        return chosen
    chosen = []
    for name in names:
        rows = [row for row in rated if row.label == name]
        rows = rows or [row for row in rated if row.system == name]
        if len(rows) != 1:
            count = "several such systems" if rows else "no such ranked system"
            raise ConfigError(f"--systems {name}: the board has {count}; known: {_known(rated)}")
        chosen += rows
    return list({row.label: row for row in chosen}.values())


def _known(rows: Sequence[BoardRow]) -> str:
    return ", ".join(f"'{row.label}'" for row in rows) or "none"


def _outputs(systems: Sequence[KeySystem], rows: Sequence[Sequence[Prediction]]) -> Choice:
    """Outputs of one row that read the same are one."""
    outputs: list[KeyOutput] = []
    texts: list[Text] = []
    sources: list[tuple[int, ...]] = []
    for answers in rows:
        first = answers[0]
        holders: dict[str, list[int]] = {}
        for index, answer in enumerate(answers):
            holders.setdefault(answer.prediction.strip(), []).append(index)
        places = [0] * len(systems)
        for text, members in holders.items():
            for member in members:
                places[member] = len(outputs)
            outputs.append(KeyOutput(first.id, tuple(systems[one].label for one in members)))
            texts.append(Text(first.source, first.references, text))
        sources.append(tuple(places))
    return Choice(tuple(systems), tuple(outputs), tuple(texts), tuple(sources))
