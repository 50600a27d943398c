"""The leaderboard as one self-contained page, all of whose numbers show without its scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from mtnlg.leaderboard.curves import Point
from mtnlg.leaderboard.labels import parse_override
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.leaderboard.samples import BoardSamples, board_samples
from mtnlg.leaderboard.sweep import sweeps
from mtnlg.records.scores import MetricScore
from mtnlg.report import display
from mtnlg.report.charts import interval_bar, slice_chart
from mtnlg.report.cost_quality import cost_charts
from mtnlg.report.curve_charts import curve_charts
from mtnlg.report.notes import board_notes
from mtnlg.report.page_data import compare_json, samples_json
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.run_details import environment_facts, finished_text, run_anchors, run_details
from mtnlg.report.summary import board_lead, groups, no_board_sentence
from mtnlg.report.templates import render_page
from mtnlg.report.verdicts import comparison_unit, is_one_training, short_verdict

SCRIPTS = (
    "elements.js",
    "tables.js",
    "notes.js",
    "differences.js",
    "samples.js",
    "compare.js",
    "links.js",
    "start.js",
)
"""In the order in which they are joined."""


class Link(NamedTuple):
    """A link to another part of the page."""

    text: str
    anchor: str


class Pair(NamedTuple):
    """A comparison as the table of pairs shows it."""

    comparison: RowComparison
    difference: str
    p: str
    p_holm: str
    verdict: str
    settings: tuple[tuple[str, str], ...]
    """Overrides of the better and of the worse row where these differ."""


@dataclass(frozen=True, slots=True)
class Section:
    """One board as the page shows it."""

    board: Board
    anchor: str
    samples: BoardSamples | None
    """None for a board of a subset, whose samples the board of all examples shows."""

    def bar(self, name: str, metric: MetricScore) -> Markup:
        """A metric's value and interval, on the scale that the board's rows share."""
        ends = _bar_ends(self.board.rows, name)
        return interval_bar(metric.value, low=metric.low, high=metric.high, ends=ends)

    @property
    def source_language(self) -> str:
        """The language of the sources; empty where it is unknown, as for translations."""
        return "" if self.board.task.partition("/")[0] == "translation" else self.board.language

    def samples_json(self) -> Markup:
        """The samples as samples.js reads them."""
        assert self.samples is not None, f"{self.anchor} has no samples of its own"
        return samples_json(self.samples, self.board, source_language=self.source_language)

    def row_anchor(self, row: BoardRow) -> str:
        """The anchor of a row of the board."""
        return f"{self.anchor}-row-{self.board.rows.index(row) + 1}"

    def first(self, name: str) -> str:
        """The sort order in which a metric's best value comes first."""
        metrics = (row.metrics[name] for row in self.board.rows if name in row.metrics)
        is_higher_better = next((metric.higher_is_better for metric in metrics), True)
        return "descending" if is_higher_better else "ascending"


def render_html(leaderboard: Leaderboard, *, num_samples: int) -> str:
    """The page; the same leaderboard and artifacts give the same bytes."""
    sections = [
        Section(
            board,
            f"board-{number}",
            board_samples(board, artifacts_root=leaderboard.artifacts_root, num_samples=num_samples)
            if board.subset == "all"
            else None,
        )
        for number, board in enumerate(leaderboard.boards, start=1)
    ]
    anchors = run_anchors(leaderboard)
    context = {
        "leaderboard": leaderboard,
        "date": finished_text(leaderboard.runs),
        "no_board": no_board_sentence(len(leaderboard.runs)),
        "sections": sections,
        "board_lead": board_lead,
        "groups": groups,
        "is_one_training": is_one_training,
        "board_notes": _notes,
        "board_pairs": board_pairs,
        "ratings": rating_sections,
        "cost_charts": cost_charts,
        "charts": list(curve_charts(leaderboard)),
        "sweeps": sweeps(leaderboard),
        "slice_chart": slice_chart,
        "facts": environment_facts(leaderboard.runs),
        "runs": run_details(leaderboard),
        "rows_of": {run.run_id: _rows_of(run.run_id, sections) for run in leaderboard.runs},
        "compare_json": compare_json(leaderboard, [section.anchor for section in sections]),
        "run_links": lambda row: _run_links(row, anchors),
    }
    return render_page("report.html.j2", context, scripts=SCRIPTS)


def _notes(board: Board) -> dict[str, list[str]]:
    """The board's notes, once for headings with the same notes."""
    headings: dict[tuple[str, ...], list[str]] = {}
    for heading, notes in board_notes(board).items():
        headings.setdefault(tuple(notes), []).append(heading)
    return {", ".join(names): list(notes) for notes, names in headings.items()}


def board_pairs(board: Board) -> list[Pair]:
    """The pairs in the order of the ranking."""
    rows = {row.label: row for row in board.ranked}
    return [
        Pair(
            comparison,
            display.difference_text(comparison, unit=comparison_unit(comparison, board)),
            display.p_text(comparison.p),
            display.p_text(comparison.p_holm),
            short_verdict(comparison, board),
            _settings(rows[comparison.better], rows[comparison.worse]),
        )
        for comparison in board.comparisons
    ]


def _settings(better: BoardRow, worse: BoardRow) -> tuple[tuple[str, str], ...]:
    """Overrides of the better row that the worse does not share, each with the latter's override of
    the same setting; none unless both were trained here.
    """
    if better.kind != "trained" or worse.kind != "trained":
        return ()
    of_worse = {parse_override(word)[0]: word for word in reversed(worse.overrides)}
    return tuple(
        (word, of_worse.get(name, ""))
        for word in better.overrides
        if word not in worse.overrides and (name := parse_override(word)[0]) != "seed"
    )


def _bar_ends(rows: Sequence[BoardRow], name: str) -> Point:
    """The ends of the scale of a metric's interval bars, which includes zero."""
    metrics = [row.metrics[name] for row in rows if name in row.metrics]
    values = (value for metric in metrics for value in (metric.value, metric.low, metric.high))
    ends = [end for end in values if end is not None]
    return (min(0.0, *ends), max(0.0, *ends)) if ends else (0.0, 1.0)


def _rows_of(run_id: str, sections: Sequence[Section]) -> list[Link]:
    """The rows of a run, without baselines, which many runs share."""
    return [
        Link(
            f"{display.board_title(section.board)}: {_row_text(row, section.board)}",
            section.row_anchor(row),
        )
        for section in sections
        for row in section.board.rows
        if run_id in row.runs and row.kind != "baseline"
    ]


def _row_text(row: BoardRow, board: Board) -> str:
    main = row.metrics.get(board.main_metric or "")
    if main is None:
        return f"{row.label}, {row.status}"
    return f"{row.label}, {board.main_metric} {display.full_text(main)}"


def _run_links(row: BoardRow, anchors: Mapping[str, str]) -> list[Link]:
    """The runs behind a row, named by their seeds, or "run" where seeds and runs do not match."""
    if row.kind == "baseline":
        return []
    has_seeds = len(row.seeds) == len(row.runs)
    names = map(str, row.seeds) if has_seeds else ["run"] * len(row.runs)
    return [
        Link(name, anchors[run_id])
        for name, run_id in zip(names, row.runs, strict=True)
        if run_id in anchors
    ]
