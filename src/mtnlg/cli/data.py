"""`mtnlg data` and `mtnlg leaks`: what is known about data sets, without any model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mtnlg.cli.command import Subparsers, add_command, guarded
from mtnlg.cli.hydra_flags import add_overrides, check_flags, split_flags
from mtnlg.errors import ConfigError

USAGE = "mtnlg data NAME... [OVERRIDE...]"
EXAMPLE = "mtnlg data translation/tatoeba_en_zh data_root=FOLDER"


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare `mtnlg data`."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        usage=USAGE,
        epilog=f"For example: {EXAMPLE}",
    )
    add_overrides(parser)


def add_leaks_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare `mtnlg leaks`."""
    parser = add_command(
        subparsers,
        name,
        run_leaks,
        summary,
        description="Count the known contamination of public data sets, and print a table of it "
        "beside what others counted. Data sets that are not there are skipped.",
    )
    parser.add_argument(
        "--data-root",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="of the data sets, as data_root of a stage",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="also write the table to this Markdown file"
    )


def run(options: argparse.Namespace) -> int:
    """Describe each data set; prepare its rows if they are missing."""
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
        chosen = [f"task={name}", "model=mt_nlg_nano", *overrides]

        def task(raw: Any, name: str = name) -> None:
            statuses.append(guarded(lambda: _print_description(raw, name)))

        run_hydra("mtnlg data", flags, chosen, task)
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


def run_leaks(options: argparse.Namespace) -> None:
    """Print the table of known contamination."""
    from mtnlg.corpus.known_contamination import known_contamination_table
    from mtnlg.experiment.compose import builtin_tasks
    from mtnlg.records.files import write_text

    table = known_contamination_table(builtin_tasks(), options.data_root)
    print(table, end="")
    if options.out is not None:
        shown = options.out.name if options.out.is_absolute() else options.out
        head = f"# Known leaks\n\nCommand: mtnlg leaks --data-root DATA --out {shown}\n\n"
        write_text(options.out, head + table)
