"""`mtnlg score`: outputs of any system against references, from files of texts."""

from __future__ import annotations

import argparse
from pathlib import Path

from mtnlg.cli.command import Parser, Subparsers, add_command, add_number
from mtnlg.cli.files import add_files


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Score files of outputs against references, line by line, and say which "
        "systems are significantly different. Files are plain text, JSON, tables (.tsv, .csv), "
        "SGML or XML of WMT and IWSLT, or lines of decoders, each also as .gz; - is standard "
        "input.",
    )
    add_files(parser)
    parser.add_argument(
        "--hypotheses", nargs="+", required=True, metavar="FILE", help="one for each system"
    )
    parser.add_argument(
        "--sources",
        metavar="FILE",
        help="for metrics that compare outputs with them; shown beside the outputs in --html",
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="the board is sorted by the first of them"
    )
    parser.add_argument(
        "--main-metric", metavar="NAME", help="the metric that the board is sorted by instead"
    )
    parser.add_argument(
        "--model-folder",
        action="append",
        default=[],
        metavar="METRIC=FOLDER",
        help="the local model of a metric that reads one, such as bertscore, comet, cometkiwi",
    )
    _add_style(parser)
    _add_sampling(parser)


def run(options: argparse.Namespace) -> None:
    """Print the board, and write the page that --html asks for."""
    from mtnlg.cli.scoring import score

    score(options)


def _add_style(parser: Parser) -> None:
    from mtnlg.report.formats import FORMATS, NUM_SAMPLES

    style = parser.add_mutually_exclusive_group()
    for name, report_format in FORMATS.items():
        if name != "html":
            style.add_argument(
                f"--{name}",
                dest="style",
                action="store_const",
                const=name,
                help=report_format.what,
            )
    style.add_argument(
        "--print",
        dest="style",
        metavar="FORMAT",
        help="any format of a report, also one of another package (terminal)",
    )
    parser.set_defaults(style="terminal")
    parser.add_argument(
        "--html", type=Path, metavar="FOLDER", help="also write index.html with samples there"
    )
    add_number(parser, "samples", NUM_SAMPLES, "on the page")


def _add_sampling(parser: Parser) -> None:
    from mtnlg.config import EvaluationConfig
    from mtnlg.config.evaluation import NUM_TRIALS

    add_number(parser, "resamples", EvaluationConfig.num_resamples, "of the bootstrap")
    confidence = EvaluationConfig.confidence
    parser.add_argument(
        "--confidence",
        type=float,
        default=confidence,
        metavar="N",
        help=f"of the intervals ({confidence})",
    )
    add_number(parser, "trials", NUM_TRIALS, "of the paired tests")
    parser.add_argument(
        "--equivalence-margin",
        action="append",
        default=[],
        metavar="METRIC=NUMBER",
        help="also test whether systems are equivalent: within so much of each other",
    )
    add_number(parser, "seed", EvaluationConfig.seed, "of both")
