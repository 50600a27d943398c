"""A run against a baseline: which rows of their boards are compared, and what forbids it.

Nothing is chosen: all seeds of a system are one row, and what failed or is missing fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtnlg.errors import ConfigError, suggestion
from mtnlg.leaderboard.drops import Case, Drop, find_drops, why_untested
from mtnlg.leaderboard.evidence import board_evidence
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.records.places import run_folder
from mtnlg.records.run_config import differences, read_config

DEFAULT_TOLERANCE = 0.5
"""Points that a score from 0 to 100 may lose; a metric of another unit may lose nothing."""
ONE_SEED = (
    "one seed on each side: the tests are about these two trainings, and another seed alone moves "
    "scores too; the tolerance must allow for that, or give several seeds"
)
CHOSEN = "{} is one of {} of its launch; a chosen run is no proof: name the experiment"
BORROWED = "a side of one seed is taken to vary over seeds as much as the other side does"

Pair = tuple[BoardRow, BoardRow]
"""A row of the run and the row of the baseline that it is compared with."""


class Failure(str):
    """What fails the run besides a drop, in words."""


class Note(str):
    """What a reader must know, in words."""


Item = Case | Failure | Note


@dataclass(frozen=True, slots=True)
class Side:
    """The boards that a word names."""

    title: str
    leaderboard: Leaderboard
    num_launched: int | None = None
    """Of a single run: how many were launched with it."""

    @property
    def boards(self) -> dict[str, Board]:
        """The boards of all examples by task and test set."""
        boards = (board for board in self.leaderboard.boards if board.subset == "all")
        return {f"{board.task}, {board.test_set}": board for board in boards}


@dataclass(frozen=True, slots=True)
class Gate:
    """The tests, what failed or is missing, and what a reader must know."""

    drops: tuple[Drop, ...]
    failures: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def has_passed(self) -> bool:
        """True if nothing failed and nothing dropped."""
        return not self.failures and not any(drop.is_significant for drop in self.drops)


def gate(
    run: Side, baseline: Side, *, metrics: Sequence[str] = (), tolerances: Mapping[str, float]
) -> Gate:
    """The run against the baseline by the metrics named, or the main one of each board; raises
    ConfigError where they cannot be compared.
    """
    sides = (run, baseline)
    if run.boards and not set(run.boards) & set(baseline.boards):
        theirs = [f"{'; '.join(side.boards)} in {side.title}" for side in sides]
        raise ConfigError(f"other data: {theirs[0]}, and {theirs[1]}; name another baseline")
    items = [
        item
        for title, board in baseline.boards.items()
        for item in _board_items(title, board, sides, metrics, tolerances)
    ]
    cases = [item for item in items if isinstance(item, Case)]
    failures = [item for item in items if isinstance(item, Failure)]
    notes = [item for item in items if isinstance(item, Note)]
    known = sorted({name for board in baseline.boards.values() for name in board.metric_names})
    for name in (*metrics, *tolerances):
        if name not in known:
            hint = suggestion(name, known) or f"; it has {', '.join(known)}"
            raise ConfigError(f"{name}: no metric of {baseline.title}{hint}")
    if not cases and not failures:
        raise ConfigError(f"{run.title}: nothing can be compared: {'; '.join(notes)}")
    notes += [
        Note(CHOSEN.format(side.title, side.num_launched))
        for side in sides
        if (side.num_launched or 1) > 1
    ]
    seeds = {case.num_seeds for case in cases}
    notes += [Note(ONE_SEED)] if (1, 1) in seeds else []
    notes += [Note(BORROWED)] if any(min(pair) == 1 < max(pair) for pair in seeds) else []
    return Gate(tuple(find_drops(cases)), tuple(failures), tuple(dict.fromkeys(notes)))


def _board_items(
    title: str,
    board: Board,
    sides: tuple[Side, Side],
    metrics: Sequence[str],
    tolerances: Mapping[str, float],
) -> Iterator[Item]:
    """What there is to test on one test set, and what stands in the way."""
    run, baseline = sides
    if title not in run.boards:
        yield Failure(f"{title}: {run.title} has no scores of it")
        return
    rows: list[list[BoardRow]] = []
    for kind, rows_board in ((Failure, run.boards[title]), (Note, board)):
        trained = [row for row in rows_board.rows if row.kind == "trained"]
        rows.append([row for row in trained if row.metrics])
        for row in trained:
            if not row.metrics:
                side = "the baseline's " if kind is Note else ""
                item = Note if row.status == "pruned" else kind
                yield item(f"{title}: {side}{row.label} ({row.status}): {row.reason}")
    if not rows[1]:
        raise ConfigError(f"{baseline.title}: {title}: no run of it finished; name another")
    pairs = [(row, match) for row in rows[0] if (match := _match(title, row, rows, baseline))]
    for row in rows[0]:
        if not any(row is left for left, _ in pairs):
            yield Note(f"{title}: {row.label} is not in the baseline, and not compared")
    for row in rows[1]:
        if not run.num_launched and not any(row is right for _, right in pairs):
            yield Failure(f"{title}: {run.title} has no finished {row.label}")
    for pair in pairs:
        what = f"{title}: {pair[0].label}"
        _check_same(f"{what}: the hash of the rows", [row.scored_rows for row in pair], sides)
        _check_decoding(what, pair, sides)
        for name in metrics or [str(board.main_metric)]:
            if name in pair[1].metrics:
                yield _case(name, board, pair, sides, tolerances)


def _match(
    title: str, row: BoardRow, rows: Sequence[Sequence[BoardRow]], baseline: Side
) -> BoardRow | None:
    """The row of the baseline that one of ours is compared with: the only one, or the one of its
    name; raises ConfigError where that may be several.
    """
    if len(rows[0]) == len(rows[1]) == 1:
        return rows[1][0]
    matches = [candidate for candidate in rows[1] if candidate.label == row.label]
    matches = matches or [candidate for candidate in rows[1] if candidate.system == row.system]
    if len(matches) > 1:
        names = ", ".join(match.label for match in matches)
        raise ConfigError(f"{baseline.title}: {title}: {row.label} may be any of {names}; name one")
    return matches[0] if matches else None


def _check_decoding(what: str, pair: Pair, sides: tuple[Side, Side]) -> None:
    """Raise ConfigError where the outputs were decoded in other ways, as far as that is known."""
    _check_same(f"{what}: decoding", [str(row.decoding) for row in pair], sides)
    configs = []
    for row, side in zip(pair, sides, strict=True):
        boards = side.leaderboard
        assert boards.runs_root is not None, "a launch has a folder of runs"
        config = read_config(run_folder(boards.runs_root, boards.experiment, row.runs[0]))
        if not isinstance(config, str):
            configs.append({"decoding": config.get("decoding")})
    for key, values in differences(configs):
        if None not in values:
            _check_same(f"{what}: {key}", values, sides)


def _case(
    name: str, board: Board, pair: Pair, sides: tuple[Side, Side], tolerances: Mapping[str, float]
) -> Item:
    """The test of one metric, or why there is none."""
    what = f"{board.task}, {board.test_set}: {pair[0].label}: {name}"
    if name not in pair[0].metrics:
        return Failure(
            f"{what}: the run has no number: {pair[0].left_out.get(name, pair[0].reason)}"
        )
    scores = [row.metrics[name] for row in pair]
    _check_same(f"{what}: the signature", [score.signature for score in scores], sides)
    _check_same(f"{what}: n", [score.num_examples for score in scores], sides)
    run, baseline = (
        board_evidence("all", main_metric=None, artifacts_root=side.leaderboard.artifacts_root)(
            row, name
        )
        for side, row in zip(sides, pair, strict=True)
    )
    if isinstance(run, str) and not isinstance(baseline, str):
        return Failure(f"{what} cannot be tested: {run}")
    if isinstance(run, str) or isinstance(baseline, str):
        reason: str | None = str(baseline)
    else:
        tolerance = DEFAULT_TOLERANCE if scores[0].unit == "0-100" else 0.0
        names = (pair[0].label, board.task, board.test_set)
        case = Case(*names, run, baseline, tolerances.get(name, tolerance))
        reason = why_untested(case)
        if reason is None:
            return case
    raise ConfigError(f"{what} cannot be tested: {reason}; name others with --metrics")


def _check_same(what: str, values: Sequence[object], sides: tuple[Side, Side]) -> None:
    """Raise ConfigError for two values that must be equal, and known."""
    if values[0] != values[1] or values[0] is None:
        first, second = (
            f"{value or 'not recorded'} in {side.title}"
            for value, side in zip(values, sides, strict=True)
        )
        raise ConfigError(
            f"{what} is {first}, and {second}: they cannot be compared; make the run as the "
            "baseline was made, or name another baseline"
        )
