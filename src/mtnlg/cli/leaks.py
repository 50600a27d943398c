"""`mtnlg leaks`: the known contamination of public data sets, counted again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.cli.parser import add_command

if TYPE_CHECKING:
    from mtnlg.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "leaks",
        run,
        "the known contamination of public data sets, counted again",
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


def run(options: argparse.Namespace) -> None:
    """Print the table."""
    from mtnlg.corpus.known_contamination import known_contamination_table
    from mtnlg.experiment.compose import builtin_tasks
    from mtnlg.records.files import write_text

    table = known_contamination_table(builtin_tasks(), options.data_root)
    print(table, end="")
    if options.out is not None:
        shown = options.out.name if options.out.is_absolute() else options.out
        head = f"# Known leaks\n\nCommand: mtnlg leaks --data-root DATA --out {shown}\n\n"
        write_text(options.out, head + table)
