"""Boards that are committed: a report, and the record that it is made from.

`<published>/<name>/record.zip` has the layout of runs and artifacts, without anything of the
machine that it was made on, and with few predictions, since data is not ours to publish. It is read
in place: the files beside it, and the tables in README.md, can be made from it at any time, and
`check_published` says whether they still are what it gives.
"""

from __future__ import annotations

import re
import shlex
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from mtnlg.config import ReportConfig
from mtnlg.errors import ArtifactError, DamagedError
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.damage import damage_of, fault_of
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.leaderboard.samples import evenly_spaced, write_sample_values
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.files import write_jsonl, write_text
from mtnlg.records.launches import read_launch, read_runs
from mtnlg.records.places import (
    CONFIG_FILE,
    IMPORTS_FILE,
    LAUNCH_FILE,
    METRICS_FILE,
    RATINGS_FILE,
    SCORES_FILE,
    TRAINING_FILE,
    experiment_folder,
    is_folder_name,
    model_folder,
    predictions_file,
    run_folder,
    scores_folder,
)
from mtnlg.records.rows import read_predictions
from mtnlg.records.run_config import config_text, read_config, without_folders
from mtnlg.records.runs import (
    Imports,
    RunRecord,
    ScoreRecord,
    read_imports,
    write_run,
)
from mtnlg.records.scores import copy_statistics, load_statistics
from mtnlg.report.formats import write_report
from mtnlg.report.text_formats import excerpt

RECORD_FILE = "record.zip"
PUBLICATION_FILE = "publication.json"
OLDEST_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip file can hold; no file of a record has another."""
EXCERPT = re.compile(r"(<!-- board (\S+) -->\n).*?(<!-- end of board -->)", re.DOTALL)
"""Where README.md shows a board: the name of its folder, then what is there now."""
ZIP_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError),
    *(UnicodeDecodeError, ValueError, struct.error, IndexError, OverflowError),
)
"""What zipfile raises for damaged bytes."""
PATH_WORDS = re.compile(r"(artifacts|runs|reports)_root=")


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published of an experiment, and how."""

    experiment: str
    num_samples: int
    """Predictions of each system that the record keeps and the page shows."""
    formats: tuple[str, ...] = tuple(ReportConfig().formats)


def publish(
    publication: Publication, *, runs_root: Path, artifacts_root: Path, published_root: Path
) -> list[Path]:
    """Write the record of an experiment's last launch and its report, and return the paths."""
    target = published_root / read_launch(publication.experiment, runs_root=runs_root).experiment
    published_root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=published_root) as temporary:
        record, folder = Path(temporary, "record"), Path(temporary, target.name)
        write_record(record / PUBLICATION_FILE, publication)
        _Copy(runs_root, artifacts_root, record, publication).write()
        folder.mkdir()
        write_archive(folder / RECORD_FILE, record)
        _write_report(folder / RECORD_FILE, folder)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    return sorted(path for path in target.iterdir() if path.is_file())


def refresh_excerpts(readme: Path, *, published_root: Path) -> None:
    """Put the published boards into the marked parts of a document."""
    write_text(readme, _with_excerpts(readme, published_root))


def refresh_published(published_root: Path) -> list[str]:
    """Write the report of every published board again from its record; return a line for each
    folder, also for those without a record, which stay as they are.
    """
    lines = []
    for folder in sorted(path for path in published_root.iterdir() if path.is_dir()):
        if (folder / RECORD_FILE).is_file():
            _write_report(folder / RECORD_FILE, folder)
            lines.append(f"{folder}: written again from its record")
        else:
            lines.append(f"{folder}: left as it is, since it has no {RECORD_FILE}")
    return lines


def check_published(published_root: Path, *, readme: Path | None) -> list[str]:
    """Each file that is not what its record gives, in words; empty where all are."""
    stale: list[str] = []
    for record in sorted(published_root.glob(f"*/{RECORD_FILE}")):
        with tempfile.TemporaryDirectory() as temporary:
            for fresh in _write_report(record, Path(temporary)):
                path = record.parent / fresh.name
                if not path.is_file() or path.read_bytes() != fresh.read_bytes():
                    stale.append(f"{path} is not what its record gives; publish it again")
    if readme is not None and _with_excerpts(readme, published_root) != readme.read_text("utf-8"):
        stale.append(f"{readme} shows boards that are not those of {published_root}")
    return stale


def public_command(command: str) -> str:
    """A command as anybody would type it: DATA for the folder of data, the usual other folders, and
    no absolute path.
    """
    words = [
        "data_root=DATA" if word.startswith("data_root=") else without_folders(word)
        for word in shlex.split(command)
        if not PATH_WORDS.match(word)
    ]
    return " ".join(word if word == "&&" else shlex.quote(word) for word in words)


def write_archive(path: Path, folder: Path) -> None:
    """Write a folder as a zip file; the same files give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), OLDEST_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever the machine
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), compresslevel=9)


@contextmanager
def open_archive(path: Path) -> Iterator[Path]:
    """The root of a zip file whose checksums are right, to read from it in place."""
    try:
        archive = zipfile.ZipFile(path)
        broken = archive.testzip()
    except (*ZIP_FAULTS, OSError) as error:
        raise DamagedError(f"{path}: broken ({error}); publish the experiment again") from None
    if broken is not None:
        raise DamagedError(f"{path}: broken (checksum of {broken}); publish the experiment again")
    with archive:
        # A zipfile.Path reads like a pathlib.Path, and nothing of a record is written.
        yield cast(Path, zipfile.Path(archive))


@dataclass(frozen=True, slots=True)
class _Copy:
    """Copies what a launch's report is made from."""

    runs_root: Path
    artifacts_root: Path
    record: Path
    publication: Publication

    def write(self) -> None:
        """Write the runs, with what is imported into them and the ratings, and their artifacts."""
        experiment = self.publication.experiment
        launch = read_launch(experiment, runs_root=self.runs_root)
        runs = read_runs(launch, runs_root=self.runs_root)
        imports = read_imports(experiment, runs_root=self.runs_root)
        source = experiment_folder(self.runs_root, experiment)
        target = experiment_folder(self.record / "runs", experiment)
        public = replace(
            launch,
            command=public_command(launch.command or ""),
            overrides={
                run: tuple(map(without_folders, words)) for run, words in launch.overrides.items()
            },
        )
        write_record(target / LAUNCH_FILE, public)
        for run in runs:
            if is_folder_name(run.run_id):  # any other is a row that says so
                self._write_run(run)
        if imports:
            write_record(target / IMPORTS_FILE, Imports(imports, experiment))
        if (source / RATINGS_FILE).is_file():
            _copy_file(source / RATINGS_FILE, target / RATINGS_FILE)
        for model in dict.fromkeys(run.model for run in runs if run.model is not None):
            if fault := fault_of("model", model, artifacts_root=self.artifacts_root):
                raise DamagedError(f"{fault}; run the experiment again before publishing")
            for name in (METRICS_FILE, TRAINING_FILE):
                _copy_file(
                    model_folder(self.artifacts_root, model) / name,
                    model_folder(self.record / "artifacts", model) / name,
                )
        main_metrics = {task.task: task.main_metric for run in runs for task in run.tasks}
        has_seeds = len({run.seed for run in runs if run.seed is not None}) > 1
        for score in (*(score for run in runs for score in run.scores), *imports):
            # Several seeds may have intervals together, by any metric.
            if fault := damage_of(score, None, artifacts_root=self.artifacts_root):
                raise DamagedError(f"{fault}; run the experiment again before publishing")
            is_of_seeds = has_seeds and score.kind == "trained"
            self._copy_scores(score, None if is_of_seeds else main_metrics.get(score.task))
            self._copy_predictions(score)

    def _write_run(self, run: RunRecord) -> None:
        names = (self.publication.experiment, run.run_id)
        target = run_folder(self.record / "runs", *names)
        public = replace(run, process=None, process_start=None, host=None, command=None)
        write_run(target, public)
        config = read_config(run_folder(self.runs_root, *names))
        if not isinstance(config, str):
            write_text(target / CONFIG_FILE, config_text(config))

    def _copy_scores(self, score: ScoreRecord, main_metric: str | None) -> None:
        """The scores with the statistics of the main metric, which the board tests, or of all where
        it is None. A row without statistics says that it is not tested, here as in the launch.
        """
        if score.scores is None:
            return
        source = scores_folder(self.artifacts_root, score.scores)
        target = scores_folder(self.record / "artifacts", score.scores)
        _copy_file(source / SCORES_FILE, target / SCORES_FILE)
        with suppress(ArtifactError):
            copy_statistics(source, target, *([main_metric] if main_metric else []))
            self._write_sample_values(source, target)

    def _write_sample_values(self, source: Path, target: Path) -> None:
        """The values of the outputs that are shown, by all metrics."""
        statistics, _ = load_statistics(source)
        num_rows = max((len(array) for array in statistics.values()), default=0)
        shown = evenly_spaced(range(num_rows), self.publication.num_samples)
        whole = {name: array for name, array in statistics.items() if len(array) == num_rows}
        write_sample_values(target, whole, shown)

    def _copy_predictions(self, score: ScoreRecord) -> None:
        if score.predictions is None or not self.publication.num_samples:
            return
        predictions = read_predictions(predictions_file(self.artifacts_root, score.predictions))
        shown = evenly_spaced(predictions, self.publication.num_samples)
        target = predictions_file(self.record / "artifacts", score.predictions)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(target, (prediction.to_json() for prediction in shown))


def _copy_file(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ArtifactError(f"{source}: no such file; run the experiment again before publishing")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write_report(record_file: Path, folder: Path) -> list[Path]:
    """Write the report that a record gives."""
    with open_archive(record_file) as record:
        publication = read_record(record / PUBLICATION_FILE, Publication)
        return write_report(
            recorded_leaderboard(record),
            folder,
            formats=publication.formats,
            num_samples=publication.num_samples,
        )


def recorded_leaderboard(record: Path) -> Leaderboard:
    """The boards that a record gives."""
    experiment = read_record(record / PUBLICATION_FILE, Publication).experiment
    leaderboard = build_leaderboard(
        experiment, runs_root=record / "runs", artifacts_root=record / "artifacts"
    )
    return replace(leaderboard, is_record=True)


def _with_excerpts(readme: Path, published_root: Path) -> str:
    def board(match: re.Match[str]) -> str:
        record_file = published_root / match[2] / RECORD_FILE
        if not record_file.is_file():
            raise ArtifactError(f"{readme}: shows board {match[2]}, but {record_file} is missing")
        with open_archive(record_file) as record:
            return match[1] + excerpt(recorded_leaderboard(record)) + match[3]

    return EXCERPT.sub(board, readme.read_text(encoding="utf-8"))
