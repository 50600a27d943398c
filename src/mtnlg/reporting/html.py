"""The leaderboard as one self-contained page: report.html.j2 filled in, with report.css and
report.js inside.

All numbers are there without the script. Escaping is on for everything, every text passes `visible`
first, and no other script or style than ours is obeyed. Refuses to know: what a number means.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from mtnlg.reporting import display
from mtnlg.reporting.charts import NUM_COLOURS, Line, interval_bar, line_chart
from mtnlg.reporting.cost_quality import CostChart, cost_charts
from mtnlg.reporting.curves import (
    Curve,
    Point,
    best_axis,
    curve_of,
    metric_columns,
    read_table,
)
from mtnlg.reporting.facts import environment_facts, finished_text
from mtnlg.reporting.labels import Identity, distinct_labels
from mtnlg.reporting.leaderboard import Board, BoardRow, Leaderboard
from mtnlg.reporting.notes import board_notes
from mtnlg.reporting.sample_data import samples_json
from mtnlg.reporting.samples import BoardSamples, board_samples
from mtnlg.reporting.scores import MetricScore
from mtnlg.reporting.summary import Lead, board_lead, no_board_sentence, ties

LONG_TEXT = 600
"""Characters from which a text is folded."""
HEAD = 300
"""Characters of a folded text that show."""
LONGEST_WORD = 40
"""Characters within which a space is looked for to fold at; Chinese has none and folds anywhere."""


@dataclass(frozen=True, slots=True)
class Section:
    """One board as the page shows it; samples are None where another board shows the same ones."""

    board: Board
    anchor: str
    title: str
    lead: Lead | None
    ties: str
    notes: dict[str, list[str]]
    leaks: list[str]
    samples: BoardSamples | None
    costs: tuple[CostChart, ...]
    """Quality against cost; empty for a board of a subset."""

    def bar(self, name: str, metric: MetricScore) -> Markup:
        """A metric's value and interval, on the scale that the board's rows share."""
        ends = _bar_ends(self.board.rows, name)
        return interval_bar(metric.value, low=metric.low, high=metric.high, ends=ends)

    @property
    def source_language(self) -> str:
        """That of the texts, but unknown where these are translated."""
        return "" if self.board.task.partition("/")[0] == "translation" else self.board.language

    def samples_json(self) -> Markup:
        """The samples as the script reads them."""
        assert self.samples is not None, f"{self.anchor} has no samples of its own"
        return samples_json(self.samples, self.board, source_language=self.source_language)

    def first(self, name: str) -> str:
        """The order in which a metric's best value comes first."""
        metrics = (row.metrics[name] for row in self.board.rows if name in row.metrics)
        is_higher_better = next((metric.higher_is_better for metric in metrics), True)
        return "descending" if is_higher_better else "ascending"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing and what must be said about it."""

    title: str
    drawing: Markup
    remarks: tuple[str, ...]


def render_html(leaderboard: Leaderboard, *, num_samples: int) -> str:
    """The page; the same leaderboard and artifacts give the same bytes."""
    folder = files("mtnlg.reporting")
    template = _environment().from_string(
        folder.joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    css = folder.joinpath("report.css").read_text(encoding="utf-8")
    script = folder.joinpath("report.js").read_text(encoding="utf-8")
    return template.render(
        leaderboard=leaderboard,
        css=Markup(css),
        script=Markup(script),
        policy=_policy(css, script),
        date=finished_text(leaderboard.runs),
        no_board=no_board_sentence(len(leaderboard.runs)),
        sections=_sections(leaderboard, num_samples=num_samples),
        charts=list(_charts(leaderboard)),
        facts=environment_facts(leaderboard.runs),
        run_labels=_run_labels(leaderboard),
    )


def _policy(css: str, script: str) -> str:
    """A Content-Security-Policy under which the page loads nothing and runs our script alone."""
    return (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        value=display.value_text,
        evidence=display.evidence_text,
        interval=display.interval_text,
        spread=display.spread_text,
        amount=display.count_text,
        flops=display.flops_text,
        duration=display.duration_text,
        memory=display.bytes_text,
        moment=display.moment_text,
        share=display.share_text,
        breakable=_breakable,
        fold=_fold,
        visible=display.visible,
    )
    environment.globals.update(absent=display.ABSENT)
    return environment


def _finalize(value: object) -> object:
    """Text from data with nothing hidden in it; our own markup as it is."""
    return display.visible(value) if type(value) is str else value


def _breakable(text: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return escape(display.visible(text)).replace("_", Markup("_<wbr>"))


def _fold(text: str) -> tuple[str, str]:
    """The part of a text that shows at once and the part that is folded away, empty for a short
    one.
    """
    if len(text) <= LONG_TEXT:
        return text, ""
    space = text.rfind(" ", HEAD - LONGEST_WORD, HEAD)
    cut = HEAD if space < 0 else space + 1
    return text[:cut], text[cut:]


def _sections(leaderboard: Leaderboard, *, num_samples: int) -> list[Section]:
    return [
        Section(
            board,
            f"board-{place}",
            display.board_title(board),
            board_lead(board),
            ties(board),
            _notes(board),
            display.leak_notes(board),
            board_samples(board, artifacts_root=leaderboard.artifacts_root, num_samples=num_samples)
            if board.subset == "all"
            else None,
            tuple(cost_charts(board)) if board.subset == "all" else (),
        )
        for place, board in enumerate(leaderboard.boards, start=1)
    ]


def _notes(board: Board) -> dict[str, list[str]]:
    """The board's notes, told once for metrics of which they are the same."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, notes in board_notes(board).items():
        names.setdefault(tuple(notes), []).append(name)
    return {", ".join(alike): list(notes) for notes, alike in names.items()}


def _bar_ends(rows: Sequence[BoardRow], name: str) -> Point:
    """The scale of a metric's interval bars: from the least to the greatest end, and zero."""
    metrics = [row.metrics[name] for row in rows if name in row.metrics]
    ends = [
        end
        for metric in metrics
        for end in (metric.value, metric.low, metric.high)
        if end is not None
    ]
    return (min(0.0, *ends), max(0.0, *ends)) if ends else (0.0, 1.0)


def _run_labels(leaderboard: Leaderboard) -> dict[str, str]:
    """Run id -> a name for the curves and the table of runs."""
    identities = [
        Identity(
            run.system,
            run.decoding,
            run.overrides,
            seeds=() if run.seed is None else (run.seed,),
            runs=(run.run_id,),
        )
        for run in leaderboard.runs
    ]
    labels = distinct_labels(identities)
    return {run.run_id: label for run, label in zip(leaderboard.runs, labels, strict=True)}


def _charts(leaderboard: Leaderboard) -> Iterator[Chart]:
    """Losses and validation metrics over the training, for as many runs at a time as there are
    colours.
    """
    labels = _run_labels(leaderboard)
    tables = {
        labels[run.run_id] + ("" if run.status == "finished" else f" ({run.status})"): table
        for run in leaderboard.runs
        if (table := read_table(run.model, artifacts_root=leaderboard.artifacts_root))
    }
    axis = best_axis(tables.values())
    names = list(tables)
    for start in range(0, len(names), NUM_COLOURS):
        group = {name: tables[name] for name in names[start : start + NUM_COLOURS]}
        yield from _charts_of(group, axis=axis)


def _charts_of(tables: dict[str, list[dict[str, str]]], *, axis: str) -> Iterator[Chart]:
    losses = {"train_loss": ", training", "validation_loss": ", validation"}
    yield from _chart("Loss", "nats per target token", tables, axis=axis, columns=losses)
    for column in metric_columns(tables.values()):
        task = column.partition("/")[2]
        title = f"Validation metric, {task}" if task else "Validation metric"
        yield from _chart(title, "validation metric", tables, axis=axis, columns={column: ""})


def _chart(
    title: str,
    up_label: str,
    tables: dict[str, list[dict[str, str]]],
    *,
    axis: str,
    columns: dict[str, str],
) -> Iterator[Chart]:
    """One chart of some columns of each run, or none where nothing was measured."""
    curves: dict[str, Curve] = {}
    lines: list[Line] = []
    for colour, (name, table) in enumerate(tables.items()):
        for column, suffix in columns.items():
            curve = curve_of(table, column, axis=axis)
            curves[name + suffix] = curve
            is_faint = column == "train_loss"
            lines.append(Line(name + suffix, curve.points, colour, is_faint=is_faint))
    remarks = tuple(_remarks(curves, axis=axis))
    right_label = axis.replace("_", " ")
    drawing = line_chart(lines, title=title, right_label=right_label, up_label=up_label)
    if drawing or remarks:
        yield Chart(title, drawing, remarks)


def _remarks(curves: Mapping[str, Curve], *, axis: str) -> Iterator[str]:
    """What was done to the measurements before they were drawn."""
    widest = max((curve.points_per_mean for curve in curves.values()), default=1)
    if widest > 1:
        yield f"Each point is the mean of up to {widest} measurements."
    for label, curve in curves.items():
        if curve.not_finite_at is not None:
            place = f"{axis.replace('_', ' ')} {curve.not_finite_at:.10g}"
            yield f"{label}: not a finite number from {place} on."
