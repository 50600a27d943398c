"""The children of a launch: signals, failures, and a parent that dies. Children are shell scripts
that leave marks in the folders of their runs.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtnlg.experiment import jobs
from mtnlg.experiment.launch import NOT_STARTED, Job, Launch
from mtnlg.experiment.run import run_lock
from mtnlg.process.signals import Signalled


@pytest.fixture
def made(tmp_path: Path) -> list[Job]:
    """Three jobs with their folders."""
    made = [Job(n, (), "", tmp_path / "x" / f"run{n}" / "config.yaml") for n in range(3)]
    for job in made:
        job.file.parent.mkdir(parents=True)
    return made


def scripted(script: str) -> Callable[[str, Path], list[str]]:
    """A child that runs a script in the folder of its run."""
    return lambda stage, file: ["sh", "-c", f"cd {shlex.quote(str(file.parent))}; {script}"]


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_goes_to_the_children_and_starts_no_other(
    made: list[Job], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Oracle: the mark that a child leaves when its trap is called; the parent waits for it."""
    name = number.name.removeprefix("SIG")
    script = f"trap 'sleep .3; touch ended; exit 1' {name}; touch begun; while :; do sleep .1; done"
    monkeypatch.setattr(jobs, "child_command", scripted(script))
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("this process was started to ignore the signal, and so are its children")
    launch = Launch("run", [], jobs=dict(enumerate(made)))

    def send() -> None:
        wait_for(lambda: all((job.file.parent / "begun").exists() for job in made[:2]))
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(Signalled) as raised:
        jobs.run_jobs(launch, made, num_parallel=2, on_error="continue")
    sender.join()

    assert raised.value.exit_code == 128 + number
    assert [(job.file.parent / "ended").exists() for job in made] == [True, True, False]
    assert launch.before == {"run2": NOT_STARTED}


@pytest.mark.parametrize(("on_error", "started"), [("continue", [0, 1, 2]), ("stop", [0])])
def test_failed_job_stops_the_others_only_where_asked_to(
    made: list[Job], monkeypatch: pytest.MonkeyPatch, on_error: str, started: list[int]
) -> None:
    monkeypatch.setattr(jobs, "child_command", scripted("touch begun; false"))
    launch = Launch("run", [], jobs=dict(enumerate(made)))

    jobs.run_jobs(launch, made, num_parallel=1, on_error=on_error)

    assert [job.number for job in made if (job.file.parent / "begun").exists()] == started
    assert list(launch.before) == [f"run{n}" for n in range(3) if n not in started]


def test_run_of_another_launch_comes_last(
    made: list[Job], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Oracle: the order in which the children write their names."""
    monkeypatch.setattr(jobs, "child_command", scripted('basename "$PWD" >> ../order'))

    with run_lock(made[0].file.parent):
        launch = Launch("run", [], jobs=dict(enumerate(made)))
        jobs.run_jobs(launch, made, num_parallel=1, on_error="continue")

    assert (tmp_path / "x" / "order").read_text().split() == ["run1", "run2", "run0"]


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """Oracle: the mark that the child leaves at SIGTERM, after its parent got SIGKILL."""
    child = (
        "import signal, sys, time; from pathlib import Path; "
        "from mtnlg.experiment.jobs import end_with_parent; end_with_parent(); "
        f"signal.signal(15, lambda *_: (Path({str(tmp_path / 'ended')!r}).touch(), sys.exit())); "
        f"Path({str(tmp_path / 'begun')!r}).touch(); time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys, time; from mtnlg.experiment.jobs import PARENT_VARIABLE; "
        "environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}; "
        f"subprocess.Popen([sys.executable, '-c', {child!r}], env=environment); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    wait_for((tmp_path / "begun").exists)

    process.kill()
    process.wait()

    wait_for((tmp_path / "ended").exists)
