"""One command: the jobs that it asked for, checked and frozen before the first one starts, and its
end: one report, and an exit status that says whether all jobs stand.

A job may run in this process, in a child, or wherever a launcher of Hydra's takes it: a launch goes
there by pickling. What became of a job is in its run.json, not in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mtnlg.config import Config
from mtnlg.errors import ConfigError, MtnlgError
from mtnlg.experiment import stages
from mtnlg.experiment.compose import freeze_run, thaw
from mtnlg.experiment.forecast import forecast
from mtnlg.experiment.machine import device, num_cores, num_devices, num_processors, num_threads
from mtnlg.experiment.naming import experiment_name, run_id, without_paths
from mtnlg.experiment.preflight import preflight
from mtnlg.experiment.reports import report
from mtnlg.experiment.run import execute, has_finished
from mtnlg.process.progress import silent
from mtnlg.records.launches import experiment_lock, read_launch, read_runs, register, write_launch
from mtnlg.records.places import RUN_FILE
from mtnlg.records.processes import Process, this_process
from mtnlg.records.runs import STANDING, RunRecord, read_run
from mtnlg.text.display import aligned, one_line

logger = logging.getLogger(__name__)

NOT_STARTED = "not started"
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
    def is_started(self) -> bool:
        """Whether it has a manifest."""
        return (self.file.parent / RUN_FILE).exists()

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
    is_elsewhere: bool = False
    """Whether its jobs run on other machines, whose cores and devices are not known here."""
    is_dry_run: bool = False
    shared_words: frozenset[str] | None = None
    """The overrides that all its jobs have, where they are not planned together."""
    num_parallel: int = 0
    """Jobs at a time; 0 until it is known."""
    num_devices: int = 0
    """CUDA devices of a job."""
    before: dict[str, str] = field(default_factory=dict)
    """Run id -> what was known of a run before, or that it is cached or was not started."""
    jobs: dict[int, Job] = field(default_factory=dict)
    configs: dict[str, Config] = field(default_factory=dict)
    """Run id -> its configuration, as frozen."""
    parent: Process = field(default_factory=this_process)
    """The process that closes the launch."""

    @property
    def last_stage(self) -> str:
        """The last stage of a job; the report is of all jobs together."""
        return "evaluate" if self.stage == "run" else self.stage

    def plan(self, asked: Mapping[int, tuple[Config, Sequence[str]]]) -> list[Job]:
        """Check all configurations, then freeze and register them, or say what they would do;
        raises the first error, with the number of its job.
        """
        configs = [config for config, _ in asked.values()]
        words = {number: words for number, (_, words) in asked.items()}
        shown = swept_words(words, self.shared_words)
        for config in configs:
            self._share_machine(config)
        name_alike(configs)
        join_tags(configs)
        numbered = dict(zip(asked, configs, strict=True))
        if self.is_sweep or self.is_dry_run:
            for number, config in numbered.items():
                with named(number, shown[number]), silent():  # the job itself will warn
                    preflight(config, has_training=not self.is_elsewhere)
            say_twins(numbered)
        if self.is_dry_run:
            for line in forecast(
                numbered, shown, last_stage=self.last_stage, num_parallel=self.num_parallel
            ):
                print(line)
            return []
        jobs = [
            Job(number, tuple(without_paths(words[number])), shown[number], freeze_run(config))
            for number, (config, _) in asked.items()
        ]
        self.jobs |= {job.number: job for job in jobs}
        named_configs = dict(zip((job.run_id for job in jobs), configs, strict=True))
        self.configs |= named_configs
        for job in jobs:
            self.before[job.run_id] = job.record.status if job.is_started else "new"
        register(
            jobs[0].file.parent.parent,
            {job.run_id: job.words for job in jobs},
            command=self.command,
            code=_code_hashes(named_configs),
            first=jobs[0].number,
        )
        return jobs

    def _share_machine(self, config: Config) -> None:
        """Write the number of threads down: of the jobs of a sweep, each has its share. Elsewhere,
        the machine that runs a job decides, and records it.
        """
        trainer = config.trainer
        if self.is_elsewhere:
            self.num_parallel = self.num_parallel or 1
            return
        is_on_cpu = device(trainer.accelerator) == "cpu"
        self.num_devices = 0 if is_on_cpu else trainer.devices
        if not self.num_parallel:
            at_once = num_processors() if is_on_cpu else num_devices() // trainer.devices
            self.num_parallel = max(1, at_once)
        if trainer.num_threads is None:
            share = num_cores() // self.num_parallel if self.is_sweep else num_cores()
            trainer.num_threads = max(1, min(share, num_threads(None)))

    def is_cached(self, job: Job) -> bool:
        """Whether a job has finished before, so that it needs no process."""
        if not has_finished(self.configs[job.run_id]):
            return False
        self.before[job.run_id] = "cached"
        return True

    def run_here(
        self, config: Config, number: int, words: Sequence[str], *, is_sweep: bool = False
    ) -> None:
        """Run one job in this process; raises what makes it fail."""
        planned = self.jobs.get(number)
        self.is_sweep = is_sweep
        jobs = [planned] if planned else self.plan({number: (config, words)})
        if not jobs:
            return
        (job,) = jobs
        if not planned and self.is_cached(job):
            logger.info(f"{job.run_id} has finished before: nothing is built")
            return
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
        if not jobs:
            return 0
        self.report(jobs)
        records = {job: job.record for job in jobs}
        for line in self._closing_table(records):
            logger.info(line)
        failed = [job for job, record in records.items() if record.status not in STANDING]
        if failed and self.is_sweep:
            names = ", ".join(job.run_id for job in failed)
            logger.info(f"{len(failed)} of {len(jobs)} jobs failed: {names}")
        return int(bool(failed))

    def _closing_table(self, records: Mapping[Job, RunRecord]) -> list[str]:
        """A line for each job: what became of it, in how many seconds, and why not."""
        rows = [["job", "run", "settings", "outcome", "seconds", "reason"]]
        for job, record in records.items():
            outcome = self._outcome(job, record)
            is_idle = outcome in ("cached", NOT_STARTED)
            seconds = "" if is_idle or record.seconds is None else f"{record.seconds:.1f}"
            reason = "" if record.status in STANDING or is_idle else one_line(record.reason or "")
            label = job.label if self.is_sweep else ""
            rows.append([str(job.number + 1), job.run_id, label, outcome, seconds, reason])
        filled = [column for column in range(6) if any(row[column] for row in rows[1:])]
        return aligned([[row[column] for column in filled] for row in rows], numbers=())

    def _outcome(self, job: Job, record: RunRecord) -> str:
        """What became of a job, in one or two words."""
        before = self.before[job.run_id]
        if before in ("cached", NOT_STARTED):
            return before
        if record.status not in STANDING:
            return record.status
        again = {"failed": "retried", "killed": "continued", "running": "continued"}
        return again.get(before, "built" if record.built else "cached")

    def report(self, jobs: Sequence[Job]) -> None:
        """Write launch.json, and the report if all stages were asked for."""
        folder = jobs[0].file.parent.parent
        with experiment_lock(folder):
            write_launch(folder)
            if self.stage == "run":
                report(self.configs[jobs[0].run_id])


def _code_hashes(configs: Mapping[str, Config]) -> dict[str, dict[str, str]]:
    """Run id -> stage -> the hash of its code; computed once for the same rows of tables."""
    known: dict[str, dict[str, str]] = {}
    hashes = {}
    for name, config in configs.items():
        decoding = (config.decoding.strategy, config.decoding.mbr_utility)
        used = repr((config.tasks, decoding, config.metrics, config.artifacts_root))
        if used not in known:
            known[used] = stages.code_hashes(config)
        hashes[name] = known[used]
    return hashes


def swept_words(
    jobs: Mapping[int, Sequence[str]], shared: Collection[str] | None = None
) -> dict[int, str]:
    """The overrides with an effect on results, without those that all jobs share; of one job alone
    whose shared ones are not known, all.
    """
    from mtnlg.leaderboard.labels import with_short_numbers

    words = {number: without_paths(overrides) for number, overrides in jobs.items()}
    if shared is None:
        shared = set.intersection(*map(set, words.values())) if len(words) > 1 else ()
    labels = [" ".join(word for word in of_job if word not in shared) for of_job in words.values()]
    return dict(zip(words, with_short_numbers(labels), strict=True))


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
    models = dict.fromkeys(config.system_name for config in configs)
    for config in configs:
        config.name = f"{'+'.join(tasks)}-{'+'.join(models)}"


def join_tags(configs: Sequence[Config]) -> None:
    """Give jobs that are one run, and share its folder, the tags of all of them."""
    tags: dict[str, dict[str, None]] = {}
    for config in configs:
        tags.setdefault(run_id(config), {}).update(dict.fromkeys(config.tags))
    for config in configs:
        config.tags = list(tags[run_id(config)])
