"""The leaderboard as Markdown and LaTeX, which are templates filled in, and as text for a terminal.

In LaTeX, Chinese names need a document class or package that has them, such as ctex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.report.display import ABSENT, board_title, interval_text, spread_text, value_text
from mtnlg.report.notes import board_notes, metric_notes, seed_notes
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.summary import board_lead, board_sentence, no_board_sentence
from mtnlg.report.templates import LATEX_DELIMITERS, environment
from mtnlg.text.display import aligned, one_line, visible

MARKDOWN_SPECIAL = re.compile(r"[\\`*_<>|\[\]{}~&#$!]|(?<=[A-Za-z]):(?=//)")
"""What Markdown, GitHub's formulas and autolinks, or a site generator's templates would take for
markup.
"""
LATEX_SPECIAL = re.compile(r"""[\\~^<>|"`'&%$#_{}]|-(?=-)|,(?=,)""")
"""What LaTeX would obey, or join to the next character."""
LATEX_COMMANDS = {
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


def render_markdown(leaderboard: Leaderboard) -> str:
    """The whole document; text from data is escaped, and no cell can break its row."""
    template = environment(escape_markdown).get_template("leaderboard.md.j2")
    return template.render(_context(leaderboard), sentence=board_sentence)


def render_latex(leaderboard: Leaderboard) -> str:
    """All tables, each of which can be copied alone; text from data is never a command."""
    template = environment(escape_latex, **LATEX_DELIMITERS).get_template("leaderboard.tex.j2")
    return template.render(_context(leaderboard))


def _context(leaderboard: Leaderboard) -> dict[str, object]:
    return {
        "leaderboard": leaderboard,
        "no_board": no_board_sentence(len(leaderboard.runs)),
        "notes": board_notes,
        "ratings": rating_sections,
    }


def excerpt(leaderboard: Leaderboard) -> str:
    """A Markdown table of each board's main metric, without lower baselines, with the verdict on
    the leader and the next system, what one seed means, and the signatures.
    """
    boards = [board for board in leaderboard.boards if board.subset == "all"]
    tables = [(board, _without_lower_baselines(board)) for board in boards]
    signatures = dict.fromkeys(
        f"{board.main_metric}, {board.language}: {line}"
        for board in boards
        for line in metric_notes(board).get(board.main_metric or "", ())
        if line.startswith("signature")
    )
    leads = [(board, board_lead(board)) for board in boards]
    notes = [
        *(
            f"{board_title(board)}: {rival.clause}"
            for board, lead in leads
            if lead
            for rival in lead.rivals[:1]
        ),
        *dict.fromkeys(note for board in boards for note in seed_notes(board)),
        *signatures,
    ]
    template = environment(escape_markdown).get_template("excerpt.md.j2")
    return template.render(tables=tables, notes=notes)


def _without_lower_baselines(board: Board) -> list[BoardRow]:
    """The rows of all systems except baselines that another baseline beats."""
    baselines = [row for row in board.rows if row.kind == "baseline"]
    return [row for row in board.rows if row.kind != "baseline" or row is baselines[0]]


def escape_markdown(text: str) -> str:
    """Text on one line that Markdown shows as itself."""
    line = visible(text).replace("\n", " ↵ ").replace("\t", " ")
    return MARKDOWN_SPECIAL.sub(lambda match: "\\" + match.group(), line)


def escape_latex(text: str) -> str:
    """Text on one line that LaTeX prints as itself."""
    line = visible(text).replace("\n", " ").replace("\t", " ")
    return LATEX_SPECIAL.sub(lambda match: LATEX_COMMANDS[match.group()], line)


def render_terminal(leaderboard: Leaderboard, *, width: int = 80) -> str:
    """An aligned table and notes for each board; those of a launch with their titles."""
    parts = [] if leaderboard.boards else [no_board_sentence(len(leaderboard.runs))]
    for board in leaderboard.boards:
        parts += [] if leaderboard.is_of_files else [one_line(board_title(board))]
        parts += ["\n".join(_table(board, width)), "\n".join(map(one_line, _notes(board)))]
    return "\n\n".join(parts) + "\n"


def score_lines(leaderboard: Leaderboard) -> list[str]:
    """The main metric of each board's systems, without baselines that another baseline beats, or
    why a system has none.
    """
    lines = []
    for board in leaderboard.boards:
        if board.subset != "all":
            continue
        name = board.metric_names[0] if board.metric_names else "no scores"
        rows = []
        for row in _without_lower_baselines(board):
            value, interval, *_ = (*_cells(row, board), ABSENT, ABSENT)
            is_over = name in row.metrics or row.status == "finished"
            cell = interval if is_over else f"{row.status}: {row.reason}"
            rows.append([one_line(row.label), value, one_line(cell)])
        lines.append(f"{one_line(board_title(board))}: {name}")
        lines += [f"  {line}" for line in aligned(rows, numbers=(1,))]
    return lines


def _table(board: Board, width: int) -> list[str]:
    """Blocks of lines of the width, each with as many metrics as fit beside each other."""
    header = ["system"]
    for name in board.metric_names:
        header += [name, "interval", "group"]
    rows = [header, *([one_line(row.label), *_cells(row, board)] for row in board.rows)]
    lines: list[str] = []
    first = 1
    while first < len(header):
        for last in range(len(header), first, -3):
            part = [[row[0], *row[first:last]] for row in rows]
            block = aligned(part, numbers=range(1, len(header), 3))
            if max(map(cell_len, block)) <= width:
                break
        lines += [*([""] if lines else []), *block]
        first = last
    return lines


def _cells(row: BoardRow, board: Board) -> Iterator[str]:
    for name in board.metric_names:
        metric = row.metrics.get(name)
        if metric is None:
            yield from (ABSENT, "not computed" if name in row.left_out else ABSENT, ABSENT)
        else:
            yield f"{value_text(metric)} {spread_text(metric)}".rstrip()
            yield interval_text(metric)
            yield board.group(row, name) or ABSENT


def _notes(board: Board) -> Iterator[str]:
    if board.comparisons:
        yield f"verdict: {board_sentence(board)}"
    for heading, notes in board_notes(board).items():
        yield f"{heading}: {'; '.join(notes)}"
    for row in board.rows:
        if row.reason:
            state = "" if row.status == "finished" else f"{row.status}: "
            yield f"{row.label}: {state}{row.reason}"
