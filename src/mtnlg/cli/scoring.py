"""What `mtnlg score` does: files of hypotheses and references in, one table out."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnlg.cli.file_options import STANDARD_METRICS
from mtnlg.cli.text_files import read_inputs
from mtnlg.config.checks import at_least, check, require
from mtnlg.errors import ConfigError
from mtnlg.evaluation import Resampling, find_metric
from mtnlg.evaluation.measurement import measure_systems, measure_whole, num_cores
from mtnlg.leaderboard.file_board import (
    Inputs,
    Settings,
    Table,
    find_left_out,
    leaderboard_of,
    make_table,
    table_document,
    write_samples,
)
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.progress import Task, say, track
from mtnlg.records.text_files import TextFile, as_mistake_of_the_command
from mtnlg.report import find_format, write_report
from mtnlg.report.terminal import table_text
from mtnlg.text.scripts import base_language

Style = Callable[[Table, Leaderboard], str]
LONG_WORK = 1_000_000
"""Characters to measure, counted once for each metric, from which on processes are started and
progress is shown: some seconds of work.
"""


def score(options: argparse.Namespace) -> None:
    """Print the table, and write the page that --html asks for."""
    check("--samples", options.samples, at_least(0))
    settings = _settings(options)
    with as_mistake_of_the_command():
        inputs = read_inputs(options)
    table = _scored(inputs, settings)
    with TemporaryDirectory(prefix="mtnlg-score-") as folder:
        leaderboard = leaderboard_of(
            table,
            title=f"Scores against {_names(inputs.references)}",
            task=options.task,
            test_set=_names(inputs.references),
            language=options.language,
            command=shlex.join(["mtnlg", "score", *options.words]),
            folder=Path(folder),
        )
        if options.html is not None:
            write_samples(inputs, Path(folder), num_samples=options.samples)
            (page,) = write_report(
                leaderboard, options.html, formats=["html"], num_samples=options.samples
            )
            say(f"page: {page}")
        print(STYLES[options.style](table, leaderboard), end="")


def _names(files: Sequence[TextFile]) -> str:
    return " + ".join(file.name for file in files)


def _json_text(table: Table, leaderboard: Leaderboard) -> str:
    return json.dumps(table_document(table), ensure_ascii=False, allow_nan=False) + "\n"


def _report_text(name: str) -> Style:
    """One of the report's formats, without samples."""

    def render(table: Table, leaderboard: Leaderboard) -> str:
        return find_format(name)(leaderboard, num_samples=0).text

    return render


STYLES: dict[str, Style] = {
    "table": lambda table, leaderboard: table_text(table),
    "json": _json_text,
    "latex": _report_text("latex"),
    "markdown": _report_text("markdown"),
    "csv": _report_text("csv"),
}
"""What is printed, by the option that asks for it."""


def _model_folders(words: Sequence[str]) -> dict[str, str]:
    folders = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not equals or not folder:
            raise ConfigError(f"--model-folder {word}: must be METRIC=FOLDER, as comet=models/da")
        folders[name] = folder
    return folders


def _settings(options: argparse.Namespace) -> Settings:
    for name, least in (("resamples", 1), ("trials", 1), ("seed", 0)):
        check(f"--{name}", getattr(options, name), at_least(least))
    require(0 < options.confidence < 1, "--confidence", options.confidence, "in (0, 1)")
    base_language(options.language)
    given = [name for word in options.metrics or () for name in word.split(",") if name]
    names = given or STANDARD_METRICS[options.task]
    metrics = tuple(
        find_metric(name, key="--metrics", model_folders=_model_folders(options.model_folder))
        for name in dict.fromkeys(names)
    )
    require(
        metrics[0].higher_is_better is not None,
        "--metrics",
        metrics[0].name,
        "first a metric of which more or less is better: the table is sorted by it",
    )
    for metric in metrics:
        if metric.needs_sources and not options.sources:
            raise ConfigError(f"--metrics has {metric.name!r}, which needs --sources FILE")
    return Settings(
        metrics=metrics,
        language=options.language,
        num_trials=options.trials,
        resampling=Resampling(
            num_resamples=options.resamples, confidence=options.confidence, seed=options.seed
        ),
    )


def _scored(inputs: Inputs, settings: Settings) -> Table:
    left_out = find_left_out(inputs, settings)
    num_systems, num_rows = len(inputs.hypotheses), len(inputs.targets)
    systems = [inputs.texts(index, settings.language) for index in range(num_systems)]
    wanted = {
        name: [index for index in range(num_systems) if index not in reasons]
        for name, reasons in left_out.items()
    }
    num_characters = sum(len(text) for texts in systems for text in texts.hypotheses)
    is_long = num_characters * len(settings.metrics) > LONG_WORK
    num_processes = min(num_cores(), 1 + num_rows // 1_000) if is_long else 1
    whole = [metric for metric in settings.metrics if metric.is_whole]
    with _progress("measured rows", num_rows, is_shown=is_long) as task:
        measured = measure_systems(
            systems,
            {
                metric.name: wanted[metric.name]
                for metric in settings.metrics
                if not metric.is_whole
            },
            num_processes=num_processes,
            task=task,
        )
    found, not_run = measure_whole(whole, systems, wanted)
    for name, reason in not_run.items():
        left_out[name] = dict.fromkeys(range(num_systems), reason)
        wanted[name] = []
    num_steps = len(settings.metrics)
    is_long = num_steps * num_systems**2 * num_rows > LONG_WORK
    with _progress("compared systems by metric", num_steps, is_shown=is_long) as task:
        return make_table(
            inputs,
            systems,
            settings,
            wanted=wanted,
            left_out=left_out,
            measured={name: [] for name in not_run} | measured | found,
            on_metric=lambda name: task.advance(note=name),
        )


@contextmanager
def _progress(title: str, total: int, *, is_shown: bool) -> Iterator[Task]:
    if not is_shown:
        yield Task(title, total)
        return
    with track(title, total) as task:
        yield task
