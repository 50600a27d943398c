"""Jobs through submitit, whose local workers stand in for a cluster's: really submitted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mtnlg.errors import ConfigError
from mtnlg.experiment import cluster
from mtnlg.experiment.cluster import Cluster, Work
from mtnlg.records.places import CLUSTER_FOLDER
from mtnlg.records.runs import RunRecord

KILLS_ITS_WORKER = """
import os, signal, sys, pathlib
file = pathlib.Path(sys.argv[1]).with_name("tries")
tries = len(file.read_text()) if file.exists() else 0
file.write_text("x" * (tries + 1))
if tries < int(sys.argv[2]):
    os.kill(os.getppid(), signal.SIGKILL)
sys.exit(int(sys.argv[3]))
"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The frozen configurations of three runs."""
    paths = [tmp_path / "experiment" / name / "config.yaml" for name in ("one", "two", "three")]
    for path in paths:
        path.parent.mkdir(parents=True)
    return paths


def made(
    monkeypatch: pytest.MonkeyPatch, *, deaths: int = 0, status: int = 0, **settings: Any
) -> Cluster:
    """A local cluster whose workers die that often, and then end with the status."""

    def work(stages: Sequence[str], file: Path) -> Work:
        words = [sys.executable, "-c", KILLS_ITS_WORKER, str(file), str(deaths), str(status)]
        return Work([words])

    monkeypatch.setattr(cluster, "_work", work)
    monkeypatch.setattr("submitit.core.core.Job._results_timeout_s", 1)  # 15, for slow disks
    defaults = {"name": "local", "jobs": 2, "max_requeues": 2, "parameters": {"timeout_min": 1}}
    return Cluster(**{**defaults, **settings})


def test_jobs_end_with_the_status_of_their_process(
    monkeypatch: pytest.MonkeyPatch, files: list[Path]
) -> None:
    """Oracle: the number that the process exits with."""
    assert made(monkeypatch, status=3).run("evaluate", files) == dict.fromkeys(files, 3)


def test_killed_worker_is_submitted_again(
    monkeypatch: pytest.MonkeyPatch, files: list[Path]
) -> None:
    """Oracle: how often the process was started, which it counts itself."""
    assert made(monkeypatch, deaths=1).run("evaluate", files[:1]) == {files[0]: 0}
    assert files[0].with_name("tries").read_text() == "xx"


def test_worker_that_always_dies_is_given_up(
    monkeypatch: pytest.MonkeyPatch, files: list[Path]
) -> None:
    """Oracle: one start and one repetition, as max_requeues allows."""
    made_cluster = made(monkeypatch, deaths=9, max_requeues=1)
    assert made_cluster.run("evaluate", files[:1]) == {files[0]: 1}
    assert files[0].with_name("tries").read_text() == "xx"


def test_second_command_runs_only_after_a_first_that_stands(tmp_path: Path) -> None:
    """Oracle: a file that the second command writes."""
    writes = [sys.executable, "-c", f"open({str(tmp_path / 'mark')!r}, 'w')"]
    assert Work([[sys.executable, "-c", "raise SystemExit(4)"], writes])() == 4
    assert not (tmp_path / "mark").exists()
    assert Work([[sys.executable, "-c", ""], writes])() == 0
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cluster": "pbs"}, "hydra.launcher.cluster=pbs"),
        ({"jobs": 0}, "hydra.launcher.jobs=0"),
        ({"max_requeues": "often"}, "hydra.launcher.max_requeues=often"),
        ({"parameters": {"timeout": 3}}, "submitit says"),
    ],
)
def test_bad_setting_is_named(files: list[Path], settings: dict[str, Any], message: str) -> None:
    """Oracle: the setting in the message."""
    launch = SimpleNamespace(last_stage="evaluate", stage="run", is_cached=lambda job: False)
    defaults = {"cluster": "local", "jobs": 1, "max_requeues": 0, "parameters": {}}
    launcher = SimpleNamespace(ours=launch, is_waiting=True, **{**defaults, **settings})
    with pytest.raises(ConfigError, match=message):
        cluster.launch_jobs(launcher, [SimpleNamespace(file=files[0], run_id="one")])  # type: ignore[list-item]


def test_job_that_has_finished_is_not_submitted(files: list[Path]) -> None:
    """Oracle: the folder of submitit's scripts, which is not made."""
    record = RunRecord("one", "finished", None, "model", objective=3.0)
    job = SimpleNamespace(file=files[0], run_id="one", words=(), record=record)
    launch = SimpleNamespace(last_stage="evaluate", stage="run", is_cached=lambda job: True)
    launcher = SimpleNamespace(
        ours=launch, is_waiting=False, cluster="local", jobs=1, max_requeues=0, parameters={}
    )
    (result,) = cluster.launch_jobs(launcher, [job])  # type: ignore[list-item]
    assert result.return_value == 3.0
    assert not (files[0].parents[1] / CLUSTER_FOLDER).exists()
