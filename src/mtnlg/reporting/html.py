"""The leaderboard as one self-contained page without scripts: report.html.j2 filled in, with
report.css inside.

Escaping is on for everything, and every text passes `visible` first. Refuses to know: what a number
means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from mtnlg.reporting import display
from mtnlg.reporting.charts import NUM_COLOURS, Line, interval_bar, line_chart
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
from mtnlg.reporting.samples import BoardSamples, board_samples
from mtnlg.reporting.scores import MetricScore
from mtnlg.reporting.summary import board_sentence, no_board_sentence

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
    sentence: str
    notes: dict[str, list[str]]
    leaks: list[str]
    bar_ends: Point
    samples: BoardSamples | None

    def bar(self, metric: MetricScore) -> Markup:
        """A main metric's value and interval, on the board's scale."""
        return interval_bar(metric.value, low=metric.low, high=metric.high, ends=self.bar_ends)


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
    return template.render(
        leaderboard=leaderboard,
        css=Markup(folder.joinpath("report.css").read_text(encoding="utf-8")),
        date=finished_text(leaderboard.runs),
        no_board=no_board_sentence(len(leaderboard.runs)),
        sections=_sections(leaderboard, num_samples=num_samples),
        charts=list(_charts(leaderboard)),
        facts=environment_facts(leaderboard.runs),
        run_labels=_run_labels(leaderboard),
    )


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
        interval=display.interval_text,
        spread=display.spread_text,
        amount=display.count_text,
        flops=display.flops_text,
        duration=display.duration_text,
        memory=display.bytes_text,
        moment=display.moment_text,
        share=display.share_text,
        fold=_fold,
        visible=display.visible,
    )
    environment.globals.update(absent=display.ABSENT)
    return environment


def _finalize(value: object) -> object:
    """Text from data with nothing hidden in it; our own markup as it is."""
    return display.visible(value) if type(value) is str else value


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
            board_sentence(board),
            board_notes(board),
            display.leak_notes(board),
            _bar_ends(board.rows, board.main_metric),
            board_samples(board, artifacts_root=leaderboard.artifacts_root, num_samples=num_samples)
            if board.subset == "all"
            else None,
        )
        for place, board in enumerate(leaderboard.boards, start=1)
    ]


def _bar_ends(rows: Sequence[BoardRow], main_metric: str | None) -> Point:
    """The scale of a board's interval bars: from the least to the greatest end, and to zero where
    that is near.
    """
    name = main_metric or ""
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
