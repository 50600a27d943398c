"""The classes that Hydra looks for in this namespace; what they do is in
mtnlg.experiment.launcher, imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class _Planner:
    """What a launcher and a sweeper are told by Hydra, and the planning of jobs with it."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context, self.base = hydra_context, config
        self.ours: Any = getattr(task_function, "launch")  # noqa: B009

    def planned(self, words: Sequence[Sequence[str]], first: int) -> list[Any]:
        """The checked and frozen jobs of these overrides."""
        from mtnlg.experiment.launcher import plan_jobs

        def compose(overrides: list[str]) -> DictConfig:
            return self.context.config_loader.load_sweep_config(self.base, overrides)

        return plan_jobs(self.ours, compose, words, first=first)


class FrozenLauncher(_Planner, Launcher):
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


class FrozenSweeper(_Planner, BasicSweeper):
    """Every combination, as Hydra's own sweeper, but planned before any launcher starts one; a
    failed job stops no other.
    """

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        for kind in (_Planner, BasicSweeper):
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


def _store(group: str, kind: type, **settings: Any) -> None:
    node = {"_target_": f"hydra_plugins.mtnlg_launcher.{kind.__name__}", **settings}
    ConfigStore.instance().store(group=group, name="frozen", node=node, provider="mtnlg")


_store("hydra/launcher", FrozenLauncher, jobs=1)
_store("hydra/sweeper", FrozenSweeper, max_batch_size=None, params=None)
