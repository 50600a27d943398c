"""The classes that Hydra looks for in this namespace; what they do is in
mtnlg.experiment.launcher, imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

ON_ERROR = ("continue", "stop")


class Planner:
    """What a launcher and a sweeper are told by Hydra, and the planning of jobs with it."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from mtnlg.config.checks import require

        self.context, self.base = hydra_context, config
        then = config.hydra.launcher.get("on_error", "stop")
        require(then in ON_ERROR, "hydra.launcher.on_error", then, " or ".join(ON_ERROR))
        for key in ("launcher.jobs", "sweeper.max_batch_size", "sweeper.max_jobs"):
            value = OmegaConf.select(config.hydra, key)
            is_count = value is None or (isinstance(value, int) and value > 0)
            require(is_count, f"hydra.{key}", value, "a whole number >= 1")
        self.ours: Any = getattr(task_function, "launch")  # noqa: B009

    def planned(self, words: Sequence[Sequence[str]], first: int) -> list[Any]:
        """The checked and frozen jobs of these overrides."""
        from mtnlg.experiment.launcher import plan_jobs

        launcher = self.base.hydra.launcher
        jobs = launcher.jobs if launcher._target_ == _target(FrozenLauncher) else None
        is_elsewhere = launcher.get("cluster") == "slurm"
        return plan_jobs(
            self.ours,
            self.compose,
            words,
            first=first,
            num_parallel=jobs,
            is_elsewhere=is_elsewhere,
        )

    def compose(self, words: list[str]) -> DictConfig:
        """The configuration of one job."""
        return self.context.config_loader.load_sweep_config(self.base, words)


class FrozenLauncher(Planner, Launcher):
    """One child process for each frozen job.

    `hydra.launcher.jobs` of them run at a time: null is one a core, or one a device of CUDA. With
    `hydra.launcher.on_error=stop`, no job is started after one has failed.
    """

    def __init__(self, jobs: int | None = None, on_error: str = "continue") -> None:
        self.jobs, self.on_error = jobs, on_error

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; a failed one's return value raises its reason."""
        from mtnlg.experiment.launcher import launch_jobs

        jobs = self.planned(job_overrides, initial_job_idx)
        return launch_jobs(self.ours, jobs, on_error=self.on_error)


class FrozenSweeper(Planner, BasicSweeper):
    """Every combination, as Hydra's own sweeper, but planned before any launcher starts one; a
    failed job stops no other. More than `hydra.sweeper.max_jobs` are taken for a mistake.
    """

    def __init__(
        self, max_batch_size: int | None, params: Any = None, max_jobs: int = 1000
    ) -> None:
        super().__init__(max_batch_size, params)
        self.max_jobs = max_jobs

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
        self._check_number(overrides)
        batches = self.split_arguments(overrides, self.max_batch_size)
        if not self.planned([words for batch in batches for words in batch], 0):
            return
        first = 0
        for batch in batches:
            self.launcher.launch(batch, initial_job_idx=first)
            first += len(batch)

    def _check_number(self, overrides: Sequence[Override]) -> None:
        """Raise ConfigError for too many jobs, without making a list of them."""
        from mtnlg.errors import ConfigError

        number = 1
        for override in overrides:
            if override.is_discrete_sweep():
                number *= sum(1 for _ in islice(override.sweep_iterator(), self.max_jobs + 1))
        if number > self.max_jobs:
            raise ConfigError(
                f"a sweep of {number:,} jobs or more; if it is meant, "
                f"add hydra.sweeper.max_jobs={number}"
            )


class OptunaSweeper(Planner, Sweeper):
    """A search with today's Optuna; its settings have the names of hydra-optuna-sweeper."""

    def __init__(
        self,
        n_trials: int,
        n_jobs: int,
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


def _target(kind: type) -> str:
    return f"hydra_plugins.mtnlg_launcher.{kind.__name__}"


def _store(group: str, name: str, kind: type, **settings: Any) -> None:
    node = {"_target_": _target(kind), **settings}
    ConfigStore.instance().store(group=group, name=name, node=node, provider="mtnlg")


_store("hydra/launcher", "frozen", FrozenLauncher, jobs=None, on_error="continue")
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
_store("hydra/sweeper", "frozen", FrozenSweeper, max_batch_size=None, params=None, max_jobs=1000)
_store(
    "hydra/sweeper",
    "optuna",
    OptunaSweeper,
    _recursive_=False,
    n_trials=20,
    n_jobs=2,
    direction="maximize",
    sampler={"_target_": "optuna.samplers.TPESampler", "seed": 1},
    pruner=None,
    params=None,
)
