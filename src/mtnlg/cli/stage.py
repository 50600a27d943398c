"""`mtnlg <stage> [overrides]`: one stage, or all, of a configuration that Hydra composes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from mtnlg.errors import MtnlgError

STAGES = {
    "prepare": "raw text to rows, tokenizer and token arrays",
    "train": "token arrays to a model folder",
    "generate": "a model folder and test sets to predictions",
    "evaluate": "predictions to scores",
    "report": "the scores of a launch to index.html, leaderboard.md, .csv, .json and .tex",
    "run": "all of them",
}


FLAGS_WITH_VALUE = (
    *("--cfg", "-c", "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"),
    *("--package", "-p", "--info", "-i"),
)
"""Of Hydra's flags those that take the next word."""


INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def _stage(stage: str, words: list[str]) -> int:
    if words[:1] == ["--frozen"]:
        return _run_frozen(stage, words[1:])
    if stage == "report" and {"--export-ratings", "--read-ratings"} & set(words):
        from mtnlg.cli.ratings import ratings

        return ratings(words)
    if {"--help", "-h"} & set(words):
        print(_stage_usage(stage))
        return 0
    if stage == "report" and {"--publish", "--check", "--refresh"} & set(words):
        from mtnlg.cli.publish import publish_boards

        return publish_boards(words)
    from mtnlg.experiment.compose import load
    from mtnlg.experiment.launcher import COMMAND_ATTRIBUTE, STAGE_ATTRIBUTE

    command = ["mtnlg", stage, *words]

    def task(raw: Any) -> int:
        return _run_single(load(raw), stage, command)

    setattr(task, STAGE_ATTRIBUTE, stage)
    setattr(task, COMMAND_ATTRIBUTE, command)
    return _composed(stage, words, task)


def _composed(command: str, words: Sequence[str], task: Callable[[Any], int]) -> int:
    """What a task makes of the configuration that Hydra composes from the words."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from mtnlg.experiment.compose import CONFIG_MODULE, explain, register_schema

    register_schema()
    status = 0

    def guarded(raw: Any) -> None:
        nonlocal status
        status = _guarded(lambda: task(raw))

    vars(guarded).update(vars(task))  # what the launcher looks for
    # Else Hydra prints errors itself, in its own words, and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before, sys.argv = sys.argv, [f"mtnlg {command}", *_flags_first(words)]
    try:
        hydra.main(version_base="1.3", config_path=CONFIG_MODULE, config_name="config")(guarded)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error) from None
    finally:
        sys.argv = before
    return status


def _flags_first(words: Sequence[str]) -> list[str]:
    """Hydra takes no overrides on both sides of a flag, but `task=a -m seed=1,2` is natural."""
    flags: list[str] = []
    overrides: list[str] = []
    awaits_value = False
    for word in words:
        is_flag = word.startswith("-")
        (flags if is_flag or awaits_value else overrides).append(word)
        awaits_value = is_flag and word in FLAGS_WITH_VALUE
    return [*flags, *overrides]


def _run_single(config: Any, stage: str, command: Sequence[str]) -> int:
    """One configuration in this process: its stages, then the report, whatever became of the
    run.
    """
    from mtnlg.experiment import stages
    from mtnlg.experiment.compose import experiment_name, run_id, without_paths
    from mtnlg.experiment.run import execute
    from mtnlg.records.runs import write_launch

    if stage == "report":
        stages.report(config)
        return 0
    overrides = without_paths([word for word in command[2:] if "=" in word])
    folder = Path(config.runs_root) / experiment_name(config)
    write_launch(folder, {run_id(config): overrides}, command=command)
    try:
        return _guarded(lambda: execute(config, "evaluate" if stage == "run" else stage))
    finally:
        if stage == "run":
            stages.report(config)


def _run_frozen(stage: str, words: list[str]) -> int:
    from mtnlg.experiment.compose import thaw

    if len(words) != 1:
        raise MtnlgError(
            f"mtnlg {stage} --frozen FILE takes one file and nothing else, not {words}"
        )
    config = thaw(Path(words[0]))
    if stage in ("run", "report"):
        return _run_single(config, stage, ["mtnlg", stage, "--frozen", *words])
    from mtnlg.experiment.run import execute

    return _guarded(lambda: execute(config, stage))


def _guarded(work: Callable[[], int | None]) -> int:
    try:
        return work() or 0
    except MtnlgError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED


def _stage_usage(stage: str) -> str:
    """Hydra's own --help composes first, and so fails until task and model are chosen."""
    lines = [f"mtnlg {stage} [overrides]: {STAGES[stage]}", "", "Choices, as group=name:"]
    conf = Path(str(resources.files("mtnlg.conf")))
    for group in sorted(folder for folder in conf.iterdir() if folder.is_dir()):
        names = sorted(path.relative_to(group).with_suffix("") for path in group.rglob("*.yaml"))
        if names:
            lines.append(f"  {group.name:<12}{', '.join(name.as_posix() for name in names)}")
    single = "Single values, as key=value: `mtnlg run task=... model=... --cfg job` shows all keys."
    return "\n".join([*lines, "", single, "-m runs every combination of values with commas."])
