"""`mtnlg publish`: the boards of reports/published, and their tables in README.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mtnlg.cli.command import Subparsers, add_command, add_number, add_roots
from mtnlg.errors import ArtifactError


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Copy the report of an experiment, with the records that it is made from, into "
        "reports/published, and its table into README.md.",
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("experiment", nargs="?", metavar="EXPERIMENT", help="a folder of runs")
    action.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if a published board or README.md is stale",
    )
    action.add_argument(
        "--refresh", action="store_true", help="make all published boards again from their records"
    )
    add_number(parser, "samples", 2, "examples on the page; mind the license of the data")
    parser.add_argument(
        "--formats",
        nargs="+",
        metavar="NAME",
        help="formats of the report (those that a run writes); the record keeps their names",
    )
    add_roots(parser, ["runs", "artifacts", "reports"])
    parser.add_argument(
        "--readme", type=Path, default=Path("README.md"), metavar="FILE", help="(README.md)"
    )


def run(options: argparse.Namespace) -> int:
    """Publish, check or refresh; returns 1 if a check finds something stale."""
    from mtnlg.config import ReportConfig
    from mtnlg.report import find_format, publish

    published_root = options.reports_root / "published"
    readme = options.readme if options.readme.is_file() else None
    if options.experiment is None and not any(published_root.glob(f"*/{publish.RECORD_FILE}")):
        raise ArtifactError(f"{published_root}: has no published board; name --reports-root FOLDER")
    if options.check:
        stale = publish.check_published(published_root, readme=readme)
        for text in stale:
            print(f"stale: {text}", file=sys.stderr)
        return 1 if stale else 0
    if options.refresh:
        lines = publish.refresh_published(published_root)
    else:
        formats = tuple(options.formats or ReportConfig().formats)
        for name in formats:
            find_format(name, key="--formats")
        paths = publish.publish(
            publish.Publication(options.experiment, options.samples, formats),
            runs_root=options.runs_root,
            artifacts_root=options.artifacts_root,
            published_root=published_root,
        )
        lines = [str(path) for path in paths]
    for line in lines:
        print(line)
    if readme is not None:
        publish.refresh_excerpts(readme, published_root=published_root)
    return 0
