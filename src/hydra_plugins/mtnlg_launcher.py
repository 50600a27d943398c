"""The class that Hydra looks for in this namespace; what it does is in
mtnlg.experiment.launcher, imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class FrozenLauncher(Launcher):
    """One child process for each frozen job; a failing job stops no other.

    `hydra.launcher.jobs` of them run at a time: on few cores, as many as cores, each with
    `trainer.num_threads=1`.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; raises SystemExit at the end where one failed."""
        from mtnlg.config.checks import require
        from mtnlg.experiment.launcher import launch_jobs

        is_count = isinstance(self.jobs, int) and self.jobs > 0
        require(is_count, "hydra.launcher.jobs", self.jobs, "a whole number >= 1")

        def compose(overrides: list[str]) -> DictConfig:
            return self.hydra_context.config_loader.load_sweep_config(self.config, overrides)

        return launch_jobs(
            compose,
            self.task_function,
            job_overrides,
            first=initial_job_idx,
            num_parallel=self.jobs,
        )


ConfigStore.instance().store(
    group="hydra/launcher",
    name="frozen",
    node={"_target_": f"hydra_plugins.mtnlg_launcher.{FrozenLauncher.__name__}", "jobs": 1},
    provider="mtnlg",
)
