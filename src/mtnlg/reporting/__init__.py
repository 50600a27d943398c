"""Scores to boards to pages: reads what the runs of one launch left behind and writes a report.

Plain Python on text and JSON; runs that failed are shown, and no number is without n, interval or
reason, and signature.
"""

from mtnlg.reporting.board import build_leaderboard
from mtnlg.reporting.formats import FORMATS, Document, Format, find_format, write_report
from mtnlg.reporting.leaderboard import Board, BoardRow, Leaderboard

__all__ = [
    "FORMATS",
    "Board",
    "BoardRow",
    "Document",
    "Format",
    "Leaderboard",
    "build_leaderboard",
    "find_format",
    "write_report",
]
