"""The jobs of `-m` as Hydra hands them out: all are composed, checked and frozen before the first
one starts; then each runs in its own process.

Hydra's BasicLauncher composes each job only when its turn comes, so that editing a YAML during a
sweep would change the later jobs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from mtnlg.experiment.compose import load_composed
from mtnlg.experiment.jobs import run_jobs
from mtnlg.experiment.launch import Job, JobError, Launch, named, swept_words
from mtnlg.experiment.stages import report
from mtnlg.experiment.variations import Variations
from mtnlg.records.runs import STANDING

logger = logging.getLogger(__name__)

Compose = Callable[[list[str]], DictConfig]


def plan_jobs(
    launch: Launch,
    compose: Compose,
    job_overrides: Sequence[Sequence[str]],
    *,
    first: int,
    num_parallel: int | None,
) -> list[Job]:
    """The checked and frozen jobs of these overrides, unless a sweeper has planned them."""
    if launch.stage == "report":
        report(load_composed(compose(list(job_overrides[0]))))
        return []
    launch.is_sweep = True
    numbers = range(first, first + len(job_overrides))
    if not launch.jobs.keys() >= set(numbers):
        launch.num_parallel = num_parallel or launch.num_parallel
        words = dict(zip(numbers, job_overrides, strict=True))
        shown = swept_words(words)
        asked, variations = {}, Variations(compose)
        for number in numbers:
            with named(number, shown[number]):
                asked[number] = (variations.config(words[number]), words[number])
        launch.plan(asked)
    return [launch.jobs[number] for number in numbers if number in launch.jobs]


def launch_jobs(launch: Launch, jobs: Sequence[Job], *, on_error: str) -> Sequence[JobReturn]:
    """Run the jobs that have not finished yet; jobs that are one run are run once."""
    left = unfinished(launch, jobs)
    run_jobs(launch, left, num_parallel=launch.num_parallel, on_error=on_error)
    return [job_return(job) for job in jobs]


def unfinished(launch: Launch, jobs: Sequence[Job]) -> list[Job]:
    """The jobs that need a process, of those that are one run the first."""
    unique = list({job.run_id: job for job in reversed(jobs)}.values())[::-1]
    return [job for job in unique if not launch.is_cached(job)]


def job_return(job: Job, status: int = 0) -> JobReturn:
    """What a sweeper reads: the best validation metric, or an error."""
    record, result = job.record, JobReturn(overrides=job.words)
    if status == 0 and record.status in STANDING:
        result.status, result.return_value = JobStatus.COMPLETED, record.objective
    else:
        result.status = JobStatus.FAILED
        result.return_value = JobError(f"job {job.number + 1} ({job}): {record.reason}")
    return result
