"""The classes that Hydra looks for in this namespace; what they do is in
mtnlg.experiment.launcher, imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Planner:
    """What a launcher and a sweeper are told by Hydra, and the planning of jobs with it."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context, self.base = hydra_context, config
        self.ours: Any = getattr(task_function, "launch")  # noqa: B009

    def planned(self, words: Sequence[Sequence[str]], first: int) -> list[Any]:
        """The checked and frozen jobs of these overrides."""
        from mtnlg.experiment.launcher import plan_jobs

        return plan_jobs(self.ours, self.compose, words, first=first)

    def compose(self, words: list[str]) -> DictConfig:
        """The configuration of one job."""
        return self.context.config_loader.load_sweep_config(self.base, words)


class FrozenLauncher(Planner, Launcher):
    """One child process for each frozen job; a failing job stops no other.

    `hydra.launcher.jobs` of them run at a time: on few cores, as many as cores, each with
    `trainer.num_threads=1`.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; a failed one's return value raises its reason."""
        from mtnlg.config.checks import require
        from mtnlg.experiment.launcher import run_jobs

        is_count = isinstance(self.jobs, int) and self.jobs > 0
        require(is_count, "hydra.launcher.jobs", self.jobs, "a whole number >= 1")
        jobs = self.planned(job_overrides, initial_job_idx)
        return run_jobs(self.ours, jobs, num_parallel=self.jobs)


class FrozenSweeper(Planner, BasicSweeper):
    """Every combination, as Hydra's own sweeper, but planned before any launcher starts one; a
    failed job stops no other.
    """

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        for kind in (Planner, BasicSweeper):
            kind.setup(
                self, hydra_context=hydra_context, task_function=task_function, config=config
            )

    def sweep(self, arguments: list[str]) -> None:
        """Plan all jobs, then launch them; their manifests say what became of them."""
        assert self.launcher is not None, "setup makes it"
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        batches = self.split_arguments(overrides, self.max_batch_size)
        if not self.planned([words for batch in batches for words in batch], 0):
            return
        first = 0
        for batch in batches:
            self.launcher.launch(batch, initial_job_idx=first)
            first += len(batch)


class OptunaSweeper(Planner, Sweeper):
    """A search with today's Optuna; its settings have the names of hydra-optuna-sweeper."""

    def __init__(
        self,
        n_trials: int,
        n_jobs: int | None,
        direction: str,
        sampler: Mapping[str, Any],
        pruner: Mapping[str, Any] | None,
        params: Mapping[str, str] | None,
    ) -> None:
        self.n_trials, self.n_jobs, self.direction = n_trials, n_jobs, direction
        self.sampler, self.pruner, self.params = sampler, pruner, dict(params or {})

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials; their manifests say what became of them."""
        try:
            from mtnlg.experiment.search import run_search
        except ModuleNotFoundError as error:
            raise _missing("hydra/sweeper=optuna", error, "optuna") from None
        run_search(self, arguments)


class ClusterLauncher(Planner, Launcher):
    """A job of Slurm for each frozen job, through submitit, or a process that stands in for it."""

    def __init__(
        self,
        cluster: str,
        jobs: int,
        max_requeues: int,
        is_waiting: bool,
        parameters: Mapping[str, Any],
    ) -> None:
        self.cluster, self.jobs, self.is_waiting = cluster, jobs, is_waiting
        self.max_requeues, self.parameters = max_requeues, parameters

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Submit the jobs; a failed one's return value raises its reason."""
        try:
            from mtnlg.experiment.cluster import launch_jobs
        except ModuleNotFoundError as error:
            raise _missing("hydra/launcher=submitit", error, "submitit") from None
        return launch_jobs(self, self.planned(job_overrides, initial_job_idx))


def _missing(choice: str, error: ModuleNotFoundError, extra: str) -> Exception:
    from mtnlg.errors import ConfigError

    return ConfigError(f"{choice} needs {error.name}: pip install 'mtnlg[{extra}]'")


def _store(group: str, name: str, kind: type, **settings: Any) -> None:
    node = {"_target_": f"hydra_plugins.mtnlg_launcher.{kind.__name__}", **settings}
    ConfigStore.instance().store(group=group, name=name, node=node, provider="mtnlg")


_store("hydra/launcher", "frozen", FrozenLauncher, jobs=1)
_store(
    "hydra/launcher",
    "submitit",
    ClusterLauncher,
    cluster="slurm",
    jobs=64,
    max_requeues=3,
    is_waiting=True,
    parameters={"timeout_min": 1440},
)
_store("hydra/sweeper", "frozen", FrozenSweeper, max_batch_size=None, params=None)
_store(
    "hydra/sweeper",
    "optuna",
    OptunaSweeper,
    _recursive_=False,
    n_trials=20,
    n_jobs=None,
    direction="maximize",
    sampler={"_target_": "optuna.samplers.TPESampler", "seed": 1},
    pruner=None,
    params=None,
)
