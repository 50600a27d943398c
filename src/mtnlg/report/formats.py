"""The formats of a leaderboard, each a function and its row in FORMATS; `write_report` writes them.

Other packages add formats by entry points of the group `mtnlg.formats`, each of which loads a
`Format`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.config import ReportConfig
from mtnlg.errors import ConfigError
from mtnlg.plugins import Table
from mtnlg.records.files import write_text
from mtnlg.records.places import is_folder_name

if TYPE_CHECKING:  # each format imports what it needs when it renders
    from mtnlg.leaderboard.model import Leaderboard

NUM_SAMPLES = ReportConfig.num_samples


@dataclass(frozen=True)
class Format:
    """One way to write a leaderboard."""

    file_name: str
    what: str
    """What it is, in words for --help."""
    render: Callable[[Leaderboard, int], str]
    """A leaderboard and a number of samples, which may be ignored -> the text, with the same bytes
    at any time and on any machine."""


def _html(leaderboard: Leaderboard, num_samples: int) -> str:
    from mtnlg.report.html import render_html

    return render_html(leaderboard, num_samples=num_samples)


def _markdown(leaderboard: Leaderboard, num_samples: int) -> str:
    from mtnlg.report.text_formats import render_markdown

    return render_markdown(leaderboard)


def _csv(leaderboard: Leaderboard, num_samples: int) -> str:
    from mtnlg.report.csv_table import render_csv

    return render_csv(leaderboard)


def _json(leaderboard: Leaderboard, num_samples: int) -> str:
    text = json.dumps(leaderboard.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    return text + "\n"


def _latex(leaderboard: Leaderboard, num_samples: int) -> str:
    from mtnlg.report.latex import render_latex

    return render_latex(leaderboard)


def _terminal(leaderboard: Leaderboard, num_samples: int) -> str:
    from mtnlg.report.text_formats import render_terminal

    return render_terminal(leaderboard)


FORMATS: dict[str, Format] = {
    "html": Format("index.html", "one self-contained page with tables, curves and samples", _html),
    "markdown": Format("leaderboard.md", "the tables and their notes, for a README", _markdown),
    "csv": Format("leaderboard.csv", "a line for each system and metric", _csv),
    "json": Format("leaderboard.json", "the boards with all pairs, for programs", _json),
    "latex": Format("leaderboard.tex", "a booktabs table for each board, for a paper", _latex),
    "terminal": Format("leaderboard.txt", "aligned plain text with notes", _terminal),
}
FORMAT_TABLE = Table("mtnlg.formats", Format, FORMATS)


def find_format(name: str, *, key: str = "report.formats") -> Format:
    """The format of that name, ours or a package's; raises ConfigError naming the setting."""
    return FORMAT_TABLE.find(name, key=key)


def write_report(
    leaderboard: Leaderboard,
    folder: Path,
    *,
    formats: Sequence[str] | None = None,
    num_samples: int = NUM_SAMPLES,
) -> list[Path]:
    """Write these formats, or the usual ones, if all of them render; returns the paths."""
    names = ReportConfig().formats if formats is None else formats
    chosen = {name: find_format(name) for name in names}
    for name, report_format in chosen.items():
        if not is_folder_name(report_format.file_name):
            raise ConfigError(
                f"the report format {name} names its file {report_format.file_name!r}; "
                "it must be a name without a path"
            )
    beside = (each.file_name for name, each in chosen.items() if name != "html")
    leaderboard = replace(leaderboard, files=tuple(beside))
    texts = {
        folder / each.file_name: each.render(leaderboard, num_samples) for each in chosen.values()
    }
    for path, text in texts.items():
        write_text(path, _encodable(text))
    return list(texts)


def _encodable(text: str) -> str:
    """The text with halves of surrogate pairs, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
