"""`mtnlg <stage> [overrides]`: one stage, or all five, of a configuration that Hydra composes."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtnlg.cli.command import Subparsers, add_command, guarded
from mtnlg.cli.hydra_flags import HelpWithChoices, add_overrides, check_flags, split_flags
from mtnlg.errors import ConfigError
from mtnlg.process.progress import outlive_readers

resumable = partial(
    guarded, when_interrupted="interrupted; the same command goes on from the last checkpoint"
)
"""As `guarded`, for work that the same command resumes."""


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command of a stage."""
    parser = add_command(subparsers, name, run, summary, add_help=False)
    parser.set_defaults(stage=name)
    parser.add_argument("--help", "-h", action=HelpWithChoices, help="show this, or KEY")
    modes = add_overrides(parser)
    modes.add_argument(
        "--multirun",
        "-m",
        action="store_true",
        help="run every combination of values with commas, each in its own process",
    )
    modes.add_argument("--run", "-r", action="store_true", help="run once (default)")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check all jobs and show what each would build, and in about what time",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="hash all files that are read, also those that look unchanged",
    )
    modes.add_argument("--frozen", metavar="FILE", help="run the config.yaml of a run as it is")


def run(options: argparse.Namespace) -> int:
    """Run the stage for each configuration that the words ask for."""
    outlive_readers()
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return _run(options)
    from mtnlg.experiment.ranks import dismiss_followers, follow, is_follower

    if options.multirun:
        raise ConfigError("torchrun starts one training: give --frozen FILE or no --multirun")
    if is_follower():
        return resumable(follow)
    try:
        return _run(options)
    finally:
        dismiss_followers()


def _run(options: argparse.Namespace) -> int:
    stage, words = options.stage, [word for word in options.words if word != "--verify"]
    if options.verify:
        from mtnlg.artifacts.store import VERIFY_SINCE

        os.environ[VERIFY_SINCE] = str(time.time_ns())
    if options.frozen is not None:
        return _run_frozen(stage, options.frozen, words)
    check_flags(options)
    if options.dry_run and stage == "report":
        raise ConfigError("--dry-run: a report is made in seconds, of what is there; leave it out")
    from mtnlg.experiment.compose import load_composed, named_job, run_hydra
    from mtnlg.experiment.launch import LAUNCH_ATTRIBUTE, JobError, Launch
    from mtnlg.experiment.reports import report

    launch = Launch(stage, ["mtnlg", stage, *words], is_dry_run=options.dry_run)
    words = [word for word in words if word != "--dry-run"]
    statuses = [0]

    def work(raw: Any, number: int | None, overrides: Sequence[str]) -> None:
        config = load_composed(raw)
        if stage == "report":
            report(config)
        else:
            launch.run_here(config, number or 0, overrides, is_sweep=number is not None)

    def task(raw: Any) -> None:
        number, overrides = named_job()
        status = resumable(lambda: work(raw, number, overrides))
        if status and number is not None:
            raise JobError(f"job {number + 1} ({' '.join(overrides)}) failed")
        statuses.append(status)

    setattr(task, LAUNCH_ATTRIBUTE, launch)
    flags, overrides = split_flags(words)
    if options.hydra_help or options.version:
        flags, overrides = ["--hydra-help" if options.hydra_help else "--version"], []
    try:
        run_hydra(f"mtnlg {stage}", flags, overrides, task)
    except JobError as error:
        statuses.append(error.exit_code)
    finally:
        statuses.append(resumable(launch.close))
    return max(statuses)


def _run_frozen(stage: str, file: str, words: Sequence[str]) -> int:
    """Run the stage of a frozen configuration in this process."""
    from mtnlg.experiment.compose import thaw
    from mtnlg.experiment.jobs import end_with_parent
    from mtnlg.experiment.launch import Launch
    from mtnlg.experiment.reports import report
    from mtnlg.experiment.run import execute

    if list(words) not in (["--frozen", file], [f"--frozen={file}"]):
        raise ConfigError(f"--frozen FILE takes one file and nothing else, not {' '.join(words)}")
    config = thaw(Path(file))
    if stage == "report":
        report(config)
        return 0
    launch = Launch(stage, ["mtnlg", stage, *words])
    if stage == "run":
        status = resumable(lambda: launch.run_here(config, 0, []))
        closed = resumable(launch.close)
        return status or closed
    end_with_parent()
    return resumable(lambda: execute(config, stage))
