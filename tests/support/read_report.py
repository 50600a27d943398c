"""A report written and read again: the page as a tree of text."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from zipfile import ZipFile

from mtnlg.leaderboard.model import Leaderboard
from mtnlg.report import write_report


class Page(HTMLParser):
    """The text and tags of a page, as a browser would see them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def record_texts(published: Path) -> dict[str, str]:
    """Name -> content of each file of a published board's record, as Latin-1."""
    with ZipFile(published / "record.zip") as archive:
        return {name: archive.read(name).decode("latin-1") for name in archive.namelist()}


def written(leaderboard: Leaderboard, folder: Path) -> dict[str, str]:
    paths = write_report(leaderboard, folder)
    return {path.name: path.read_text(encoding="utf-8") for path in paths}
