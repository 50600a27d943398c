"""`mtnlg benchmark`: speed beside other programs on this machine, after outputs are compared."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.cli.command import Subparsers, add_command, add_number

if TYPE_CHECKING:
    from mtnlg.benchmark.measurement import Row
    from mtnlg.benchmark.workbench import Workbench

DIFFERS = 1
"""The exit status where an output differs."""


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Measure training, decoding, preparation, scoring and start beside "
        "transformers, CTranslate2, sacreBLEU and rouge_score in alternation, and write "
        "benchmark.json, benchmark.md and index.html. Exit status 1: an output differs.",
    )
    parser.add_argument("--only", metavar="GROUPS", help="such as training,decoding (all)")
    add_number(parser, "repeats", 5, "alternations of each comparison")
    add_number(parser, "threads", 1, "of each side")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to try the command")
    parser.add_argument("--large", action="store_true", help="also decode with 92 M parameters")
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="FOLDER",
        help="train on Multi30k from there, not on the built-in corpus",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("reports/benchmarks"),
        metavar="FOLDER",
        help="(reports/benchmarks); groups that are not measured again stay there",
    )


def run(options: argparse.Namespace) -> int:
    """Print each row as it is measured, and write the board after each group."""
    from mtnlg.config.checks import at_least, check

    for name in ("repeats", "threads"):
        check(f"--{name}", getattr(options, name), at_least(1))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # before PyTorch is loaded
    from mtnlg.benchmark.board import group_record, save
    from mtnlg.benchmark.suite import chosen_groups
    from mtnlg.benchmark.workbench import Workbench, set_up
    from mtnlg.config import Accelerator
    from mtnlg.experiment.machine import hardware

    groups = chosen_groups(options.only)
    set_up(options.threads)
    machine = hardware(Accelerator.cpu, options.threads)
    records, has_difference = {}, False
    with tempfile.TemporaryDirectory(prefix="mtnlg-benchmark-") as scratch:
        bench = Workbench(
            Path(scratch),
            repeats=options.repeats,
            threads=options.threads,
            is_quick=options.quick,
            is_large=options.large,
            data_root=options.data_root.absolute() if options.data_root else None,
        )
        for group in groups:
            rows = _measured(bench, group)
            has_difference = has_difference or any(row.status == "differs" for row in rows)
            records[group] = group_record(rows, bench.facts())
            save(options.output, machine, records)
    return DIFFERS if has_difference else 0


def _measured(bench: Workbench, group: str) -> list[Row]:
    from mtnlg.benchmark.board import row_line
    from mtnlg.benchmark.suite import measure

    rows = []
    for row in measure(bench, group):
        print(row_line(row), flush=True)
        rows.append(row)
    return rows
