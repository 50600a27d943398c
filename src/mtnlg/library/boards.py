"""Boards as data frames, HTML of a notebook and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.errors import ArtifactError
from mtnlg.leaderboard.model import Board, Leaderboard
from mtnlg.leaderboard.read_boards import read_boards
from mtnlg.report.csv_table import COLUMNS, table_records
from mtnlg.report.display import board_title, interval_text, value_text
from mtnlg.report.formats import FORMATS
from mtnlg.report.latex import render_latex
from mtnlg.report.publish import RECORD_FILE, open_archive, recorded_leaderboard
from mtnlg.report.summary import board_sentence
from mtnlg.report.text_formats import render_terminal
from mtnlg.text.display import visible

if TYPE_CHECKING:
    import pandas


class Boards:
    """The boards of an experiment, or of texts: a row for each system, with its scores."""

    def __init__(self, leaderboard: Leaderboard) -> None:
        self.leaderboard = leaderboard
        """The boards as `mtnlg.leaderboard.model` has them."""

    def to_frame(self) -> pandas.DataFrame:
        """A line for each system and metric, best first, with the columns of leaderboard.csv that
        are not empty.
        """
        return self._frame(*COLUMNS).dropna(axis="columns", how="all")

    def to_latex(self) -> str:
        """A booktabs table for each board, as in leaderboard.tex."""
        return render_latex(self.leaderboard)

    def __str__(self) -> str:
        return render_terminal(self.leaderboard).rstrip()

    def __repr__(self) -> str:
        num_rows = sum(len(board.rows) for board in self.leaderboard.boards)
        return (
            f"{type(self).__name__}({self.leaderboard.experiment!r}: "
            f"{len(self.leaderboard.boards)} boards, {num_rows} rows)"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: a table for each board, and what its comparisons say."""
        return "\n".join(part for board in self.leaderboard.boards for part in _html(board))

    def _frame(self, *columns: str) -> pandas.DataFrame:
        import pandas  # takes half a second

        return pandas.DataFrame(list(table_records(self.leaderboard)), columns=list(columns))


def load_board(path: str | Path) -> Boards:
    """The boards of a report's folder, of its leaderboard.json, or of a published record.zip.

    Raises ArtifactError where the file is missing or broken. The numbers are those of the file;
    those of a record are computed again from its statistics.

    >>> boards = load_board("reports/published/demo")
    >>> frame = boards.to_frame()
    >>> baselines = frame[(frame.metric == "bleu") & (frame.kind == "baseline")]
    >>> baselines.iloc[0][["task", "system"]].tolist()
    ['translation/builtin_en_zh', 'nearest_training_source']
    """
    path = Path(path)
    names = (FORMATS["json"].file_name, RECORD_FILE)
    if path.is_dir():
        files = [path / name for name in names if (path / name).is_file()]
        if not files:
            raise ArtifactError(
                f"{path}: has neither {names[0]} nor {names[1]}; name the folder of a report, "
                "written with report.formats=[json] among others"
            )
        path = files[0]
    if path.suffix == ".zip":
        with open_archive(path) as record:
            return Boards(recorded_leaderboard(record))
    return Boards(read_boards(path))


def _html(board: Board) -> Iterator[str]:
    import pandas
    from markupsafe import Markup

    yield str(Markup("<p><b>{}</b></p>").format(visible(board_title(board))))
    cells = {
        visible(row.label): {
            name: f"{value_text(row.metrics[name])} {interval_text(row.metrics[name])} "
            f"{board.group(row, name)}".rstrip()
            for name in board.metric_names
            if name in row.metrics
        }
        for row in board.rows
    }
    frame = pandas.DataFrame.from_dict(cells, orient="index", columns=list(board.metric_names))
    yield frame.fillna("").to_html(escape=True)
    if board.comparisons:
        yield str(Markup("<p>{}</p>").format(visible(board_sentence(board))))
