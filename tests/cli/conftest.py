"""The board that tests of imports begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_board import MadeBoard


@pytest.fixture
def board(tmp_path: Path) -> MadeBoard:
    made = MadeBoard(tmp_path)
    made.make()
    return made
