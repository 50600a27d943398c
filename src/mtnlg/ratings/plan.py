"""What of a board is rated, by which rater and in which order.

A source goes to its raters with the outputs of all systems, so that each rater has every system
equally often, and systems are compared by the same raters. Legend: S systems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mtnlg.errors import ConfigError, DataError
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.leaderboard.samples import read_outputs
from mtnlg.ratings.key import Entry, KeyOutput, KeySystem
from mtnlg.records.rows import Prediction

ALL = "all"
"""The subset whose board is rated."""
MIN_SHEET_FOR_REPEATS = 12
"""Shortest sheet on which a rater can have forgotten an item that comes again."""


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
    """The text of each output."""
    sources: tuple[tuple[int, ...], ...]
    """For each row, the index of each system's output; equal outputs share one."""


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
    """Rows drawn at random from those that all systems answered. A system with several seeds gives
    the outputs of its first.
    """
    rows = _systems(board, names)
    root = leaderboard.artifacts_root
    answers = [
        {answer.id: answer for answer in read_outputs(row, artifacts_root=root)} for row in rows
    ]
    ids = [name for name in answers[0] if all(name in by_id for by_id in answers)]
    if not ids:
        raise DataError(
            f"--systems {' '.join(row.label for row in rows)}: share no row of the test set"
        )
    drawn = np.random.default_rng(seed).permutation(len(ids))[:num_rows]
    systems = tuple(
        KeySystem(row.label, row.kind, row.predictions[0], row.scores[0] if row.scores else None)
        for row in rows
    )
    return _outputs(systems, [[by_id[ids[index]] for by_id in answers] for index in drawn])


def _systems(board: Board, names: Sequence[str]) -> list[BoardRow]:
    """The rows of these labels, or of these systems where only one row has the name; without names,
    all ranked rows but baselines.
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
    """The choice of these rows; outputs of one row that read the same become one."""
    outputs: list[KeyOutput] = []
    texts: list[Text] = []
    sources: list[tuple[int, ...]] = []
    for answers in rows:
        first = answers[0]
        labels: dict[str, list[str]] = {}
        for system, answer in zip(systems, answers, strict=True):
            labels.setdefault(answer.prediction.strip(), []).append(system.label)
        index_of = {text: len(outputs) + index for index, text in enumerate(labels)}
        sources.append(tuple(index_of[answer.prediction.strip()] for answer in answers))
        outputs += [KeyOutput(first.id, tuple(members)) for members in labels.values()]
        texts += [Text(first.source, first.references, text) for text in labels]
    return Choice(tuple(systems), tuple(outputs), tuple(texts), tuple(sources))


def plan_sheets(
    sources: Sequence[Sequence[int]],
    *,
    raters: Sequence[str],
    raters_per_item: int,
    num_repeated: int,
    seed: int,
) -> dict[str, tuple[Entry, ...]]:
    """Rater -> entries of the sheet. A source is the output of each of S systems; equal outputs are
    the same number.
    """
    generator = np.random.default_rng(seed)
    panels = _panels(len(sources), len(raters), raters_per_item, generator)
    sheets = {}
    for index, rater in enumerate(raters):
        rated = [source for source, panel in zip(sources, panels, strict=True) if index in panel]
        sheets[rater] = tuple(_with_repeats(_order(rated, generator), num_repeated, generator))
    return sheets


def shared_sources(
    sheets: Mapping[str, Sequence[Entry]], row_of_output: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Pair of raters -> how many sources both rate."""
    rows = {
        rater: {row_of_output[entry.output] for entry in entries}
        for rater, entries in sheets.items()
    }
    return {(left, right): len(rows[left] & rows[right]) for left, right in combinations(rows, 2)}


def _panels(
    num_sources: int, num_raters: int, size: int, generator: np.random.Generator
) -> list[set[int]]:
    """The raters of each source: those with the fewest sources so far, and among equals those who
    share the fewest with the panel. So loads differ by one at most, and pairs by little.
    """
    loads: Counter[int] = Counter()
    shared: Counter[tuple[int, int]] = Counter()
    panels = []
    for _ in range(num_sources):
        panel: list[int] = []
        order = [int(rater) for rater in generator.permutation(num_raters)]
        while len(panel) < size:
            used = {
                rater: (loads[rater], sum(shared[rater, member] for member in panel))
                for rater in order
                if rater not in panel
            }
            panel.append(min(used, key=used.__getitem__))
        loads.update(panel)
        shared.update((left, right) for left in panel for right in panel)
        panels.append(set(panel))
    return panels


def _order(sources: Sequence[Sequence[int]], generator: np.random.Generator) -> list[int]:
    """The outputs in rounds with one output of each source. Those of one source are far apart, and
    each round has every system equally often, as has whatever a rater finishes of the sheet.
    """
    if not sources:
        return []
    num_systems = len(sources[0])
    turn = generator.permutation(num_systems)
    rounds: list[list[tuple[int, int]]] = [[] for _ in range(num_systems)]
    for index, source in enumerate(generator.permutation(len(sources))):
        outputs = (
            sources[source][turn[(index + step) % num_systems]] for step in range(num_systems)
        )
        for members, output in zip(rounds, dict.fromkeys(outputs), strict=False):
            members.append((int(source), output))
    ordered: list[tuple[int, int]] = []
    for members in rounds:
        shuffled = [members[index] for index in generator.permutation(len(members))]
        if ordered and len(shuffled) > 1 and shuffled[0][0] == ordered[-1][0]:
            shuffled = [*shuffled[1:], shuffled[0]]
        ordered += shuffled
    return [output for _, output in ordered]


def _with_repeats(
    outputs: Sequence[int], num_repeated: int, generator: np.random.Generator
) -> Iterable[Entry]:
    """The entries of a sheet; some outputs of its first third come again in its last."""
    entries = [Entry(output, False) for output in outputs]
    if len(entries) < MIN_SHEET_FOR_REPEATS:
        return entries
    third = len(entries) // 3
    for index in generator.permutation(third)[:num_repeated]:
        repeat = Entry(outputs[index], True)
        entries.insert(int(generator.integers(2 * third, len(entries) + 1)), repeat)
    return entries
