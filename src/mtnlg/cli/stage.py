"""`mtnlg <stage> [overrides]`: one stage, or all five, of a configuration that Hydra composes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtnlg.cli.command import Subparsers, add_command, guarded
from mtnlg.cli.hydra_flags import HelpWithChoices, add_overrides, check_flags, split_flags
from mtnlg.errors import ConfigError
from mtnlg.progress import outlive_readers

STAGES = {
    "prepare": "raw text to rows, tokenizer and token arrays",
    "train": "token arrays to a model folder",
    "generate": "a model folder and test sets to predictions",
    "evaluate": "predictions to scores",
    "report": "the scores of a launch to index.html, leaderboard.md, .csv, .json and .tex",
    "run": "all five stages, and whatever is missing of each",
}
resumable = partial(
    guarded, when_interrupted="interrupted; the same command goes on from the last checkpoint"
)
"""As `guarded`, for work that the same command resumes."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare a command for each stage."""
    for stage, summary in STAGES.items():
        parser = add_command(subparsers, stage, run, summary, add_help=False)
        parser.set_defaults(stage=stage)
        parser.add_argument("--help", "-h", action=HelpWithChoices, help="show this, or KEY")
        modes = add_overrides(parser)
        modes.add_argument(
            "--multirun",
            "-m",
            action="store_true",
            help="run every combination of values with commas, each in its own process",
        )
        modes.add_argument("--run", "-r", action="store_true", help="run once (default)")
        modes.add_argument("--frozen", metavar="FILE", help="run the config.yaml of a run as it is")


def run(options: argparse.Namespace) -> int:
    """Run the stage for each configuration that the words ask for."""
    outlive_readers()
    stage, words = options.stage, options.words
    if options.frozen is not None:
        return _run_frozen(stage, options.frozen, words)
    check_flags(options)
    from mtnlg.experiment.compose import load_composed, run_hydra
    from mtnlg.experiment.launcher import COMMAND_ATTRIBUTE, STAGE_ATTRIBUTE

    command = ["mtnlg", stage, *words]
    statuses = [0]

    def task(raw: Any) -> None:
        statuses.append(resumable(lambda: _run_single(load_composed(raw), stage, command)))

    setattr(task, STAGE_ATTRIBUTE, stage)
    setattr(task, COMMAND_ATTRIBUTE, command)
    flags, overrides = split_flags(words)
    run_hydra(f"mtnlg {stage}", flags, overrides, task)
    return max(statuses)


def _run_single(config: Any, stage: str, command: Sequence[str]) -> int:
    """Run the stages of one configuration here, then the report, even after a failure."""
    from mtnlg.experiment import stages
    from mtnlg.experiment.compose import experiment_name, run_id, without_paths
    from mtnlg.experiment.run import execute
    from mtnlg.records.places import experiment_folder
    from mtnlg.records.runs import write_launch

    if stage == "report":
        stages.report(config)
        return 0
    overrides = without_paths([word for word in command[2:] if "=" in word])
    folder = experiment_folder(Path(config.runs_root), experiment_name(config))
    code = {run_id(config): stages.code_hashes(config)}
    write_launch(folder, {run_id(config): overrides}, command=command, code=code)
    try:
        return resumable(lambda: execute(config, "evaluate" if stage == "run" else stage))
    finally:
        if stage == "run":
            stages.report(config)


def _run_frozen(stage: str, file: str, words: Sequence[str]) -> int:
    """Run the stage of a frozen configuration in this process."""
    from mtnlg.experiment.compose import thaw
    from mtnlg.experiment.run import execute

    if list(words) not in (["--frozen", file], [f"--frozen={file}"]):
        raise ConfigError(f"--frozen FILE takes one file and nothing else, not {' '.join(words)}")
    config = thaw(Path(file))
    if stage in ("run", "report"):
        return _run_single(config, stage, ["mtnlg", stage, *words])
    return resumable(lambda: execute(config, stage))
