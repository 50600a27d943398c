"""The launches that most tests of the report begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_launch import MadeLaunch, made_metric


@pytest.fixture
def launch(tmp_path: Path) -> MadeLaunch:
    """An experiment without runs."""
    return MadeLaunch(tmp_path)


@pytest.fixture
def troubled(launch: MadeLaunch) -> MadeLaunch:
    """Two systems and a baseline with numbers, and one run for each way in which a row can go
    without rank.
    """
    baseline = launch.score(launch.add_scores("base", 5.0), kind="baseline", system="copy")
    launch.add_run("good", [launch.score(launch.add_scores("good", 20.0)), baseline])
    better = launch.score(launch.add_scores("better", 23.5), system="micro")
    launch.add_run("better", [better, baseline], system="micro")
    other = made_metric(60.0, signature="tok:none")
    odd = launch.score(launch.add_scores("odd", all={"bleu": other}), system="odd")
    launch.add_run("odd", [odd], system="odd")
    nan = launch.score(launch.add_scores("nan", float("nan")), system="nan")
    launch.add_run("nan", [nan], system="nan")
    launch.add_run("fell", status="failed", reason="out of memory", system="fell")
    launch.add_run("going", status="running", system="going", finished_at=None)
    launch.run_ids.append("gone")
    return launch
