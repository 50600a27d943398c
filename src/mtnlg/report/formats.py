"""The formats that a leaderboard is written in; each is a function and its row in FORMATS.

Refuses to know: scores and files. A format renders text; `write_report` writes it, whole or not at
all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, Protocol

from mtnlg.config import ReportConfig
from mtnlg.errors import ConfigError
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.files import is_folder_name, write_text
from mtnlg.report.csv_table import render_csv
from mtnlg.report.html import render_html
from mtnlg.report.latex import render_latex
from mtnlg.report.markdown import render_markdown

ENTRY_POINTS = "mtnlg.formats"
NUM_SAMPLES = ReportConfig.num_samples


class Document(NamedTuple):
    """One file of a report."""

    name: str
    text: str


class Format(Protocol):
    """Renders a leaderboard; the same leaderboard gives the same bytes, whatever the time and the
    machine.
    """

    def __call__(self, leaderboard: Leaderboard, *, num_samples: int) -> Document: ...


def html(leaderboard: Leaderboard, *, num_samples: int) -> Document:
    """One self-contained page with tables, curves and samples."""
    return Document("index.html", render_html(leaderboard, num_samples=num_samples))


def markdown(leaderboard: Leaderboard, *, num_samples: int) -> Document:
    """The tables and their notes, for a README or a pull request; no samples."""
    return Document("leaderboard.md", render_markdown(leaderboard))


def csv(leaderboard: Leaderboard, *, num_samples: int) -> Document:
    """One line for each system and metric, for a spreadsheet; no samples."""
    return Document("leaderboard.csv", render_csv(leaderboard))


def json_document(leaderboard: Leaderboard, *, num_samples: int) -> Document:
    """The boards as data, for programs; no samples."""
    text = json.dumps(leaderboard.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    return Document("leaderboard.json", text + "\n")


def latex(leaderboard: Leaderboard, *, num_samples: int) -> Document:
    """A table for each board, for a paper; no samples."""
    return Document("leaderboard.tex", render_latex(leaderboard))


FORMATS: dict[str, Format] = {
    "html": html,
    "markdown": markdown,
    "csv": csv,
    "json": json_document,
    "latex": latex,
}


def known_formats() -> dict[str, Format]:
    """Our formats and those of installed packages; raises ConfigError where two have one name."""
    formats = dict(FORMATS)
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        if point.name in formats:
            raise ConfigError(
                f"report format {point.name!r} is defined twice, the second time by {point.value}; "
                "rename or uninstall one"
            )
        formats[point.name] = point.load()
    return formats


def find_format(name: str) -> Format:
    """The format of that name; raises ConfigError with the known ones."""
    known = known_formats()
    if name not in known:
        raise ConfigError(f"report.formats has {name!r}; known: {', '.join(known)}")
    return known[name]


def write_report(
    leaderboard: Leaderboard,
    folder: Path,
    *,
    formats: Sequence[str] = tuple(FORMATS),
    num_samples: int = NUM_SAMPLES,
) -> list[Path]:
    """Write the formats into a folder and return the paths; nothing is written unless all of them
    render.
    """
    documents = [find_format(name)(leaderboard, num_samples=num_samples) for name in formats]
    for document in documents:
        if not is_folder_name(document.name):
            raise ConfigError(
                f"a report format names its file {document.name!r}; "
                "it must be a name without a path"
            )
    paths = [folder / document.name for document in documents]
    for path, document in zip(paths, documents, strict=True):
        write_text(path, _encodable(document.text))
    return paths


def _encodable(text: str) -> str:
    """The text with halves of surrogate pairs, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
