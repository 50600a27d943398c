"""The two tasks that tests of a training begin with, and what a training says on standard error."""

import pytest

from made_training import prepared
from mtnlg.progress import show_messages

__all__ = ["prepared"]


@pytest.fixture(autouse=True)
def shown() -> None:
    """Messages are shown as the command line shows them."""
    show_messages()
