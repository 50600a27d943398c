"""What all tests share: messages as the command line shows them, and a browser for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chromium import NEEDED, Watched, chromium_binary
from mtnlg.process.progress import show_messages

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def shown() -> None:
    """Messages go to standard error, as the command line shows them."""
    show_messages()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a session; they are skipped where there is none."""
    reason = f"there is no Playwright here: {NEEDED}"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    binary = chromium_binary()
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Opens a file in a context of its own, closed after the test."""
    opened: list[Watched] = []

    def open_(path: Path, **context: object) -> Watched:
        opened.append(Watched(browser, path, **context))
        return opened[-1]

    yield open_
    for watched in opened:
        watched.context.close()
