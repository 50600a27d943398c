"""Hydra's launcher for `-m`: composes and freezes all jobs before the first starts, runs each in a process of its own, reports once.

Hydra's BasicLauncher composes each job only when its turn comes, so a YAML that is edited during a sweep changes the later jobs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from mtnlg.compose import freeze_run, load, run_id
from mtnlg.config import Config
from mtnlg.errors import MtnlgError
from mtnlg.progress import say
from mtnlg.provenance import read_objective, write_launch

STAGE_ATTRIBUTE = "stage"
"""What the command line sets on the task function, so that the launcher knows what was asked for."""


@dataclass
class LauncherConfig:
    """Node of the group hydra/launcher."""

    _target_: str = "mtnlg.launcher.FrozenLauncher"


class FrozenLauncher(Launcher):
    """One child process for each frozen job; a failing job stops no other."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs one after the other; raises SystemExit where one failed, after all have run and the report is made."""
        from mtnlg.stages import report

        stage = str(getattr(self.task_function, STAGE_ATTRIBUTE))
        configs = [self._compose(list(overrides), initial_job_idx + place) for place, overrides in enumerate(job_overrides)]
        if stage == "report":
            report(configs[0])
            return []
        files = [freeze_run(config) for config in configs]
        ids = list(dict.fromkeys(run_id(config) for config in configs))
        write_launch(files[0].parent.parent, ids, command=sys.argv, is_continued=initial_job_idx > 0)
        statuses = []
        for place, (file, overrides) in enumerate(zip(files, job_overrides, strict=True), start=1):
            say(f"job {place} of {len(files)}: {file.parent.name} ({' '.join(overrides)})")
            statuses.append(run_child("evaluate" if stage == "run" else stage, file))
        if stage == "run":
            report(configs[0])
        failed = [file.parent.name for file, status in zip(files, statuses, strict=True) if status]
        if failed:
            say(f"{len(failed)} of {len(files)} jobs failed: {', '.join(failed)}")
            raise SystemExit(1)
        return [_job_return(config, file) for config, file in zip(configs, files, strict=True)]

    def _compose(self, overrides: list[str], number: int) -> Config:
        raw = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(raw):
            raw.hydra.job.id, raw.hydra.job.num = str(number), number
        try:
            return load(raw)
        except MtnlgError as error:
            say(f"error in job {number} ({' '.join(overrides)}): {error}")
            raise SystemExit(error.exit_code) from None


def register_launcher() -> None:
    """Make the launcher known to Hydra, as hydra/launcher=frozen."""
    ConfigStore.instance().store(group="hydra/launcher", name="frozen", node=LauncherConfig)
    Plugins.instance().register(FrozenLauncher)


def run_child(stage: str, frozen: Path) -> int:
    """Run a stage of a frozen configuration in a process of its own and give its exit status."""
    return subprocess.run([sys.executable, "-m", "mtnlg.cli", stage, "--frozen", str(frozen)], check=False).returncode


def _job_return(config: Config, file: Path) -> JobReturn:
    """What a sweeper such as Optuna reads: the best validation metric."""
    result = JobReturn(cfg=OmegaConf.structured(config), status=JobStatus.COMPLETED)
    value: Any = read_objective(file.parent)
    result.return_value = value
    return result
