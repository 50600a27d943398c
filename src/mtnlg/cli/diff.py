"""`mtnlg diff A B`: what differs between two runs."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from mtnlg.cli.parser import add_command, add_roots

if TYPE_CHECKING:
    from mtnlg.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "diff",
        run,
        "two runs: settings, scores by paired tests, examples that moved most",
        description="Compare two runs: settings, environment, scores by paired tests on the same "
        "examples, and the examples that moved most.",
    )
    for name in ("A", "B"):
        parser.add_argument(name, help="a run's folder, its id, or the beginning of its id")
    parser.add_argument("--json", action="store_true", help="for programs")
    add_roots(parser, ["runs", "artifacts"])


def run(options: argparse.Namespace) -> None:
    """Print the difference, also where there is none."""
    from mtnlg.cli.difference_text import difference_document, difference_text
    from mtnlg.provenance.difference import compare_runs
    from mtnlg.provenance.find_run import find_run

    first, second = (find_run(word, runs_root=options.runs_root) for word in (options.A, options.B))
    difference = compare_runs(first, second, artifacts_root=options.artifacts_root)
    if options.json:
        document = difference_document(first, second, difference)
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
    else:
        print(difference_text(first, second, difference), end="")
