"""What a user sees of the stages, and what trackers get of the scores.

Oracle: artifacts and scores written by hand, and the file of Lightning's own CSVLogger.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from made_launch import MadeLaunch, launch, made_metric
from made_training import small_config
from mtnlg.artifacts.store import Artifact
from mtnlg.config import ThirdParty
from mtnlg.experiment.artifacts import Decoded
from mtnlg.experiment.stages import stage_line, track_scores

__all__ = ["launch"]


def test_line_of_a_stage_counts_what_was_built_and_cached() -> None:
    built, cached = (Artifact("rows", "k", Path("artifacts/rows/k"), new) for new in (True, False))

    assert stage_line("prepare", [built, cached, cached], 2.5) == (
        "prepare   1 built, 2 cached in 2.5 s"
    )
    assert stage_line("evaluate", [cached, cached], 0.1) == "evaluate  2 cached"
    assert stage_line("train", [built], 1.0) == "train     artifacts/rows/k built in 1.0 s"


def test_trackers_get_the_scores_of_the_trained_system_at_the_last_step(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    logger = ThirdParty(
        target="lightning.pytorch.loggers.CSVLogger",
        arguments={"save_dir": str(tmp_path / "csv")},
    )
    config = replace(
        small_config(), logger={"csv": logger}, artifacts_root=str(launch.artifacts_root)
    )
    task = next(iter(config.tasks))
    scored = []
    for system, kind, value in (("nano", "trained", 21.5), ("copy", "baseline", 3.0)):
        key = launch.add_scores(system, all={"bleu": made_metric(value)})
        artifact = Artifact("scores", key, launch.artifacts_root / "scores" / key, True)
        scored.append((Decoded(task, "test", system, kind, artifact), artifact))

    track_scores(config, tmp_path / "run", scored, step=40)

    (file,) = (tmp_path / "csv").rglob("metrics.csv")
    (row,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert row == {f"test/{config.task_title(task)}/test/bleu": "21.5", "step": "40"}
