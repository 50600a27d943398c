"""A page in a real headless Chromium, watched: what it says on its console, and what it asks the
network for.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 15_000
"""Milliseconds until a step counts as failed; a busy machine needs some of them."""
NEEDED = "`make browser-test` installs Playwright; Chromium is the system's (apt install chromium)"


def chromium_binary() -> str:
    """The system's Chromium; skips the test, saying so, where there is none."""
    found = next(filter(None, map(shutil.which, BINARIES)), None)
    if found is None:
        pytest.skip(f"there is no browser of {', '.join(BINARIES)} here: {NEEDED}")
    return found


class Watched:
    """An open page of a report, with whatever went wrong on it."""

    def __init__(
        self, browser: Browser, path: Path, *, fragment: str = "", **context: object
    ) -> None:
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.page.goto(self.url + fragment)

    def texts(self, selector: str) -> list[str]:
        """The text of each element that a selector finds and that can be seen or scrolled to."""
        found = self.page.locator(selector).filter(visible=True).all_text_contents()
        return [" ".join(text.split()) for text in found]

    def check(self) -> None:
        """Nothing was said on the console, and nothing was asked for but the page itself."""
        assert self.faults == []
        asked = [url.partition("#")[0] for url in self.requests if not url.startswith("data:")]
        assert asked == [self.url]
