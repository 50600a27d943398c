"""A run whose process is gone is a killed one, whatever run.json says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mtnlg.records.processes import is_alive, process_start, this_host
from mtnlg.records.runs import RunRecord, read_run, write_run


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def written(folder: Path, **fields: object) -> RunRecord:
    run = RunRecord("run1", "running", None, "nano", **fields)  # type: ignore[arg-type]
    (folder / "run1").mkdir(exist_ok=True)
    write_run(folder / "run1", run)
    return run


def test_running_process_that_is_killed_makes_its_run_a_killed_one(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    """Oracle: the process itself: running, a zombie after SIGKILL, then gone."""
    start = process_start(sleeper.pid)
    written(tmp_path, process=sleeper.pid, process_start=start, host=this_host())
    statuses = [read_run("run1", folder=tmp_path).status]
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    statuses.append(read_run("run1", folder=tmp_path).status)
    sleeper.wait()
    run = read_run("run1", folder=tmp_path)

    assert [*statuses, run.status] == ["running", "killed", "killed"]
    assert run.reason is not None
    assert "the same command continues it" in run.reason


def test_later_process_with_the_same_number_is_not_taken_for_the_run() -> None:
    """Oracle: this process, said to have started at another tick, or in another boot."""
    start = process_start(os.getpid())
    assert start is not None
    boot, namespace, ticks = start.split()

    def alive(text: str) -> bool | None:
        return is_alive(os.getpid(), text, host=this_host())

    assert alive(start)
    assert alive(f"{boot} {namespace} {int(ticks) - 1}") is False
    assert alive(f"{boot[::-1]} {namespace} {ticks}") is False
    assert alive(f"{boot} pid:[1] {ticks}") is None


@pytest.mark.parametrize("process", [1, 2**22 + 1, 2**80])
def test_process_of_others_is_alive_and_impossible_ones_are_not(process: int) -> None:
    """Oracle: process 1 always runs; Linux counts to 2**22."""
    assert is_alive(process, None, host=this_host()) is (process == 1)


def test_run_of_another_machine_says_where_and_when_it_last_wrote(tmp_path: Path) -> None:
    """Oracle: the time that the log was set to."""
    written(tmp_path, process=os.getpid(), process_start="a b 1", host="elsewhere")
    log = tmp_path / "run1" / "log.txt"
    log.touch()
    for path, day in ((tmp_path / "run1" / "run.json", 1), (log, 2)):
        os.utime(path, (time.time(), 86_400 * day + 3600))

    run = read_run("run1", folder=tmp_path)

    expected = "running on elsewhere, last sign of life 1970-01-03 01:00 UTC"
    assert (run.status, run.reason) == ("running", expected)


def test_run_that_has_ended_stays_as_it_ended(tmp_path: Path) -> None:
    run = written(tmp_path, process=2**22 + 1, host=this_host())
    write_run(tmp_path / "run1", replace(run, status="finished"))

    assert read_run("run1", folder=tmp_path).status == "finished"
