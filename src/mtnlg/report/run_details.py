"""What there is to know of each run of a launch beyond its scores: how it was made, how fast it
trained, and what it said last.

Refuses to know: how it looks. What a run did not leave behind is said, and never an error.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mtnlg.errors import MtnlgError
from mtnlg.leaderboard.curves import Table, best_axis, curve_of, read_table
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.files import JsonObject, is_folder_name, number_of, read_json
from mtnlg.records.run_config import config_text, read_config, settings_of, without_folders
from mtnlg.records.runs import RunRecord
from mtnlg.report.charts import Labels, Line, line_chart
from mtnlg.report.display import bytes_text, count_text, duration_text, flops_text, moment_text

LOG_FILE = "log.txt"


LOG_LINES = 30


LOG_BYTES = 65_536
"""Read from the end of a log, which is enough for its last lines."""


NOT_KEPT = "not kept in the published record"


SPEED = "tokens_per_second"


def _digits(value: float) -> str:
    return f"{value:.5g}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


TRAINING: dict[str, tuple[str, Callable[[float], str]]] = {
    "parameters": ("parameters", _whole),
    "steps": ("training steps", _whole),
    "best_step": ("step of the chosen weights", _whole),
    "best_validation_loss": ("best validation loss", _digits),
    "best_validation_metric": ("best validation metric", _digits),
    "training_tokens": ("training tokens", count_text),
    "training_target_tokens": ("training target tokens", count_text),
    "training_flops": ("training FLOPs", flops_text),
    "training_seconds": ("training time", duration_text),
    "peak_memory_bytes": ("peak memory", bytes_text),
    "threads": ("threads", _whole),
    "devices": ("devices", _whole),
}
"""Name in training.json -> what it is called here, and how it reads."""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """One run. A text is empty where its `..._reason` says why there is none."""

    run: RunRecord
    anchor: str
    label: str
    facts: tuple[tuple[str, str], ...]
    config: str
    config_reason: str
    log: str
    log_reason: str
    speed: Markup
    speed_sentence: str


def run_details(leaderboard: Leaderboard, labels: Mapping[str, str]) -> list[RunDetails]:
    """The details of every run, in the order of the launch; labels are by run id."""
    return [
        _details(run, leaderboard, anchor=anchor, label=labels[run.run_id])
        for run, anchor in zip(leaderboard.runs, run_anchors(leaderboard).values(), strict=True)
    ]


def run_anchors(leaderboard: Leaderboard) -> dict[str, str]:
    """Run id -> where its details are on the page."""
    return {run.run_id: f"run-{place}" for place, run in enumerate(leaderboard.runs, start=1)}


def run_config(run: RunRecord, leaderboard: Leaderboard) -> JsonObject | str:
    """The configuration of a run, or why there is none."""
    folder = _folder(run, leaderboard)
    if folder is None:
        return "its folder is not known"
    found = read_config(folder)
    is_gone = isinstance(found, str) and found.startswith("there is no")
    return NOT_KEPT if is_gone and leaderboard.is_record else found


def training_facts(run: RunRecord, artifacts_root: Path) -> Iterator[tuple[str, str]]:
    """What the training of a run took and gave, as far as its model's folder says."""
    if run.model is None or not is_folder_name(run.model):
        return
    try:
        document = read_json(artifacts_root / "model" / run.model / "training.json")
    except MtnlgError:
        return
    for name, (called, text) in TRAINING.items():
        value = number_of(document, name)
        if value is not None:
            yield called, text(value)


def log_tail(path: Path) -> str:
    """The last lines of a log, without the folders of absolute paths; raises OSError where it
    cannot be read.
    """
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
        "" if isinstance(config, str) else config_text(config),
        config if isinstance(config, str) else "",
        log,
        log_reason,
        *_speed(table),
    )


def _folder(run: RunRecord, leaderboard: Leaderboard) -> Path | None:
    if leaderboard.runs_root is None or not is_folder_name(run.run_id):
        return None
    return leaderboard.runs_root / leaderboard.experiment / run.run_id


def _log_of(run: RunRecord, leaderboard: Leaderboard) -> tuple[str, str]:
    """The end of a run's log and an empty reason, or nothing and the reason."""
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
    yield "asked for", " ".join(run.overrides)
    yield "tags", ", ".join(run.tags)
    yield "started", moment_text(run.started)
    yield "finished", moment_text(run.finished)
    yield "wall-clock", duration_text(run.seconds)
    yield from training_facts(run, artifacts_root)
    yield "model", f"artifacts/model/{run.model}" if run.model else ""
    yield from settings_of(run.environment)


def _speed(table: Table) -> tuple[Markup, str]:
    """Tokens per second over the training, drawn and in words."""
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
    """One value of an environment; runs are empty where every run that says anything agrees."""

    name: str
    value: str
    runs: tuple[str, ...]


def environment_facts(runs: Sequence[RunRecord]) -> list[Fact]:
    """Versions, git and hardware of the runs, by name; a value that not all share comes with the
    runs that have it.
    """
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
    """When the last run finished; not the present time, so that a report can be made again byte for
    byte.
    """
    moments = [run.finished for run in runs if run.finished is not None]
    return f"finished {moment_text(max(moments))}" if moments else "no run has finished"
