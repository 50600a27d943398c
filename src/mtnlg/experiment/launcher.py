"""Hydra's launcher for `-m`: composes and freezes all jobs, runs each in its own process, reports
once.

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
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import TaskFunction
from omegaconf import DictConfig, OmegaConf

from mtnlg.config import Config
from mtnlg.errors import ConfigError, MtnlgError
from mtnlg.experiment.compose import (
    experiment_name,
    freeze_run,
    load_composed,
    run_id,
    without_paths,
)
from mtnlg.experiment.stages import code_hashes, report
from mtnlg.records.runs import read_run, write_launch

logger = logging.getLogger(__name__)

STAGE_ATTRIBUTE, COMMAND_ATTRIBUTE = "stage", "command"
"""What the command line sets on the task function, for the launcher."""


def launch_jobs(
    compose: Callable[[list[str]], DictConfig],
    task_function: TaskFunction,
    job_overrides: Sequence[Sequence[str]],
    *,
    first: int,
    num_parallel: int = 1,
) -> Sequence[JobReturn]:
    """Freeze all jobs, run `num_parallel` at a time, report once; raises SystemExit if one
    failed.
    """
    stage = str(getattr(task_function, STAGE_ATTRIBUTE))
    command: list[str] = getattr(task_function, COMMAND_ATTRIBUTE)
    numbered = enumerate(job_overrides, start=first)
    configs = [_compose(compose, list(overrides), number) for number, overrides in numbered]
    name_alike(configs)
    join_tags(configs)
    if stage == "report":
        report(configs[0])
        return []
    files = [freeze_run(config) for config in configs]
    overrides = {
        run_id(config): without_paths(words)
        for config, words in zip(configs, job_overrides, strict=True)
    }
    code = {run_id(config): code_hashes(config) for config in configs}
    folder = files[0].parent.parent
    write_launch(folder, overrides, command=command, code=code, is_continued=first > 0)
    words = [" ".join(job) for job in job_overrides]
    statuses = _run_jobs("evaluate" if stage == "run" else stage, files, words, num_parallel)
    if stage == "run":
        report(configs[0])
    failed = [file.parent.name for file in files if statuses[file]]
    if failed:
        logger.info(f"{len(failed)} of {len(files)} jobs failed: {', '.join(failed)}")
        raise SystemExit(1)
    return [_job_return(config, file) for config, file in zip(configs, files, strict=True)]


def _compose(
    compose: Callable[[list[str]], DictConfig], overrides: list[str], number: int
) -> Config:
    try:
        return load_composed(compose(overrides))
    except MtnlgError as error:
        logger.error(f"job {number} ({' '.join(overrides)}): {error}")
        raise SystemExit(error.exit_code) from None


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


def _run_jobs(
    stage: str, files: Sequence[Path], words: Sequence[str], num_parallel: int
) -> dict[Path, int]:
    """The exit status of each frozen configuration; jobs that are one run are run once."""
    numbers = {file: number for number, file in reversed([*enumerate(files)])}

    def run(file: Path) -> int:
        number = numbers[file]
        logger.info(f"job {number + 1} of {len(files)}: {file.parent.name} ({words[number]})")
        return run_child(stage, file, is_alone=num_parallel == 1)

    unique = sorted(numbers, key=numbers.__getitem__)
    if num_parallel == 1:
        return {file: run(file) for file in unique}
    pool = ThreadPoolExecutor(num_parallel)
    try:
        return dict(zip(unique, pool.map(run, unique), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


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


def _job_return(config: Config, file: Path) -> JobReturn:
    """What a sweeper such as Optuna reads: the best validation metric."""
    result = JobReturn(cfg=OmegaConf.structured(config), status=JobStatus.COMPLETED)
    value: Any = read_run(file.parent.name, folder=file.parent.parent).objective
    result.return_value = value
    return result
