"""`mtnlg import`: the outputs of somebody else's system become a row of a board."""

from __future__ import annotations

import argparse

from mtnlg.cli.command import Subparsers, add_command, add_roots
from mtnlg.cli.files import FIELDS, add_format


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Put the outputs of somebody else's system on a board of an experiment, scored "
        "like its other rows. The file is as in mtnlg score, or a log of lm-evaluation-harness, "
        "inspect_ai or HELM, whose samples are matched by their texts. Where a file has ids or "
        "references, they must be the board's.",
    )
    parser.add_argument("--experiment", required=True, help="a folder of runs/")
    parser.add_argument("--task", required=True, help="as on the board: kind/name")
    parser.add_argument("--test-set", default="test", help="of the task (test)")
    parser.add_argument("--system", required=True, help="its name on the board")
    parser.add_argument("--hypotheses", required=True, metavar="FILE", help="its outputs")
    parser.add_argument(
        "--hypothesis-field",
        default=FIELDS["hypothesis"],
        metavar="NAME",
        help=f"key of JSON lines; column of tables ({FIELDS['hypothesis']})",
    )
    add_format(parser)
    parser.add_argument(
        "--force", action="store_true", help="also where the outputs seem to be on other lines"
    )
    parser.add_argument("--note", help="what should stand beside its numbers")
    parser.add_argument("--url", help="where the outputs are from")
    parser.add_argument(
        "--published",
        action="append",
        default=[],
        metavar="METRIC=NUMBER",
        help="a number that these outputs must have, to its decimals; can be given several times",
    )
    parser.add_argument(
        "--signature",
        action="append",
        default=[],
        help="of a published number, in sacreBLEU's form; of another metric than the first "
        "published one with its name before it, as in 'chrF2|nrefs:1|...'",
    )
    add_roots(parser, ["runs", "artifacts", "reports"])


def run(options: argparse.Namespace) -> None:
    """Score the outputs and write the report again."""
    from mtnlg.cli.import_system import import_system

    import_system(options)
