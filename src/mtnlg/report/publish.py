"""Boards that are committed: what the report of a launch is made from, copied without anything of
the machine that it ran on, and the report made from that copy.

`<published>/<name>/record/` has the layout of runs and artifacts, with few predictions, since data
is not ours to publish. The files beside it, and the tables in README.md, can be made again from it
at any time, and `check_published` tells whether they still are what would be made.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mtnlg.errors import ArtifactError
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.samples import evenly_spaced
from mtnlg.records.files import (
    JsonObject,
    JsonValue,
    count_of,
    object_of,
    objects_of,
    read_json,
    text_of,
    write_json,
    write_jsonl,
    write_text,
)
from mtnlg.records.places import CONFIG_FILE, IMPORTS_FILE, RATINGS_FILE
from mtnlg.records.rows import read_predictions
from mtnlg.records.run_config import config_text, read_config
from mtnlg.records.runs import read_launch
from mtnlg.records.scores import copy_statistics
from mtnlg.report.formats import write_report
from mtnlg.report.markdown import excerpt

RECORD = "record"
PUBLICATION_FILE = "publication.json"
EXCERPT = re.compile(r"(<!-- board (\S+) -->\n).*?(<!-- end of board -->)", re.DOTALL)
"""Where README.md shows a board: the name of its folder, then whatever is there now."""

NOT_PUBLIC = ("process",)
PATH_WORDS = re.compile(r"(artifacts|runs|reports)_root=")


def publish(
    experiment: str,
    *,
    runs_root: Path,
    artifacts_root: Path,
    published_root: Path,
    num_samples: int,
) -> list[Path]:
    """Copy the record of the last launch of an experiment, write its report, and give the paths.

    Raises ArtifactError where a score or a model's curve that the board shows is gone.
    """
    launch = read_launch(experiment, runs_root=runs_root)
    published_root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=published_root) as temporary:
        folder = Path(temporary) / launch.experiment
        record = folder / RECORD
        write_json(
            record / PUBLICATION_FILE,
            {"experiment": launch.experiment, "num_samples": num_samples},
        )
        source = runs_root / launch.experiment
        document = read_json(source / "launch.json")
        command = public_command(text_of(document, "command") or "")
        target = record / "runs" / launch.experiment
        write_json(target / "launch.json", {**document, "command": command})
        # A run that never started is a row with that reason.
        started = [one for one in launch.run_ids if (source / one / "run.json").is_file()]
        runs = {run_id: read_json(source / run_id / "run.json") for run_id in started}
        has_seeds = len({count_of(run, "seed") for run in runs.values()}) > 1
        for run_id, run in runs.items():
            public = {name: value for name, value in run.items() if name not in NOT_PUBLIC}
            write_json(target / run_id / "run.json", public)
            config = read_config(source / run_id)
            if not isinstance(config, str):
                write_text(target / run_id / CONFIG_FILE, config_text(config))
            _copy_artifacts(
                run, artifacts_root, record / "artifacts", num_samples, has_seeds=has_seeds
            )
        if (source / RATINGS_FILE).is_file():
            _copy(source / RATINGS_FILE, target / RATINGS_FILE)
        imports = _copy_imports(source, target, runs.values())
        _copy_artifacts(
            imports, artifacts_root, record / "artifacts", num_samples, has_seeds=has_seeds
        )
        _write(folder)
        place = published_root / launch.experiment
        shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)
    return sorted(path for path in place.iterdir() if path.is_file())


def refresh_excerpts(readme: Path, *, published_root: Path) -> None:
    """Put the published boards into the marked places of a document."""
    write_text(readme, _with_excerpts(readme, published_root))


def refresh_published(published_root: Path) -> list[str]:
    """Write the report of every published board again from its record; gives a line for each
    folder, those without a record, which are left as they are, included.
    """
    lines = []
    for folder in sorted(path for path in published_root.iterdir() if path.is_dir()):
        if (folder / RECORD / PUBLICATION_FILE).is_file():
            _write(folder)
            lines.append(f"{folder}: made again from its record")
        else:
            lines.append(f"{folder}: left as it is, since it has no {RECORD}")
    return lines


def check_published(published_root: Path, *, readme: Path | None) -> list[str]:
    """Each file that is not what its record gives, in words; empty where all are."""
    stale: list[str] = []
    for folder in sorted(path.parent for path in published_root.glob(f"*/{RECORD}")):
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / folder.name
            shutil.copytree(folder / RECORD, copy / RECORD)
            for path in _write(copy):
                there = folder / path.name
                if not there.is_file() or there.read_bytes() != path.read_bytes():
                    stale.append(f"{there} is not what its record gives; publish it again")
    if readme is not None and _with_excerpts(readme, published_root) != readme.read_text("utf-8"):
        stale.append(f"{readme} shows boards that are not those of {published_root}")
    return stale


def public_command(command: str) -> str:
    """A command as anybody would type it: DATA for the folder of data, the usual other folders."""
    words = [
        "data_root=DATA" if word.startswith("data_root=") else word
        for word in shlex.split(command)
        if not PATH_WORDS.match(word)
    ]
    return shlex.join(words)


def _copy_imports(source: Path, target: Path, runs: Iterable[JsonObject]) -> JsonObject:
    """The imported systems as one more run: their scores, and the tasks that the others name."""
    if not (source / IMPORTS_FILE).is_file():
        return {}
    imports = read_json(source / IMPORTS_FILE)
    write_json(target / IMPORTS_FILE, imports)
    tasks: list[JsonValue] = [task for run in runs for task in objects_of(run, "tasks")]
    return {"scores": imports["imports"], "tasks": tasks}


def _copy_artifacts(
    run: JsonObject, source: Path, target: Path, num_samples: int, *, has_seeds: bool
) -> None:
    model = text_of(object_of(run, "artifacts"), "model")
    if model is not None:
        for name in ("metrics.csv", "training.json"):
            _copy(source / "model" / model / name, target / "model" / model / name)
    main_metrics = {
        text_of(task, "task"): text_of(task, "main_metric") for task in objects_of(run, "tasks")
    }
    for entry in objects_of(run, "scores"):
        scores, predictions = text_of(entry, "scores"), text_of(entry, "predictions")
        if scores is not None:
            path = Path("scores", scores, "scores.json")
            _copy(source / path, target / path)
            main = main_metrics.get(text_of(entry, "task"))
            is_of_seed = has_seeds and text_of(entry, "kind") == "trained"
            _copy_statistics(
                (source / path).parent, (target / path).parent, None if is_of_seed else main
            )
        if predictions is not None and num_samples:
            path = Path("predictions", predictions, "predictions.jsonl")
            shown = evenly_spaced(read_predictions(source / path), num_samples)
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            write_jsonl(target / path, (one.to_json() for one in shown))


def _copy_statistics(source: Path, target: Path, main_metric: str | None) -> None:
    """Of the main metric alone, which the board tests, or of all (None), where several seeds may
    have intervals together; without them its rows say that they are not tested, here as there.
    """
    with suppress(ArtifactError):
        copy_statistics(source, target, *([main_metric] if main_metric else []))


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ArtifactError(f"{source}: no such file; run the experiment again before publishing")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(folder: Path) -> list[Path]:
    """The report of a published folder, from its record."""
    record = folder / RECORD
    publication = read_json(record / PUBLICATION_FILE)
    leaderboard = build_leaderboard(
        text_of(publication, "experiment") or folder.name,
        runs_root=record / "runs",
        artifacts_root=record / "artifacts",
    )
    num_samples = count_of(publication, "num_samples") or 0
    return write_report(replace(leaderboard, is_record=True), folder, num_samples=num_samples)


def _with_excerpts(readme: Path, published_root: Path) -> str:
    def board(found: re.Match[str]) -> str:
        folder = published_root / found[2]
        if not (folder / RECORD).is_dir():
            raise ArtifactError(f"{readme}: shows board {found[2]}, but {folder} has no {RECORD}")
        leaderboard = build_leaderboard(
            found[2],
            runs_root=folder / RECORD / "runs",
            artifacts_root=folder / RECORD / "artifacts",
        )
        return found[1] + excerpt(leaderboard) + found[3]

    return EXCERPT.sub(board, readme.read_text(encoding="utf-8"))
