"""The leaderboard as Markdown, and its excerpt for a README: two templates filled in."""

from __future__ import annotations

import re

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.report.notes import board_notes, metric_notes
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.summary import board_sentence, no_board_sentence
from mtnlg.report.templates import fill
from mtnlg.text.visible import visible

SPECIAL = re.compile(r"[\\`*_<>|\[\]{}~&#$!]|(?<=[A-Za-z]):(?=//)")
"""What Markdown, GitHub's formulas and autolinks, or a site generator's templates would take for
markup.
"""


def render_markdown(leaderboard: Leaderboard) -> str:
    """The whole document; text from data is escaped, and no cell can break its row."""
    context = {
        "leaderboard": leaderboard,
        "no_board": no_board_sentence(len(leaderboard.runs)),
        "sentence": board_sentence,
        "notes": board_notes,
        "ratings": rating_sections,
    }
    return fill("leaderboard.md.j2", context, escape)


def excerpt(leaderboard: Leaderboard) -> str:
    """One table over the boards of all examples: the main metric of each system and of the best
    baseline, then signatures.
    """
    boards = [board for board in leaderboard.boards if board.subset == "all"]
    tables = [(board, _without_lower_baselines(board)) for board in boards]
    signatures = dict.fromkeys(
        f"{board.main_metric}, {board.language}: {line}"
        for board in boards
        for line in metric_notes(board).get(board.main_metric or "", ())
        if line.startswith("signature")
    )
    return fill("excerpt.md.j2", {"tables": tables, "signatures": signatures}, escape)


def _without_lower_baselines(board: Board) -> list[BoardRow]:
    """The rows of all systems but those baselines that another baseline beats."""
    baselines = [row for row in board.rows if row.kind == "baseline"]
    return [row for row in board.rows if row.kind != "baseline" or row is baselines[0]]


def escape(text: str) -> str:
    """Text on one line that shows as itself."""
    line = visible(text).replace("\n", " ↵ ").replace("\t", " ")
    return SPECIAL.sub(lambda match: "\\" + match.group(), line)
