"""The leaderboard in LaTeX: for each test set a table that fits a column, with its main metric.
Boards of files have all the metrics that were asked for, two in a table as wide as the page.

Chinese names need a document class or package that has them, such as ctex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.leaderboard.row_comparisons import LOWER_BASELINE
from mtnlg.report.display import board_title, short_label, value_text
from mtnlg.report.notes import group_notes, metric_notes
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.summary import no_board_sentence
from mtnlg.report.templates import LATEX_DELIMITERS, environment
from mtnlg.text.display import visible

SPECIAL = re.compile(r"""[\\~^<>|"`'&%$#_{}]|-(?=-)|,(?=,)""")
"""What LaTeX would obey, or join to the next character."""
COMMANDS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "-": "-{}",
    ",": ",{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
"""Special character -> what prints it."""
BREAKS = re.compile(r"(\\_|\\textbar\{\}|[/=](?=\S))")
"""Where a name or a signature may go on in the next line."""
NOT_TESTED = "not tested by"
METRICS_TOGETHER = 2
NAMES = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER", "comet": "COMET"}
ARROWS = {True: r" \textuparrow", False: r" \textdownarrow", None: ""}
NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class TexTable:
    """Some metrics of a board."""

    board: Board
    metrics: tuple[str, ...]
    label: str

    @property
    def title(self) -> str:
        """The name of the board."""
        return board_title(self.board)

    def heading(self, name: str) -> Markup:
        """The metric as papers write it, and an arrow to its better end."""
        scores = (row.metrics[name] for row in self.board.rows if name in row.metrics)
        is_higher_better = next((score.higher_is_better for score in scores), None)
        return Markup(escape_latex(metric_title(name)) + ARROWS[is_higher_better])

    def number_format(self, name: str) -> Markup:
        """The most digits before and after the point, as siunitx aligns them."""
        texts = [value_text(row.metrics[name]) for row in self.board.rows if name in row.metrics]
        parts = [match.groups() for text in texts if (match := NUMBER.fullmatch(text))]
        sign = "-" if any(sign for sign, _, _ in parts) else ""
        whole = max((len(digits) for _, digits, _ in parts), default=1)
        decimals = max((len(digits or "") for _, _, digits in parts), default=0)
        return Markup(f"{sign}{whole}.{decimals}")

    def value(self, row: BoardRow, name: str) -> Markup:
        """The value in bold where none is significantly better; what is no plain number in braces,
        which siunitx leaves alone.
        """
        text = value_text(row.metrics[name])
        bold = r"\bfseries " if self.board.is_among_best(row, name) else ""
        return Markup(bold + text if NUMBER.fullmatch(text) else f"{{{bold}{escape_latex(text)}}}")

    def caption(self) -> Iterator[str]:
        """What the numbers rest on."""
        by_metric = metric_notes(self.board)
        for name in self.metrics:
            yield f"{metric_title(name)}: {'; '.join(_without_seeds(by_metric[name]))}"
        yield from (note for note in group_notes(self.board) if not note.startswith(NOT_TESTED))
        counts = sorted({len(row.seeds) for row in self.board.rows if row.kind == "trained"})
        if counts and counts != [0]:
            seeds = " or ".join(map(str, counts))
            yield f"seeds of a trained system: {seeds}"
        for row in self.board.ranked[:1]:
            if row.contamination.flagged:
                share = f"{row.contamination.flagged} of {row.contamination.checked}"
                yield f"contamination signals in {share} rows"

    def notes(self) -> Iterator[str]:
        """Why a row has no rank, not all numbers, or was not tested."""
        for row in self.board.rows:
            if row.reason:
                state = "" if row.status == "finished" else f"{row.status}: "
                yield f"{short_label(row.label)}: {state}{row.reason}"
        for note in group_notes(self.board):
            if note.startswith(NOT_TESTED) and not note.endswith(LOWER_BASELINE):
                yield note


def _without_seeds(notes: Sequence[str]) -> list[str]:
    """The notes of a metric without the values of single seeds."""
    return [note for note in notes if " by seed: " not in note]


def render_latex(leaderboard: Leaderboard) -> str:
    """All tables, each of which can be copied alone; text from data is never a command."""
    templates = environment(escape_latex, **LATEX_DELIMITERS)
    templates.filters["breakable"] = breakable
    return templates.get_template("leaderboard.tex.j2").render(
        leaderboard=leaderboard,
        tables=list(_tables(leaderboard)),
        ratings=rating_sections,
        no_board=no_board_sentence(len(leaderboard.runs)),
    )


def _tables(leaderboard: Leaderboard) -> Iterator[TexTable]:
    """The tables of the boards of all rows."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", leaderboard.experiment).strip("-")
    boards = [board for board in leaderboard.boards if board.subset == "all"]
    number = 0
    for board in boards:
        metrics = board.metric_names if leaderboard.is_of_files else board.metric_names[:1]
        for start in range(0, max(len(metrics), 1), METRICS_TOGETHER):
            number += 1
            yield TexTable(board, metrics[start : start + METRICS_TOGETHER], f"tab:{name}-{number}")


def metric_title(name: str) -> str:
    """A metric's name as papers write it."""
    base, *rest = name.split("-")
    title = NAMES.get(base) or base.replace("_", " ")
    title = f"ROUGE-{base.removeprefix('rouge')}" if base.startswith("rouge") else title
    return "-".join([title, *rest])


def breakable(text: str) -> Markup:
    """Escaped text that may be broken within a name."""
    return Markup(BREAKS.sub(r"\1\\allowbreak{}", escape_latex(text)))


def escape_latex(text: str) -> str:
    """Text on one line that LaTeX prints as itself."""
    line = visible(text).replace("\n", " ").replace("\t", " ")
    return SPECIAL.sub(lambda match: COMMANDS[match.group()], line)
