"""The rows of one board of a launch, their contamination signals, and how they were scored: what it
takes to put another system on it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from mtnlg.artifacts.store import RECORD_FILE, ArtifactRecord, find_artifact
from mtnlg.config import EvaluationConfig
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.records.codec import decode, read_record
from mtnlg.records.launches import read_launch, read_runs
from mtnlg.records.places import PREDICTIONS_FILE, experiment_folder, is_folder_name
from mtnlg.records.rows import Prediction, read_predictions
from mtnlg.records.runs import ScoreRecord
from mtnlg.records.scores import load_scores


@dataclass(frozen=True, kw_only=True)
class BoardRows:
    """The rows of one task and test set, and how its systems are scored."""

    task: str
    test_set: str
    language: str
    rows: list[Prediction]
    """Those of one of its systems; tags are the signals that the launch's own training sets
    gave."""
    scored_rows: str | None
    """As in the record of a score."""
    example: Path
    """Where the rows are from: what a file of another system must answer."""
    settings: EvaluationConfig
    signatures: dict[str, str]
    """Metric -> the signature that its numbers have."""
    systems: dict[str, str]
    """Name of a system that a run of the launch scored -> its kind."""


def read_board(
    experiment: str, *, task: str, test_set: str, runs_root: Path, artifacts_root: Path
) -> BoardRows:
    """The rows and contamination counts that most systems of a board have.

    Raises ConfigError where the launch has no such board, naming those that it has, and
    ArtifactError where there is no launch, or where the board has no scores yet.
    """
    launch = read_launch(experiment, runs_root=runs_root)
    runs = read_runs(launch, runs_root=runs_root)
    scores = [score for run in runs for score in run.scores]
    known = {(task.task, name) for run in runs for task in run.tasks for name in task.test_sets}
    known |= {(score.task, score.test_set) for score in scores}
    _check_names(task, test_set, known, experiment)
    scored: list[tuple[ScoreRecord, Path, Path]] = []
    for score in scores:
        if (score.task, score.test_set) == (task, test_set):
            predictions = _folder(artifacts_root, "predictions", score.predictions)
            folder = _folder(artifacts_root, "scores", score.scores)
            if predictions and folder:
                scored.append((score, predictions / PREDICTIONS_FILE, folder))
    if not scored:
        raise ArtifactError(
            f"{experiment_folder(runs_root, experiment)}: {task}, {test_set} has no system with "
            f"scores in {artifacts_root} yet; run the experiment first"
        )
    identities = [(score.scored_rows, score.contamination) for score, _, _ in scored]
    (usual, _), *_ = Counter(identities).most_common(1)
    score, example, folder = scored[identities.index(usual)]
    metrics = load_scores(folder).metrics
    return BoardRows(
        task=task,
        test_set=test_set,
        language=score.language,
        rows=read_predictions(example),
        scored_rows=score.scored_rows,
        example=example,
        settings=_settings(folder / RECORD_FILE),
        signatures={name: metric.signature for name, metric in metrics.items()},
        systems={score.system: score.kind for score, _, _ in scored},
    )


def _check_names(task: str, test_set: str, known: set[tuple[str, str]], experiment: str) -> None:
    tasks = ", ".join(sorted({name for name, _ in known})) or "none"
    if task not in {name for name, _ in known}:
        raise ConfigError(
            f"--task {task}: experiment {experiment} has no such task; known: {tasks}"
        )
    if (task, test_set) not in known:
        of_task = ", ".join(sorted(split for name, split in known if name == task))
        raise ConfigError(f"--test-set {test_set}: {task} has no such test set; known: {of_task}")


def _folder(artifacts_root: Path, stage: str, key: str | None) -> Path | None:
    if key is None or not is_folder_name(key):
        return None
    return find_artifact(artifacts_root, stage, key)


def _settings(path: Path) -> EvaluationConfig:
    """How a scores folder was made, from the inputs of its key."""
    known = {field.name for field in fields(EvaluationConfig)}
    recorded = read_record(path, ArtifactRecord).inputs.get("evaluation")
    if not isinstance(recorded, dict) or not recorded or set(recorded) - known:
        raise ArtifactError(
            f"{path}: its inputs have no evaluation settings that are known here; evaluate the "
            "experiment again"
        )
    return decode(recorded, EvaluationConfig, at="$.inputs.evaluation")
