"""The report of a launch, which is left alone where nothing that it is made of has changed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import RECORD_FILE, VERIFY_SINCE, file_sha256, package_versions
from mtnlg.config import Config, plain_settings
from mtnlg.errors import ArtifactError, DamagedError
from mtnlg.experiment.naming import experiment_name
from mtnlg.plugins import installed
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.launches import Launch, read_launch, read_runs
from mtnlg.records.places import (
    CONFIG_FILE,
    LOG_FILE,
    RUN_FILE,
    artifact_folder,
    experiment_folder,
    is_folder_name,
)
from mtnlg.records.runs import ScoreRecord, read_imports

logger = logging.getLogger(__name__)

MADE_FILE = ".report.json"
PLUGIN_GROUPS = ("mtnlg.metrics", "mtnlg.formats")
PACKAGES = ("numpy", "scipy", "jinja2", "sacrebleu", "rouge-score", "tabulate")
"""Whose release can change a board or its page."""


@dataclass(frozen=True)
class Made:
    """.report.json: what a report was made of, and what it is."""

    inputs: str
    """One hash of all that it was made of."""
    files: Mapping[str, str]
    """File of its folder -> its stamp."""
    lines: tuple[str, ...]
    """What is said of its boards."""


def report(config: Config) -> list[Path]:
    """A launch's manifests and scores to a report, whatever became of the runs; raises DamagedError
    at the end where folders of its rows are damaged.
    """
    name = experiment_name(config)
    folder = Path(config.reports_root) / name
    inputs = _inputs(config, name)
    made = _unchanged(folder, inputs)
    if made is None:
        made = _make(config, name, inputs)
        write_record(folder / MADE_FILE, made)
    for line in made.lines:
        logger.info(line)
    return [folder / file for file in made.files]


def _make(config: Config, name: str, inputs: str) -> Made:
    from mtnlg.leaderboard.board import build_leaderboard
    from mtnlg.report import write_report
    from mtnlg.report.text_formats import score_lines

    leaderboard = build_leaderboard(
        name,
        runs_root=Path(config.runs_root),
        artifacts_root=Path(config.artifacts_root),
        has_paired_bootstrap=config.report.has_paired_bootstrap,
        equivalence_margin=config.evaluation.equivalence_margin,
    )
    paths = write_report(
        leaderboard,
        Path(config.reports_root) / name,
        formats=config.report.formats,
        num_samples=config.report.num_samples,
    )
    lines = list(score_lines(leaderboard))
    lines.append(f"report: {paths[0]}" + "".join(f", {path.name}" for path in paths[1:]))
    if leaderboard.damaged:
        for line in lines:
            logger.info(line)
        raise DamagedError(
            f"{'; '.join(leaderboard.damaged)}; run the experiment again, or import the system "
            "again, to build what is damaged"
        )
    return Made(inputs, {path.name: _stamp(path) for path in paths}, tuple(lines))


def _unchanged(folder: Path, inputs: str) -> Made | None:
    """The report that is there, if it was made of this and is as it was written."""
    if VERIFY_SINCE in os.environ:  # all that it reads is to be hashed
        return None
    try:
        made = read_record(folder / MADE_FILE, Made)
    except ArtifactError:
        return None
    is_whole = all(_stamp(folder / file) == stamp for file, stamp in made.files.items())
    return made if made.inputs == inputs and is_whole else None


def _inputs(config: Config, name: str) -> str:
    """One hash of all that the report is made of."""
    from mtnlg.report.question import experiment_texts

    launch = read_launch(name, runs_root=Path(config.runs_root))
    assets = Path(str(resources.files("mtnlg.report"))) / "assets"
    inputs = {
        "report": plain_settings(config.report),
        "margins": dict(config.evaluation.equivalence_margin),
        "code": _code(config),
        "assets": [_content(path) for path in sorted(assets.iterdir())],
        "packages": package_versions(*PACKAGES),
        "plugins": [str(point) for group in PLUGIN_GROUPS for point in installed(group)],
        "experiments": [*experiment_texts(launch.command)],
        "files": [*_files(config, name, launch)],
    }
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def _code(config: Config) -> str:
    from mtnlg.report.formats import FORMAT_TABLE, find_format

    rows = tuple(FORMAT_TABLE.used(name, find_format(name)) for name in config.report.formats)
    return Code(_make, rows=rows).digest(Path(config.artifacts_root))


def _files(config: Config, name: str, launch: Launch) -> Iterator[tuple[str, str]]:
    """Each file that boards and pages read, with what changes when it changes: its content, where
    each command writes it again, or else its stamp.
    """
    from mtnlg.leaderboard.damage import READ_FILES

    runs_root = Path(config.runs_root)
    folder = experiment_folder(runs_root, name)
    runs = read_runs(launch, runs_root=runs_root)
    keys = {("model", run.model) for run in runs}
    scores: list[ScoreRecord] = [score for run in runs for score in run.scores]
    with suppress(ArtifactError):  # the board says it
        scores += read_imports(name, runs_root=runs_root)
    for score in scores:
        keys |= {("predictions", score.predictions), ("scores", score.scores)}
    for path in sorted([*folder.glob("*.json"), *folder.glob("ratings/*")]):
        yield path.name, _content(path)
    for run in runs:
        yield run.run_id, f"{run.status} {run.reason}"
        if is_folder_name(run.run_id):
            of_run = folder / run.run_id
            yield from ((file, _content(of_run / file)) for file in (RUN_FILE, CONFIG_FILE))
            yield LOG_FILE, _stamp(of_run / LOG_FILE)
    for stage, key in sorted((stage, key) for stage, key in keys if key and is_folder_name(key)):
        artifact = artifact_folder(Path(config.artifacts_root), stage, key)
        for file in (RECORD_FILE, *READ_FILES[stage]):
            yield f"{key}/{file}", _stamp(artifact / file)


def _content(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        return str(error.strerror)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError as error:
        return str(error.strerror)
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
