"""The leaderboard as LaTeX: leaderboard.tex.j2 filled in, where text from data is never a command.

Chinese names need a document class or package that has them, such as ctex.
"""

from __future__ import annotations

import re

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.leaderboard.ranking import badness
from mtnlg.report.notes import board_notes
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.summary import LETTER, no_board_sentence
from mtnlg.report.templates import LATEX_DELIMITERS, fill
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


def render_latex(leaderboard: Leaderboard) -> str:
    """All tables, each of which can be copied alone."""
    context = {
        "leaderboard": leaderboard,
        "no_board": no_board_sentence(len(leaderboard.runs)),
        "is_tied_with_best": is_tied_with_best,
        "notes": board_notes,
        "ratings": rating_sections,
    }
    return fill("leaderboard.tex.j2", context, escape, **LATEX_DELIMITERS)


def escape(text: str) -> str:
    """Text on one line that LaTeX prints as itself."""
    line = visible(text).replace("\n", " ").replace("\t", " ")
    return SPECIAL.sub(lambda match: COMMANDS[match.group()], line)


def is_tied_with_best(name: str, row: BoardRow, board: Board) -> bool:
    """True for the best row by a metric that was tested, and for rows that share a letter with
    it.
    """
    tested = [ranked for ranked in board.ranked if name in ranked.cld]
    if row not in tested:
        return False
    best = min(tested, key=lambda ranked: badness(ranked.metrics[name]))
    return not set(LETTER.findall(row.cld[name])).isdisjoint(LETTER.findall(best.cld[name]))
