"""Each run of a launch beyond its scores: its configuration, facts, training speed and end of log.
A file that is missing is no error here, but named with the reason.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnlg.leaderboard.curves import Table, best_axis, curve_of, read_table, shown_metric
from mtnlg.leaderboard.labels import Identity, distinct_labels
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.files import JsonObject
from mtnlg.records.places import LOG_FILE, is_folder_name, run_folder
from mtnlg.records.run_config import config_text, read_config, settings_of, without_folders
from mtnlg.records.runs import RunRecord
from mtnlg.records.stages import find_training
from mtnlg.report.charts import Labels, Line, line_chart
from mtnlg.report.display import bytes_text, count_text, duration_text, flops_text, moment_text

LOG_LINES = 30
LOG_BYTES = 65_536
"""Read from the end of a log, which is enough for its last lines."""
NOT_KEPT = "not kept in the published record"
SPEED = "tokens_per_second"
WHOLE, DIGITS = "{:,.0f}".format, "{:.5g}".format
TRAINING: dict[str, tuple[str, Callable[[float], str]]] = {
    "parameters": ("parameters", WHOLE),
    "trained_parameters": ("trained parameters", WHOLE),
    "steps": ("training steps", WHOLE),
    "best_step": ("step of the chosen weights", WHOLE),
    "best_validation_loss": ("best validation loss", DIGITS),
    "best_validation_metric": ("best validation metric", DIGITS),
    "training_tokens": ("training tokens", count_text),
    "training_target_tokens": ("training target tokens", count_text),
    "training_flops": ("training FLOPs", flops_text),
    "training_seconds": ("training time", duration_text),
    "peak_memory_bytes": ("peak memory", bytes_text),
    "threads": ("threads", WHOLE),
    "devices": ("devices", WHOLE),
}
"""Field of training.json -> its name on the page, and the format of its value."""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """One run. An empty text has the reason in its `..._reason`."""

    run: RunRecord
    anchor: str
    label: str
    facts: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    config: str
    config_reason: str
    log: str
    log_reason: str
    speed: Markup
    speed_sentence: str


def run_details(leaderboard: Leaderboard) -> list[RunDetails]:
    """The details of every run, in the order of the launch."""
    anchors = run_anchors(leaderboard)
    labels = distinct_labels(
        [
            Identity(
                run.system,
                run.decoding,
                run.overrides,
                seeds=() if run.seed is None else (run.seed,),
                runs=(run.run_id,),
            )
            for run in leaderboard.runs
        ]
    )
    return [
        _details(run, leaderboard, anchor=anchors[run.run_id], label=label)
        for run, label in zip(leaderboard.runs, labels, strict=True)
    ]


def run_anchors(leaderboard: Leaderboard) -> dict[str, str]:
    """Run id -> anchor of its details on the page."""
    return {run.run_id: f"run-{number}" for number, run in enumerate(leaderboard.runs, start=1)}


def run_config(run: RunRecord, leaderboard: Leaderboard) -> JsonObject | str:
    """The configuration of a run, or why there is none."""
    folder = _folder(run, leaderboard)
    if folder is None:
        return "its folder is not known"
    config = read_config(folder)
    is_gone = isinstance(config, str) and config.startswith("there is no")
    return NOT_KEPT if is_gone and leaderboard.is_record else config


def training_facts(run: RunRecord, artifacts_root: Path) -> Iterator[tuple[str, str]]:
    """What the training of a run cost and reached, from training.json if it can be read."""
    training = find_training(run.model, artifacts_root=artifacts_root)
    for field, (name, text) in TRAINING.items():
        value = getattr(training, field, None)
        if field == "best_validation_metric" and value is not None:
            value = shown_metric(value, run)
        if value is not None:
            yield name, text(value)


def log_tail(path: Path) -> str:
    """The last lines of a log, without the folders of paths; raises OSError."""
    with path.open("rb") as stream:
        start = max(stream.seek(0, os.SEEK_END) - LOG_BYTES, 0)
        stream.seek(start)
        lines = stream.read().decode("utf-8", errors="replace").splitlines()
    lines = lines[1:] if start else lines
    return without_folders("\n".join(lines[-LOG_LINES:]))


def _details(run: RunRecord, leaderboard: Leaderboard, *, anchor: str, label: str) -> RunDetails:
    config = run_config(run, leaderboard)
    log, log_reason = _log_of(run, leaderboard)
    table = read_table(run.model, artifacts_root=leaderboard.artifacts_root)
    return RunDetails(
        run,
        anchor,
        label,
        tuple(_facts(run, leaderboard.artifacts_root)),
        tuple(settings_of(run.environment)),
        "" if isinstance(config, str) else config_text(config),
        config if isinstance(config, str) else "",
        log,
        log_reason,
        *_speed(table),
    )


def _folder(run: RunRecord, leaderboard: Leaderboard) -> Path | None:
    if leaderboard.runs_root is None or not is_folder_name(run.run_id):
        return None
    return run_folder(leaderboard.runs_root, leaderboard.experiment, run.run_id)


def _log_of(run: RunRecord, leaderboard: Leaderboard) -> tuple[str, str]:
    """The end of a run's log and an empty reason, or an empty text and the reason."""
    folder = _folder(run, leaderboard)
    if folder is None:
        return "", "its folder is not known"
    try:
        tail = log_tail(folder / LOG_FILE)
    except FileNotFoundError:
        missing = f"there is no {LOG_FILE} in the run's folder"
        return "", NOT_KEPT if leaderboard.is_record else missing
    except OSError as error:
        return "", f"{LOG_FILE} cannot be read: {error.strerror}"
    return tail, "" if tail else f"{LOG_FILE} is empty"


def _facts(run: RunRecord, artifacts_root: Path) -> Iterator[tuple[str, str]]:
    yield "decoding", run.decoding or ""
    yield "seed", "" if run.seed is None else str(run.seed)
    yield "overrides", " ".join(run.overrides)
    yield "tags", ", ".join(run.tags)
    yield "started", moment_text(run.started)
    yield "finished", moment_text(run.finished)
    yield "wall-clock", duration_text(run.seconds)
    yield from training_facts(run, artifacts_root)
    yield "model", f"artifacts/model/{run.model}" if run.model else ""


def _speed(table: Table) -> tuple[Markup, str]:
    """Tokens per second over the training, as a chart and as a sentence."""
    axis = best_axis([table])
    points = curve_of(table, SPEED, axis=axis).points
    if not points:
        return Markup(""), ""
    title = "Tokens per second over the training"
    labels = Labels(title, axis.replace("_", " "), "tokens per second")
    drawing = line_chart([Line(labels.up, points, 0)], labels)
    speeds = [speed for _, speed in points]
    sentence = (
        f"{title}: median {statistics.median(speeds):,.0f}, from {min(speeds):,.0f} to "
        f"{max(speeds):,.0f}."
    )
    return drawing, sentence


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of an environment; runs are empty if no run has another value."""

    name: str
    value: str
    runs: tuple[str, ...]


def environment_facts(runs: Sequence[RunRecord]) -> list[Fact]:
    """Versions, git and hardware of the runs, by name; where values differ, each with its runs."""
    holders: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        for name, value in settings_of(run.environment):
            holders.setdefault(name, {}).setdefault(value, []).append(run.run_id)
    return [
        Fact(name, value, () if len(values) == 1 else tuple(run_ids))
        for name, values in holders.items()
        for value, run_ids in values.items()
    ]


def finished_text(runs: Sequence[RunRecord]) -> str:
    """When the last run finished: never the present time, so that a report keeps its bytes."""
    moments = [run.finished for run in runs if run.finished is not None]
    return f"finished {moment_text(max(moments))}" if moments else "no run has finished"
