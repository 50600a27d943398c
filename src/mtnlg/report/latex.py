"""The leaderboard as LaTeX: one booktabs table for each board, with what its numbers stand on
beneath it.

Text from data is escaped and never a command. Refuses to know: fonts; Chinese names need a class or
package that has them, such as ctex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.leaderboard.ranking import badness
from mtnlg.report.display import ABSENT, board_title, interval_text, leak_notes, value_text
from mtnlg.report.notes import board_notes
from mtnlg.report.rating_tables import RatingSection, TextTable, rating_section
from mtnlg.report.summary import no_board_sentence
from mtnlg.text.visible import visible

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
"""What stands for a character that LaTeX would obey or join to the next."""
SPECIAL = re.compile(r"""[\\~^<>|"`'&%$#_{}]|-(?=-)|,(?=,)""")

PREAMBLE = """% Needs \\usepackage{booktabs}, \\usepackage{textcomp} and \\usepackage[T1]{fontenc}.
% Bold: not told apart from the best system by that metric. Letters: as in the notes below."""


def render_latex(leaderboard: Leaderboard) -> str:
    """All tables, each of which can be copied alone."""
    nothing = f"% {no_board_sentence(len(leaderboard.runs))}"
    tables = [part for board in leaderboard.boards for part in _tables(board)] or [nothing]
    return "\n\n".join([PREAMBLE, *tables]) + "\n"


def escape(text: str) -> str:
    """Text on one line that LaTeX prints as itself."""
    line = visible(text).replace("\n", " ").replace("\t", " ")
    return SPECIAL.sub(lambda found: COMMANDS[found.group()], line)


def _table(board: Board) -> str:
    columns = "ll" + "l" * len(board.metric_names) + "r"
    header = ["rank", "system", *map(escape, board.metric_names), "n"]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(board_title(board))}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _line(header),
            r"\midrule",
            *(_row(row, board) for row in board.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par {{\footnotesize {escape(note)}}}" for note in _notes(board)),
            r"\end{table}",
        ]
    )


def _tables(board: Board) -> Iterator[str]:
    """That of the board, and one for each question that people were asked of it."""
    yield _table(board)
    for one in board.ratings:
        yield _rating_table(rating_section(one), board)


def _rating_table(rated: RatingSection, board: Board) -> str:
    notes = [f"{heading}: {'; '.join(lines)}" for heading, lines in rated.notes.items()]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(f'{board_title(board)}: {rated.title}')}}}",
            *_plain_table(rated.systems),
            r"\par",
            *_plain_table(rated.metrics),
            *(rf"\par {{\footnotesize {escape(note)}}}" for note in notes),
            r"\end{table}",
        ]
    )


def _plain_table(table: TextTable) -> Iterator[str]:
    yield rf"\begin{{tabular}}{{{'l' * len(table.header)}}}"
    yield r"\toprule"
    yield _line([escape(name) for name in table.header])
    yield r"\midrule"
    yield from (_line([escape(cell) for cell in cells]) for cells in table.rows)
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _row(row: BoardRow, board: Board) -> str:
    main = row.metrics.get(board.main_metric or "")
    state = "" if row.status == "finished" else f"{row.status}: "
    rank = ABSENT if row.rank is None else str(row.rank)
    if main is None:
        reason = escape(state + (row.reason or ""))
        wide = rf"\multicolumn{{{len(board.metric_names) + 1}}}{{l}}{{{reason}}}"
        return _line([rank, escape(row.label), wide])
    scores = [_score_cell(name, row, board) for name in board.metric_names]
    return _line([rank, escape(row.label), *scores, str(main.num_examples)])


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _score_cell(name: str, row: BoardRow, board: Board) -> str:
    """Value, letters and interval; n too where it is not that of the row."""
    if name not in row.metrics:
        return ABSENT
    metric, main = row.metrics[name], row.metrics[board.main_metric or ""]
    value = escape(value_text(metric))
    if _is_tied_with_best(name, row, board):
        value = rf"\textbf{{{value}}}"
    letters = row.groups.get(name)
    if letters:
        value += rf"\textsuperscript{{{escape(letters)}}}"
    is_own = metric.num_examples != main.num_examples
    size = f", n = {metric.num_examples}" if is_own else ""
    return rf"{value} {{\scriptsize {escape(interval_text(metric) + size)}}}"


def _is_tied_with_best(name: str, row: BoardRow, board: Board) -> bool:
    """True for the best row by a metric that was tested, and for those that share its letters."""
    tested = [one for one in board.ranked if name in one.groups]
    if row not in tested:
        return False
    best = min(tested, key=lambda one: badness(one.metrics[name]))
    return bool(_letters(row.groups[name]) & _letters(best.groups[name]))


def _letters(group: str) -> set[str]:
    return set(re.findall("[a-z][0-9]*", group))


def _notes(board: Board) -> Iterator[str]:
    for heading, notes in board_notes(board).items():
        yield f"{heading}: {'; '.join(notes)}"
    for note in leak_notes(board):
        yield f"leaks: {note}"
    for row in board.rows:
        if row.metrics and row.reason:
            yield f"{row.label}: {row.reason}"
