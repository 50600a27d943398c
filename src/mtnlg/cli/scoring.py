"""What `mtnlg score` does: files of hypotheses and references in, one board out."""

from __future__ import annotations

import argparse
import logging
import math
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnlg.cli.files import read_inputs
from mtnlg.config.checks import at_least, check
from mtnlg.errors import ConfigError
from mtnlg.leaderboard.file_board import SamplesFolder, build_file_board
from mtnlg.leaderboard.file_inputs import Settings, make_settings
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.text_files import as_mistake_of_the_command
from mtnlg.report import find_format, write_report

logger = logging.getLogger(__name__)


def score(options: argparse.Namespace) -> None:
    """Print the board, and write the page that --html asks for."""
    check("--samples", options.samples, at_least(0))
    report_format = find_format(options.style, key="--print")
    settings = _settings(options)
    with as_mistake_of_the_command():
        inputs = read_inputs(options)
    command = shlex.join(["mtnlg", "score", *options.words])
    with TemporaryDirectory(prefix="mtnlg-score-") as folder:
        shown = None if options.html is None else SamplesFolder(Path(folder), options.samples)
        board = build_file_board(inputs, settings, task=options.task, samples=shown)
        title = f"Scores against {board.test_set}"
        leaderboard = Leaderboard(title, command, (board,), (), Path(folder))
        if options.html is not None:
            (page,) = write_report(
                leaderboard, options.html, formats=["html"], num_samples=options.samples
            )
            logger.info(f"page: {page}")
        if options.style == "terminal":
            from mtnlg.report.text_formats import render_terminal

            width = shutil.get_terminal_size().columns
            print(render_terminal(leaderboard, width=width), end="")
        else:
            print(report_format.render(leaderboard, 0), end="")
    reasons = {name: text for row in board.rows for name, text in row.left_out.items()}
    never_run = [name for name in reasons if not any(name in row.metrics for row in board.rows)]
    if options.metrics and never_run:
        name = never_run[0]
        raise ConfigError(f"--metrics has {name!r}, which no system has: {reasons[name]}")


def _settings(options: argparse.Namespace) -> Settings:
    margins = _by_metric(
        "--equivalence-margin", options.equivalence_margin, "METRIC=NUMBER, as bleu=1"
    )
    return make_settings(
        task=options.task,
        language=options.language,
        has_sources=bool(options.sources),
        num_systems=len(options.hypotheses),
        metrics=[name for word in options.metrics or () for name in word.split(",") if name],
        main_metric=options.main_metric,
        model_folders=_by_metric(
            "--model-folder", options.model_folder, "METRIC=FOLDER, as comet=models/da"
        ),
        resamples=options.resamples,
        confidence=options.confidence,
        trials=options.trials,
        seed=options.seed,
        equivalence_margin={name: _number(word) for name, word in margins.items()},
        named=lambda name: f"--{name.replace('_', '-')}",
    )


def _by_metric(option: str, words: Sequence[str], form: str) -> dict[str, str]:
    """Metric -> what words such as METRIC=FOLDER say of it."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise ConfigError(f"{option} {word}: must be {form}")
        values[name] = value
    return values


def _number(word: str) -> float:
    """The number, or not a number."""
    try:
        return float(word)
    except ValueError:
        return math.nan
