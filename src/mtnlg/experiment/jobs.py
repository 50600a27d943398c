"""Jobs of a launch in child processes, some at a time, each on its share of the machine.

Signals for the launch go to its children, which end when their parent does.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from filelock import Timeout

from mtnlg.experiment.launch import NOT_STARTED, Job, Launch
from mtnlg.experiment.machine import num_cores, num_devices
from mtnlg.experiment.run import run_lock
from mtnlg.process.signals import Signalled, handled_by
from mtnlg.records.processes import process_of, when_gone

logger = logging.getLogger(__name__)

PARENT_VARIABLE = "MTNLG_PARENT"
"""Tells a child the number of the process that it ends with."""
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
CHECK_SECONDS, GRACE_SECONDS = 0.5, 30.0
"""Between two looks at the parent, and between two signals once it is gone."""


def run_jobs(launch: Launch, jobs: Sequence[Job], *, num_parallel: int, on_error: str) -> None:
    """Run each job in a child; raises Signalled, after all have ended, where a signal came."""
    pool = Children(launch, jobs, num_parallel, stops_on_error=on_error == "stop")
    with handled_by(pool.forward):
        pool.run()
    if pool.signal is not None:
        raise Signalled(pool.signal)


class Children:
    """The jobs that wait, and the children that run."""

    def __init__(
        self, launch: Launch, jobs: Sequence[Job], num_parallel: int, *, stops_on_error: bool
    ) -> None:
        self.launch, self.waiting = launch, list(jobs)
        self.num_parallel = max(1, min(num_parallel, len(jobs)))
        self.stops_on_error = stops_on_error
        self.signal: int | None = None
        self.stopped = False
        self.running: list[subprocess.Popen[str]] = []
        self._lock = threading.RLock()

    def run(self) -> None:
        """Run all jobs; after a signal, no other one is started."""
        with ThreadPoolExecutor(self.num_parallel) as pool:
            for future in [pool.submit(self._work, slot) for slot in range(self.num_parallel)]:
                future.result()
        self.launch.before |= {job.run_id: NOT_STARTED for job in self.waiting}

    def forward(self, number: int, frame: FrameType | None = None) -> None:
        """Pass a signal on to all children, and start no other one."""
        self.signal = number
        for child in [*self.running]:
            child.send_signal(number)

    def _work(self, slot: int) -> None:
        while (job := self._next()) is not None:
            if self._run(job, slot) and self.stops_on_error:
                self.stopped = True

    def _next(self) -> Job | None:
        """The next job, first of those that no other launch works on."""
        with self._lock:
            if not self.waiting or self.stopped or self.signal is not None:
                return None
            job = next((job for job in self.waiting if not _is_taken(job)), self.waiting[0])
            self.waiting.remove(job)
            return job

    def _run(self, job: Job, slot: int) -> int:
        """The exit status of a job's child."""
        number = f"[{job.number + 1}] " if self.num_parallel > 1 else ""
        logger.info(f"{number}job {job.number + 1} of {len(self.launch.jobs)}: {job}")
        with self._lock:
            child = start_child(
                child_command(self.launch.last_stage, job.file),
                self._environment(slot),
                has_piped_errors=bool(number),
            )
            self.running.append(child)
        if self.signal is not None:  # it came while the child was started
            child.send_signal(self.signal)
        for line in child.stderr or ():  # whole lines, as bars would overwrite each other
            sys.stderr.write(number + line)
        status = child.wait()
        self.running.remove(child)
        return status

    def _environment(self, slot: int) -> dict[str, str]:
        """The variables of a child: its share of the threads and of the devices."""
        shared = {PARENT_VARIABLE: str(os.getpid())}
        if self.num_parallel > 1:
            shared["OMP_NUM_THREADS"] = str(max(1, num_cores() // self.num_parallel))
        return {**os.environ, **shared, **self._devices(slot)}

    def _devices(self, slot: int) -> Mapping[str, str]:
        number = self.launch.num_devices
        if not number or self.num_parallel == 1:
            return {}
        known = os.environ.get(DEVICES_VARIABLE) or ",".join(map(str, range(num_devices())))
        mine = known.split(",")[slot * number : (slot + 1) * number]
        return {DEVICES_VARIABLE: ",".join(mine)} if mine else {}


def child_command(stage: str, frozen: Path) -> list[str]:
    """The words that run a stage of a frozen configuration."""
    return [sys.executable, "-m", "mtnlg.cli.main", stage, "--frozen", str(frozen)]


def start_child(
    command: list[str], environment: Mapping[str, str], *, has_piped_errors: bool
) -> subprocess.Popen[str]:
    """A job's process, in a group of its own: a terminal's Ctrl-C reaches it only through us."""
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE if has_piped_errors else None,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=dict(environment),
        process_group=0,
    )


def _is_taken(job: Job) -> bool:
    """Whether another process works on a job's run."""
    try:
        with run_lock(job.file.parent).acquire(timeout=0):
            return False
    except Timeout:
        return True


def end_with_parent() -> None:
    """In a child: when its parent is gone, end as by SIGTERM, and then at once."""
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is not None:
        when_gone(process_of(int(parent)), _end, seconds=CHECK_SECONDS)


def _end() -> None:
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
