"""The leaderboard as one self-contained page, all of whose numbers show without its scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from mtnlg.leaderboard.labels import parse_override
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.leaderboard.samples import BoardSamples, board_samples
from mtnlg.leaderboard.sweep import sweeps
from mtnlg.report import display
from mtnlg.report.charts import slice_chart
from mtnlg.report.cost_quality import cost_charts
from mtnlg.report.curve_charts import curve_charts
from mtnlg.report.notes import board_notes
from mtnlg.report.overview import (
    answer_of,
    by_test_set,
    forest_of,
    group_marks,
    matrix_of,
    scale_text,
    short_title,
)
from mtnlg.report.page_data import compare_json, samples_json
from mtnlg.report.question import question_of
from mtnlg.report.rating_tables import rating_sections
from mtnlg.report.run_details import environment_facts, finished_text, run_anchors, run_details
from mtnlg.report.summary import board_lead, groups, no_board_sentence
from mtnlg.report.templates import render_page
from mtnlg.report.verdicts import comparison_unit, is_one_training, short_verdict

SCRIPTS = (
    "elements.js",
    "state.js",
    "tables.js",
    "notes.js",
    "differences.js",
    "samples.js",
    "compare.js",
    "figures.js",
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
    """One test set: the board of all its rows, then those of its subsets, each with its anchor."""

    boards: Mapping[str, Board]
    samples: BoardSamples | None
    """None where there is no board of all rows."""

    @property
    def anchor(self) -> str:
        """The anchor of the section, which is that of its first board."""
        return next(iter(self.boards))

    @property
    def board(self) -> Board:
        """The first board."""
        return self.boards[self.anchor]

    @property
    def short_title(self) -> str:
        """The name of the test set."""
        return short_title(self.board)

    @property
    def source_language(self) -> str:
        """The language of the sources; empty where it is unknown, as for translations."""
        return "" if self.board.task.partition("/")[0] == "translation" else self.board.language

    def samples_json(self) -> Markup:
        """The samples as samples.js reads them."""
        assert self.samples is not None, f"{self.anchor} has no samples of its own"
        return samples_json(self.samples, self.board, source_language=self.source_language)


def row_anchor(board: Board, anchor: str, row: BoardRow) -> str:
    """The anchor of a row of a board."""
    return f"{anchor}-row-{board.rows.index(row) + 1}"


def first_order(board: Board, name: str) -> str:
    """The sort order in which a metric's best value comes first."""
    metrics = (row.metrics[name] for row in board.rows if name in row.metrics)
    is_higher_better = next((metric.higher_is_better for metric in metrics), True)
    return "descending" if is_higher_better is not False else "ascending"


def board_sections(leaderboard: Leaderboard, *, num_samples: int) -> list[Section]:
    """The boards by test set, in their order."""
    sections = []
    for number, (first, *others) in enumerate(by_test_set(leaderboard), start=1):
        anchors = {f"board-{number}": first}
        anchors |= {f"board-{number}-{board.subset}": board for board in others}
        samples = None
        if first.subset == "all":
            root = leaderboard.artifacts_root
            samples = board_samples(first, artifacts_root=root, num_samples=num_samples)
        sections.append(Section(anchors, samples))
    return sections


def render_html(leaderboard: Leaderboard, *, num_samples: int) -> str:
    """The page; the same leaderboard and artifacts give the same bytes."""
    sections = board_sections(leaderboard, num_samples=num_samples)
    anchors = run_anchors(leaderboard)
    every = {anchor: board for section in sections for anchor, board in section.boards.items()}
    context = {
        "leaderboard": leaderboard,
        "question": question_of(leaderboard),
        "statuses": Counter(run.status for run in leaderboard.runs),
        "date": finished_text(leaderboard.runs),
        "no_board": no_board_sentence(len(leaderboard.runs)),
        "sections": sections,
        "answers": [answer_of(list(section.boards.values())) for section in sections],
        "matrix": matrix_of([section.board for section in sections]),
        "group_marks": group_marks,
        "scale_text": scale_text,
        "forest": forest_of,
        "board_lead": board_lead,
        "groups": groups,
        "is_one_training": is_one_training,
        "row_anchor": row_anchor,
        "first_order": first_order,
        "board_notes": _notes,
        "board_pairs": board_pairs,
        "ratings": rating_sections,
        "cost_charts": cost_charts,
        "task_curves": curve_charts(leaderboard),
        "sweeps": sweeps(leaderboard),
        "slice_chart": slice_chart,
        "facts": environment_facts(leaderboard.runs),
        "runs": run_details(leaderboard),
        "shared_overrides": _shared_overrides(leaderboard),
        "rows_of": {run.run_id: _rows_of(run.run_id, every) for run in leaderboard.runs},
        "compare_json": compare_json(every, leaderboard),
        "run_links": lambda row: _run_links(row, anchors),
    }
    return render_page("report.html.j2", context, scripts=SCRIPTS)


def _shared_overrides(leaderboard: Leaderboard) -> list[str]:
    """What every run of several was launched with."""
    runs = leaderboard.runs
    words = runs[0].overrides if len(runs) > 1 else ()
    return [word for word in words if all(word in run.overrides for run in runs)]


def _notes(board: Board) -> dict[str, dict[str, list[str]]]:
    """The board's notes by fold: those of the metrics together, once for metrics of equal notes."""
    metrics: dict[tuple[str, ...], list[str]] = {}
    folds: dict[str, dict[str, list[str]]] = {"metrics and signatures": {}}
    for heading, notes in board_notes(board).items():
        if heading in board.metric_names:
            metrics.setdefault(tuple(notes), []).append(heading)
        else:
            folds[heading] = {heading: notes}
    folds["metrics and signatures"] = {
        ", ".join(names): list(notes) for notes, names in metrics.items()
    }
    return {fold: notes for fold, notes in folds.items() if notes}


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


def _rows_of(run_id: str, boards: Mapping[str, Board]) -> list[Link]:
    """The rows of a run, without baselines, which many runs share."""
    return [
        Link(
            f"{display.board_title(board)}: {_row_text(row, board)}",
            row_anchor(board, anchor, row),
        )
        for anchor, board in boards.items()
        for row in board.rows
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
