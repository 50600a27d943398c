"""The leaderboard as Markdown, which is a template filled in, and as text for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup
from rich.cells import cell_len

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.report.display import ABSENT, board_title, interval_text, spread_text, value_text
from mtnlg.report.notes import board_notes, metric_notes
from mtnlg.report.overview import answer_of, by_test_set, matrix_of, short_title
from mtnlg.report.question import question_of
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.summary import board_sentence, no_board_sentence
from mtnlg.report.templates import environment
from mtnlg.report.verdicts import is_one_training
from mtnlg.text.display import aligned, one_line, visible

MARKDOWN_SPECIAL = re.compile(r"[\\`*_<>|\[\]{}~&#$!]|(?<=[A-Za-z]):(?=//)")
"""What Markdown, GitHub's formulas and autolinks, or a site generator's templates would take for
markup.
"""


NO_MARKUP = re.compile(r"[^\w .,:/·+-]")
"""What may be markup in a line of HTML."""
SUMMARY_LINES = 60
"""Of a document before its folded details, as the summary of a job in CI."""
ONE_SEED = (
    "one seed: the score of a model file, whose interval is over examples alone; another training "
    "may differ"
)


def render_markdown(leaderboard: Leaderboard) -> str:
    """The whole document, a summary first; text from data is escaped, and no cell can break its
    row.
    """
    groups = by_test_set(leaderboard)
    matrix = matrix_of([boards[0] for boards in groups]) if len(groups) > 1 else []
    num_shown = max(SUMMARY_LINES - len(groups) - 16, 1)
    templates = environment(escape_markdown)
    templates.filters["harmless"] = lambda text: Markup(NO_MARKUP.sub(" ", visible(text)))
    template = templates.get_template("leaderboard.md.j2")
    return template.render(
        leaderboard=leaderboard,
        question=question_of(leaderboard),
        answers=[(boards[0], answer_of(boards)) for boards in groups],
        matrix=matrix[:num_shown],
        num_hidden=max(len(matrix) - num_shown, 0),
        short_title=short_title,
        sentence=board_sentence,
        no_board=no_board_sentence(len(leaderboard.runs)),
        notes=board_notes,
        ratings=rating_sections,
    )


def excerpt(leaderboard: Leaderboard) -> str:
    """A Markdown table of the main metric of each test set's systems beside the best baseline, what
    one seed means, and the signatures.
    """
    groups = [boards for boards in by_test_set(leaderboard) if boards[0].subset == "all"]
    signatures = dict.fromkeys(
        line.replace("signature", boards[0].main_metric or "")
        for boards in groups
        for line in metric_notes(boards[0]).get(boards[0].main_metric or "", ())
        if line.startswith("signature")
    )
    has_one_seed = any(is_one_training(row) for boards in groups for row in boards[0].rows)
    template = environment(escape_markdown).get_template("excerpt.md.j2")
    return template.render(
        tables=[(boards[0], _summary_rows(boards[0]), answer_of(boards)) for boards in groups],
        notes=[ONE_SEED] * has_one_seed + ["; ".join(signatures)] * bool(signatures),
        short_title=short_title,
    )


def _summary_rows(board: Board) -> list[BoardRow]:
    """The systems, or the best baseline where there is no other."""
    systems = [row for row in board.rows if row.kind != "baseline"]
    return systems or list(board.rows[:1])


def _without_lower_baselines(board: Board) -> list[BoardRow]:
    """The rows of all systems except baselines that another baseline beats."""
    baselines = [row for row in board.rows if row.kind == "baseline"]
    return [row for row in board.rows if row.kind != "baseline" or row is baselines[0]]


def escape_markdown(text: str) -> str:
    """Text on one line that Markdown shows as itself."""
    line = visible(text).replace("\n", " ↵ ").replace("\t", " ")
    return MARKDOWN_SPECIAL.sub(lambda match: "\\" + match.group(), line)


def render_terminal(leaderboard: Leaderboard, *, width: int = 80) -> str:
    """An aligned table and notes for each board; those of a launch with their titles."""
    parts = [] if leaderboard.boards else [no_board_sentence(len(leaderboard.runs))]
    for board in leaderboard.boards:
        parts += [] if leaderboard.is_of_files else [one_line(board_title(board))]
        parts += ["\n".join(_table(board, width)), "\n".join(map(one_line, _notes(board)))]
    return "\n\n".join(parts) + "\n"


def score_lines(leaderboard: Leaderboard) -> list[str]:
    """The main metric of each board's systems with interval and significance group, without
    baselines that another baseline beats, or why a system has none.
    """
    lines = []
    for board in leaderboard.boards:
        if board.subset != "all":
            continue
        name = board.metric_names[0] if board.metric_names else "no scores"
        rows = []
        for row in _without_lower_baselines(board):
            value, interval, group, *_ = (*_cells(row, board), ABSENT, ABSENT, ABSENT)
            is_over = name in row.metrics or row.status == "finished"
            cell = interval if is_over else f"{row.status}: {row.reason}"
            rows.append([one_line(row.label), value, one_line(cell), group if is_over else ""])
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
