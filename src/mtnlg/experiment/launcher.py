"""The jobs of `-m` as Hydra hands them out: all are composed, checked and frozen before the first
one starts; then each runs in its own process.

Hydra's BasicLauncher composes each job only when its turn comes, so that editing a YAML during a
sweep would change the later jobs.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from mtnlg.experiment.compose import load_composed
from mtnlg.experiment.launch import Job, JobError, Launch, named, swept_words
from mtnlg.experiment.stages import report
from mtnlg.records.runs import STANDING

logger = logging.getLogger(__name__)

Compose = Callable[[list[str]], DictConfig]


def plan_jobs(
    launch: Launch, compose: Compose, job_overrides: Sequence[Sequence[str]], *, first: int
) -> list[Job]:
    """The checked and frozen jobs of these overrides, unless a sweeper has planned them."""
    if launch.stage == "report":
        report(load_composed(compose(list(job_overrides[0]))))
        return []
    launch.is_sweep = True
    numbers = range(first, first + len(job_overrides))
    if not launch.jobs.keys() >= set(numbers):
        words = dict(zip(numbers, job_overrides, strict=True))
        shown = swept_words(words)
        asked = {}
        for number in numbers:
            with named(number, shown[number]):
                asked[number] = (load_composed(compose(list(words[number]))), words[number])
        launch.plan(asked)
    return [launch.jobs[number] for number in numbers]


def run_jobs(launch: Launch, jobs: Sequence[Job], *, num_parallel: int) -> Sequence[JobReturn]:
    """Run each job in a child, `num_parallel` at a time; jobs that are one run are run once."""
    unique = list({job.run_id: job for job in reversed(jobs)}.values())[::-1]

    def run(job: Job) -> int:
        logger.info(f"job {job.number + 1} of {len(launch.jobs)}: {job}")
        return run_child(launch.last_stage, job.file, is_alone=num_parallel == 1)

    if num_parallel == 1:
        statuses = [run(job) for job in unique]
    else:
        pool = ThreadPoolExecutor(num_parallel)
        try:
            statuses = list(pool.map(run, unique))
        finally:
            pool.shutdown(cancel_futures=True)
    ended = dict(zip((job.run_id for job in unique), statuses, strict=True))
    return [job_return(job, ended[job.run_id]) for job in jobs]


def run_child(stage: str, frozen: Path, *, is_alone: bool = True) -> int:
    """The exit status of a stage of a frozen configuration, run in its own process. Of one that is
    not alone, whole lines are shown, as bars would overwrite each other.
    """
    command = [sys.executable, "-m", "mtnlg.cli.main", stage, "--frozen", str(frozen)]
    if is_alone:
        return subprocess.run(command, check=False).returncode
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8") as child:
        assert child.stderr is not None
        for line in child.stderr:
            sys.stderr.write(line)
        return child.wait()


def job_return(job: Job, status: int) -> JobReturn:
    """What a sweeper reads: the best validation metric, or an error."""
    record, result = job.record, JobReturn(overrides=job.words)
    if status == 0 and record.status in STANDING:
        result.status, result.return_value = JobStatus.COMPLETED, record.objective
    else:
        result.status = JobStatus.FAILED
        result.return_value = JobError(f"job {job.number + 1} ({job}): {record.reason}")
    return result
