"""One command: the jobs that it asked for, checked and frozen before the first one starts, and its
end: one report, and an exit status that says whether all jobs stand.

A job may run in this process, in a child, or wherever a launcher of Hydra's takes it: a launch goes
there by pickling. What became of a job is in its run.json, not in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mtnlg.config import Config
from mtnlg.errors import ConfigError, MtnlgError
from mtnlg.experiment import stages
from mtnlg.experiment.compose import experiment_name, freeze_run, run_id, thaw, without_paths
from mtnlg.experiment.preflight import preflight
from mtnlg.experiment.run import execute
from mtnlg.progress import silent
from mtnlg.records.launches import experiment_lock, read_launch, read_runs, register, write_launch
from mtnlg.records.processes import Process, this_process
from mtnlg.records.runs import STANDING, RunRecord, read_run

logger = logging.getLogger(__name__)

LAUNCH_ATTRIBUTE = "launch"
"""What the command line sets on Hydra's task function, for launchers and sweepers."""


class JobError(MtnlgError):
    """A job that failed and has said why."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One configuration of a launch, by its number."""

    number: int
    words: tuple[str, ...]
    """Its overrides, of those with an effect on results."""
    label: str
    """The overrides that not all jobs have."""
    file: Path
    """Its frozen configuration."""

    @property
    def run_id(self) -> str:
        """The name of its run."""
        return self.file.parent.name

    @property
    def record(self) -> RunRecord:
        """What its manifest says now."""
        return read_run(self.run_id, folder=self.file.parent.parent)

    def __str__(self) -> str:
        return f"{self.run_id} ({self.label})" if self.label else self.run_id


@dataclass
class Launch:
    """A stage, the command line that asked for it, and its jobs as far as they are planned."""

    stage: str
    command: list[str]
    is_sweep: bool = False
    is_detached: bool = False
    """Whether its jobs go on without it."""
    jobs: dict[int, Job] = field(default_factory=dict)
    parent: Process = field(default_factory=this_process)
    """The process that closes the launch."""

    @property
    def last_stage(self) -> str:
        """The last stage of a job; the report is of all jobs together."""
        return "evaluate" if self.stage == "run" else self.stage

    def plan(self, asked: Mapping[int, tuple[Config, Sequence[str]]]) -> list[Job]:
        """Check all configurations, then freeze and register them; raises the first error, with
        the number of its job.
        """
        configs = [config for config, _ in asked.values()]
        shown = swept_words({number: words for number, (_, words) in asked.items()})
        name_alike(configs)
        join_tags(configs)
        if self.is_sweep:
            for number, (config, _) in asked.items():
                with named(number, shown[number]), silent():  # the job itself will warn
                    preflight(config)
            say_twins(dict(zip(asked, configs, strict=True)))
        jobs = [
            Job(number, tuple(without_paths(words)), shown[number], freeze_run(config))
            for number, (config, words) in asked.items()
        ]
        self.jobs |= {job.number: job for job in jobs}
        register(
            jobs[0].file.parent.parent,
            {job.run_id: job.words for job in jobs},
            command=self.command,
            code={run_id(config): stages.code_hashes(config) for config in configs},
            first=jobs[0].number,
        )
        return jobs

    def run_here(self, config: Config, number: int, words: Sequence[str]) -> None:
        """Run one job in this process; raises what makes it fail."""
        planned = self.jobs.get(number)
        job = planned or self.plan({number: (config, words)})[0]
        try:
            execute(thaw(job.file) if planned else config, self.last_stage)
        finally:
            is_elsewhere = self.parent != this_process()
            if is_elsewhere and not (planned and self.parent.is_alive):
                self._report_if_last(job)

    def _report_if_last(self, job: Job) -> None:
        """Make the report, unless another job of the experiment still runs and will do so."""
        folder = job.file.parent.parent
        launch = read_launch(folder.name, runs_root=folder.parent)
        runs = read_runs(launch, runs_root=folder.parent)
        if all(run.status != "running" for run in runs):
            self.report([job])

    def close(self) -> int:
        """Make the report and return the exit status: 0 if all jobs stand."""
        jobs = list({job.run_id: job for job in self.jobs.values()}.values())
        if self.is_detached:
            name = jobs[0].file.parents[1].name
            logger.info(f"{len(jobs)} jobs are submitted; `mtnlg runs wait {name}` waits for them")
            return 0
        if jobs:
            self.report(jobs)
        failed = [job for job in jobs if job.record.status not in STANDING]
        if failed:
            names = ", ".join(job.run_id for job in failed)
            logger.info(f"{len(failed)} of {len(jobs)} jobs failed: {names}")
        return int(bool(failed))

    def report(self, jobs: Sequence[Job]) -> None:
        """Write launch.json, and the report if all stages were asked for."""
        folder = jobs[0].file.parent.parent
        with experiment_lock(folder):
            write_launch(folder)
            if self.stage == "run":
                stages.report(thaw(jobs[0].file))


def swept_words(jobs: Mapping[int, Sequence[str]]) -> dict[int, str]:
    """The overrides with an effect on results that not all jobs have; of one alone, all."""
    jobs = {number: without_paths(words) for number, words in jobs.items()}
    common = set.intersection(*(set(words) for words in jobs.values()))
    return {
        number: " ".join(word for word in words if word not in common or len(jobs) == 1)
        for number, words in jobs.items()
    }


@contextmanager
def named(number: int, label: str) -> Iterator[None]:
    """Put the number of a job before the message of an error."""
    try:
        yield
    except MtnlgError as error:
        of = f" ({label})" if label else ""
        raise type(error)(f"job {number + 1}{of}: {error}") from None


def say_twins(configs: Mapping[int, Config]) -> None:
    """Name jobs that are one run: the same settings with the same seed."""
    numbers: dict[str, int] = {}
    for number, config in configs.items():
        first = numbers.setdefault(run_id(config), number)
        if first != number:
            logger.info(
                f"job {number + 1} is job {first + 1} again, with the same settings and "
                f"seed={config.seed}: they are one run"
            )


def name_alike(configs: Sequence[Config]) -> None:
    """Give jobs that would lie in different folders one name, of all their tasks and models, since
    a board shows one launch. Raises ConfigError where they were given different names.
    """
    names = [experiment_name(config) for config in configs]
    if len(set(names)) == 1:
        return
    if any(config.name for config in configs):
        raise ConfigError(f"name={','.join(names)}: the jobs of one launch have one name")
    tasks = dict.fromkeys(task for config in configs for task in config.tasks)
    models = dict.fromkeys(config.model.name for config in configs)
    for config in configs:
        config.name = f"{'+'.join(tasks)}-{'+'.join(models)}"


def join_tags(configs: Sequence[Config]) -> None:
    """Give jobs that are one run, and share its folder, the tags of all of them."""
    tags: dict[str, dict[str, None]] = {}
    for config in configs:
        tags.setdefault(run_id(config), {}).update(dict.fromkeys(config.tags))
    for config in configs:
        config.tags = list(tags[run_id(config)])
