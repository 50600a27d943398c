"""`mtnlg data NAME... [overrides]`: what there is to know of data sets; no model is chosen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mtnlg.cli.guard import guarded
from mtnlg.cli.hydra_flags import add_overrides, check_flags, split_flags
from mtnlg.cli.parser import add_command
from mtnlg.errors import ConfigError

if TYPE_CHECKING:
    from mtnlg.cli.parser import Subparsers

USAGE = "mtnlg data NAME... [OVERRIDE...]"
EXAMPLE = "mtnlg data translation/tatoeba_en_zh data_root=FOLDER"


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "data",
        run,
        "rows, lengths, repeats, contamination and known faults of data sets",
        usage=USAGE,
        epilog=f"For example: {EXAMPLE}",
    )
    add_overrides(parser)


def run(options: argparse.Namespace) -> int:
    """Describe each data set, whose rows are prepared where they are not there yet."""
    check_flags(options)
    from mtnlg.experiment.compose import run_hydra

    flags, words = split_flags(options.words)
    names = [word for word in words if "=" not in word and not word.startswith("~")]
    overrides = [word for word in words if word not in names]
    if not names:
        raise ConfigError(f"no data set is named; {USAGE}, as in {EXAMPLE}")
    statuses = [0]
    for name in names:
        # The rows do not depend on the model, but a configuration needs one.
        chosen = [*flags, f"task={name}", "model=mt_nlg_nano", *overrides]

        def task(raw: Any, name: str = name) -> None:
            statuses.append(guarded(lambda: _print_description(raw, name)))

        run_hydra("mtnlg data", chosen, task)
    return max(statuses)


def _print_description(raw: Any, choice: str) -> None:
    from mtnlg.cli.description import describe
    from mtnlg.experiment.compose import head_comment, load_composed

    config = load_composed(raw)
    comment = head_comment(f"task/{choice}")
    for name in config.tasks:
        for line in describe(config, name, comment):
            print(line)
        print(flush=True)
