"""Scores of texts as objects: by metric, and by system and metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from mtnlg.errors import suggestion
from mtnlg.leaderboard.model import Board, RowComparison
from mtnlg.library.boards import Boards
from mtnlg.report.summary import board_sentence

if TYPE_CHECKING:
    import pandas

FRAME = ("system", "rank", "metric", "value", "low", "high", "n", "unit", "cld", "signature")
"""Columns of the frame of scored texts."""


@dataclass(frozen=True, slots=True)
class Score:
    """One number with everything that it takes to read it."""

    metric: str
    value: float
    low: float | None
    high: float | None
    """Ends of the bootstrap interval; None where the metric has none."""
    n: int
    """Number of texts."""
    unit: str
    higher_is_better: bool | None
    """None: it describes, and no direction is better."""
    signature: str


class Scores(Boards, Mapping[str, Score]):
    """The scores of one system: metric -> Score. `value`, `low`, `high`, `n` and `signature` are
    those of the main metric, the first.
    """

    @property
    def value(self) -> float:
        """The main metric."""
        return self.main.value

    @property
    def low(self) -> float | None:
        """The lower end of its interval."""
        return self.main.low

    @property
    def high(self) -> float | None:
        """The upper end of its interval."""
        return self.main.high

    @property
    def n(self) -> int:
        """Number of texts."""
        return self.main.n

    @property
    def signature(self) -> str:
        """How the main metric was computed, as in sacreBLEU."""
        return self.main.signature

    @property
    def main(self) -> Score:
        """The score by the main metric."""
        return self[self.leaderboard.boards[0].metric_names[0]]

    def to_frame(self) -> pandas.DataFrame:
        """A line for each metric."""
        return self._frame(*FRAME).drop(columns=["system", "rank", "cld"]).set_index("metric")

    def __getitem__(self, metric: str) -> Score:
        (row,) = self.leaderboard.boards[0].rows
        if metric not in row.metrics:
            known = suggestion(metric, row.metrics) or f"; computed: {', '.join(row.metrics)}"
            raise KeyError(row.left_out.get(metric) or f"{metric!r} was not computed{known}")
        score = row.metrics[metric]
        return Score(
            metric,
            score.value,
            score.low,
            score.high,
            score.num_examples,
            score.unit,
            score.higher_is_better,
            score.signature,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.leaderboard.boards[0].rows[0].metrics)

    def __len__(self) -> int:
        return len(self.leaderboard.boards[0].rows[0].metrics)

    def __repr__(self) -> str:
        return str(self)


class Comparison(Boards, Mapping[str, Scores]):
    """Several systems on the same texts: name -> Scores, best first."""

    @property
    def board(self) -> Board:
        """The board as `mtnlg.leaderboard.model` has it."""
        return self.leaderboard.boards[0]

    @property
    def verdict(self) -> str:
        """Which system is best by the main metric, and how sure that is, in words."""
        return board_sentence(self.board)

    @property
    def pairs(self) -> tuple[RowComparison, ...]:
        """The paired tests of the main metric."""
        return self.board.comparisons

    def to_frame(self) -> pandas.DataFrame:
        """A line for each system and metric; systems that share a letter in `cld` are not
        significantly different.
        """
        return self._frame(*FRAME)

    def differences(self) -> pandas.DataFrame:
        """A line for each pair of systems and metric: the difference with its interval and p-value,
        before and after Holm's correction.
        """
        import pandas

        return pandas.DataFrame(
            [
                asdict(pair) | {"is_significant": pair.is_significant}
                for tests in self.board.tests.values()
                for pair in tests.comparisons
            ]
        ).dropna(axis="columns", how="all")

    def __getitem__(self, system: str) -> Scores:
        rows = [row for row in self.board.rows if row.label == system]
        if not rows:
            raise KeyError(f"{system!r} is none of {', '.join(self)}")
        board = replace(self.board, rows=tuple(rows), tests={})
        return Scores(replace(self.leaderboard, boards=(board,)))

    def __iter__(self) -> Iterator[str]:
        return (row.label for row in self.board.rows)

    def __len__(self) -> int:
        return len(self.board.rows)

    def __repr__(self) -> str:
        return str(self)
