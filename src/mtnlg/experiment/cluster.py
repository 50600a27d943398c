"""Jobs of a launch as jobs of a cluster, through submitit: Slurm, or processes of this machine that
stand in for it.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import submitit
from hydra.core.utils import JobReturn
from submitit.core.utils import FailedJobError, UncompletedJobError
from submitit.helpers import DelayedSubmission

from mtnlg.config.checks import require
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.jobs import child_command
from mtnlg.experiment.launch import Job
from mtnlg.experiment.launcher import job_return, unfinished
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.places import CLUSTER_FOLDER, SUBMITTED_FILE
from mtnlg.records.processes import Process, this_process

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
CLUSTERS = ("local", "slurm")


def launch_jobs(settings: Any, jobs: Sequence[Job]) -> list[JobReturn]:
    """Submit the jobs that have not finished yet, as the launcher's settings say. Without waiting,
    each makes the report of the jobs that are over by then.
    """
    for name in ("jobs", "max_requeues"):
        value = getattr(settings, name)
        is_count = isinstance(value, int) and value >= (name == "jobs")
        require(is_count, f"hydra.launcher.{name}", value, "a whole number")
    allowed = f"one of {', '.join(CLUSTERS)}"
    require(settings.cluster in CLUSTERS, "hydra.launcher.cluster", settings.cluster, allowed)
    cluster = Cluster(
        name=settings.cluster,
        jobs=settings.jobs,
        max_requeues=settings.max_requeues,
        parameters=settings.parameters,
    )
    launch = settings.ours
    files = [job.file for job in unfinished(launch, jobs)]
    if settings.is_waiting or not files:
        statuses = cluster.run(launch.last_stage, files)
        return [job_return(job, statuses.get(job.file, 0)) for job in jobs]
    stages = [launch.last_stage, *(["report"] if launch.stage == "run" else [])]
    cluster.submit(stages, files)
    launch.is_detached = True
    return []


@dataclass
class Work:
    """What a worker runs, one process after the other."""

    commands: list[list[str]]
    child: Any = field(default=None, repr=False)

    def __call__(self) -> int:
        """The first exit status that is not 0."""
        for command in self.commands:
            self.child = subprocess.Popen(command)
            if status := self.child.wait():
                return int(status)
        return 0

    def checkpoint(self) -> DelayedSubmission:
        """Called when the cluster takes the worker back: the training saves, and goes on in the
        next one.
        """
        if self.child is not None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait()
        return DelayedSubmission(Work(self.commands))


@dataclass(frozen=True)
class Submission:
    """submitted.json: the last job of a cluster that was to make a run."""

    cluster: str
    job: str
    parent: Process | None = None
    """What waits for the job, and submits it again when its worker dies."""


def may_continue(run_folder: Path) -> bool:
    """Whether a cluster, or who waits for it, may go on with a run that is killed."""
    try:
        submission = read_record(run_folder / SUBMITTED_FILE, Submission)
    except ArtifactError:
        return False
    if submission.parent is not None and submission.parent.is_alive:
        return True
    folder = run_folder.parent / CLUSTER_FOLDER
    is_cluster = submission.cluster == "slurm"
    return is_cluster and not submitit.SlurmJob[int](folder, submission.job).done(force_check=True)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where jobs run."""

    name: str
    """slurm, or local."""
    jobs: int
    """At a time."""
    max_requeues: int
    """How often a job whose worker died is submitted again."""
    parameters: Mapping[str, Any]
    """submitit's, such as timeout_min, gpus_per_node or slurm_partition."""

    def submit(
        self, stages: Sequence[str], files: Sequence[Path], *, parent: Process | None = None
    ) -> dict[Path, Any]:
        """Submit stages of each frozen configuration, as one array; returns submitit's jobs. A
        parent that waits for them submits them again.
        """
        folder = files[0].parents[1] / CLUSTER_FOLDER
        parameters = dict(self.parameters)
        if self.name == "slurm":
            parameters.setdefault("slurm_array_parallelism", self.jobs)
        try:
            executor = submitit.AutoExecutor(folder, cluster=self.name)
            executor.update_parameters(**parameters)
            with executor.batch():
                jobs = [executor.submit(_work(stages, file)) for file in files]
        except (TypeError, ValueError, NameError, RuntimeError, FailedJobError) as error:
            raise ConfigError(f"hydra.launcher: submitit says {error}") from None
        for file, job in zip(files, jobs, strict=True):
            logger.info(f"{file.parent.name}: submitted as {job.job_id}, log {job.paths.stderr}")
            submission = Submission(self.name, str(job.job_id), parent)
            write_record(file.with_name(SUBMITTED_FILE), submission)
        return dict(zip(files, jobs, strict=True))

    def run(self, stage: str, files: Sequence[Path]) -> dict[Path, int]:
        """Run a stage of each frozen configuration; returns the exit statuses."""
        at_a_time = len(files) if self.name == "slurm" else self.jobs
        waiting, running, statuses = list(files), dict[Path, Any](), dict[Path, int]()
        num_deaths: Counter[Path] = Counter()
        while waiting or running:
            if next_files := waiting[: at_a_time - len(running)]:
                del waiting[: len(next_files)]
                running |= self.submit([stage], next_files, parent=this_process())
            for file in [file for file, job in running.items() if job.done()]:
                status = _status(running.pop(file))
                if status is None and num_deaths[file] < self.max_requeues:
                    num_deaths[file] += 1
                    logger.warning(f"{file.parent.name}: its worker died; it is submitted again")
                    waiting.append(file)
                else:
                    statuses[file] = 1 if status is None else status
            time.sleep(POLL_SECONDS)
        return statuses


def _work(stages: Sequence[str], file: Path) -> Work:
    return Work([child_command(stage, file.absolute()) for stage in stages])


def _status(job: Any) -> int | None:
    """The exit status of a job that is over; None where its worker died."""
    try:
        return int(job.result())
    except UncompletedJobError:
        return None
    except FailedJobError as error:
        logger.error(str(error))
        return 1
