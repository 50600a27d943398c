"""Damaged artifacts behind a row: they are named, and never read into a board."""

from __future__ import annotations

from pathlib import Path

from mtnlg.artifacts.store import RECORD_FILE, find_artifact
from mtnlg.errors import ArtifactError
from mtnlg.records.places import (
    METRICS_FILE,
    PREDICTIONS_FILE,
    SCORES_FILE,
    STATISTICS_FILE,
    TRAINING_FILE,
    artifact_folder,
    is_folder_name,
)
from mtnlg.records.runs import ScoreRecord

READ_FILES = {
    "scores": (SCORES_FILE, STATISTICS_FILE),
    "predictions": (PREDICTIONS_FILE,),
    "model": (METRICS_FILE, TRAINING_FILE),
}
"""Stage -> the files of its folders that reports and comparisons read."""


def damage_of(score: ScoreRecord, model: str | None, *, artifacts_root: Path) -> str | None:
    """What is damaged of the folders behind a score, with the model's where there is one."""
    keys = {"scores": score.scores, "predictions": score.predictions, "model": model}
    faults = (fault_of(stage, key, artifacts_root=artifacts_root) for stage, key in keys.items())
    return next(filter(None, faults), None)


def fault_of(stage: str, key: str | None, *, artifacts_root: Path) -> str | None:
    """The damage of one folder, in words that name the file; None where there is none, or where no
    record says how its files were built, as in a published record.
    """
    if key is None or not is_folder_name(key):
        return None
    if not (artifact_folder(artifacts_root, stage, key) / RECORD_FILE).is_file():
        return None
    try:
        find_artifact(artifacts_root, stage, key, *READ_FILES[stage])
    except ArtifactError as error:
        return str(error)
    return None
