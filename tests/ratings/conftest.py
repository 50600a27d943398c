"""The board that most tests of human ratings begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_rated_board import RatedBoard


@pytest.fixture
def board(tmp_path: Path) -> RatedBoard:
    """Three systems and a baseline, with scores."""
    made = RatedBoard(tmp_path)
    made.make()
    return made
