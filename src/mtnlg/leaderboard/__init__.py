"""Scores of runs as ranked boards; knows no markup."""

from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard

__all__ = ["Board", "BoardRow", "Leaderboard", "build_leaderboard"]
