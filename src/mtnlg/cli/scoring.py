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

from mtnlg.cli.files import STANDARD_METRICS, read_inputs
from mtnlg.config.checks import above, at_least, check, require
from mtnlg.config.evaluation import ENTITIES
from mtnlg.errors import ConfigError
from mtnlg.evaluation import Metric, Resampling, find_metric
from mtnlg.evaluation.significance.comparison import MAX_COMPARED, trials_needed
from mtnlg.leaderboard.file_board import Settings, build_file_board, write_samples
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.leaderboard.ranking import find_main_metric
from mtnlg.records.text_files import as_mistake_of_the_command
from mtnlg.report import find_format, write_report
from mtnlg.report.text_formats import render_terminal
from mtnlg.text.scripts import base_language

logger = logging.getLogger(__name__)


def score(options: argparse.Namespace) -> None:
    """Print the board, and write the page that --html asks for."""
    check("--samples", options.samples, at_least(0))
    report_format = find_format(options.style, key="--print")
    settings = _settings(options)
    with as_mistake_of_the_command():
        inputs = read_inputs(options)
    board = build_file_board(inputs, settings, task=options.task)
    command = shlex.join(["mtnlg", "score", *options.words])
    with TemporaryDirectory(prefix="mtnlg-score-") as folder:
        title = f"Scores against {board.test_set}"
        leaderboard = Leaderboard(title, command, (board,), (), Path(folder))
        if options.html is not None:
            write_samples(inputs, Path(folder), num_samples=options.samples)
            (page,) = write_report(
                leaderboard, options.html, formats=["html"], num_samples=options.samples
            )
            logger.info(f"page: {page}")
        if options.style == "terminal":
            width = shutil.get_terminal_size().columns
            print(render_terminal(leaderboard, width=width), end="")
        else:
            print(report_format.render(leaderboard, 0), end="")


def _settings(options: argparse.Namespace) -> Settings:
    for name, least in (("resamples", 1), ("trials", 1), ("seed", 0)):
        check(f"--{name}", getattr(options, name), at_least(least))
    require(0 < options.confidence < 1, "--confidence", options.confidence, "in (0, 1)")
    _check_trials(options.trials, num_systems=min(len(options.hypotheses), MAX_COMPARED))
    base_language(options.language)
    metrics = _metrics(options)
    for metric in metrics:
        if metric.needs_sources and not options.sources:
            raise ConfigError(f"--metrics has {metric.name!r}, which needs --sources FILE")
    margins = _by_metric(
        "--equivalence-margin", options.equivalence_margin, "METRIC=NUMBER, as bleu=1"
    )
    for name, word in margins.items():
        known = ", ".join(metric.name for metric in metrics)
        if name not in known.split(", "):
            raise ConfigError(f"--equivalence-margin has {name!r}, which is not computed: {known}")
        check(f"--equivalence-margin {name}", _number(word), above(0))
    return Settings(
        metrics=metrics,
        main_metric=options.main_metric,
        language=options.language,
        num_trials=options.trials,
        resampling=Resampling(
            num_resamples=options.resamples, confidence=options.confidence, seed=options.seed
        ),
        margins={name: _number(word) for name, word in margins.items()},
    )


def _check_trials(num_trials: int, *, num_systems: int) -> None:
    """Refuse trials of which even the least p-value, corrected for all pairs, says nothing."""
    num_pairs = num_systems * (num_systems - 1) // 2
    require(
        num_trials >= trials_needed(num_pairs),
        "--trials",
        num_trials,
        f"at least {trials_needed(num_pairs)}: the least p-value, 1/{num_trials + 1}, cannot be "
        f"significant after Holm's correction for the {num_pairs} pairs of {num_systems} systems",
    )


def _metrics(options: argparse.Namespace) -> tuple[Metric, ...]:
    """Those that are asked for, or the usual ones of the task; the first can rank systems."""
    given = [name for word in options.metrics or () for name in word.split(",") if name]
    names = given or _usual_metrics(options)
    if options.main_metric is None:
        find_main_metric(names[0], key="--metrics")
    else:
        find_main_metric(options.main_metric, key="--main-metric")
        names = [options.main_metric, *names]
    folders = _by_metric(
        "--model-folder", options.model_folder, "METRIC=FOLDER, as comet=models/da"
    )
    return tuple(
        find_metric(name, key="--metrics", model_folders=folders) for name in dict.fromkeys(names)
    )


def _usual_metrics(options: argparse.Namespace) -> list[str]:
    names = [*STANDARD_METRICS[options.task]]
    if options.task != "translation":
        names += [name for name in ENTITIES if options.sources or "source" not in name]
    return names


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
