"""`mtnlg runs wait`: until all runs of an experiment are over, also those of a cluster."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path

POLL_SECONDS = 1.0
GOING_ON, ENDED_BADLY = ("running", "waiting"), ("failed", "killed")


def run_wait(options: argparse.Namespace) -> int:
    """Wait until no run of an experiment waits or works; 0 if all did what they were asked for."""
    from mtnlg.records.launches import read_launch, read_runs
    from mtnlg.records.places import experiment_folder
    from mtnlg.records.runs import STANDING

    end = time.monotonic() + 60 * (math.inf if options.minutes is None else options.minutes)
    while True:
        launch = read_launch(options.experiment, runs_root=options.runs_root)
        folder = experiment_folder(options.runs_root, launch.experiment)
        runs = [
            replace(run, status="waiting", reason="its cluster may continue it")
            if run.status == "killed" and _is_queued(folder / run.run_id)
            else run
            for run in read_runs(launch, runs_root=options.runs_root)
        ]
        if not any(run.status in GOING_ON for run in runs) or time.monotonic() >= end:
            break
        time.sleep(POLL_SECONDS)
    for run in runs:
        reason = f": {run.reason}" if run.status in ENDED_BADLY else ""
        print(f"{run.run_id}  {run.status}{reason}")
    return int(any(run.status not in STANDING for run in runs))


def _is_queued(run_folder: Path) -> bool:
    """Whether a cluster still has a job for a run."""
    from mtnlg.records.places import SUBMITTED_FILE

    if not (run_folder / SUBMITTED_FILE).exists():
        return False
    from mtnlg.experiment.cluster import may_continue

    return may_continue(run_folder)
