"""`mtnlg reproduce RUN`: the run made again from its manifest, and whether it is the same."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.cli.command import Subparsers, add_command, add_roots
from mtnlg.errors import MtnlgError
from mtnlg.text.display import aligned, one_line

if TYPE_CHECKING:
    from mtnlg.provenance.verdicts import Judgment

IMPOSSIBLE = 2
"""Exit status where the run could not be made again; 1 where it is not bit-identical."""


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Make a run again from its manifest in a fresh folder, data included, and say "
        "for each stage whether it is bit-identical, and if not, what differs first and why. "
        "Exit status: 0 bit-identical, 1 not, 2 it could not be made.",
    )
    parser.add_argument("RUN", help="a run's folder, its id, or the beginning of its id")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="keep the new run here")
    parser.add_argument(
        "--resume-check", action="store_true", help="kill its training twice, and continue it"
    )
    parser.add_argument("--tolerant", action="store_true", help="status 0 within tolerance too")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--markdown", action="store_true", help="for the summary of a CI job")
    add_roots(parser, ["runs"])
    parser.add_argument(
        "--artifacts-root", type=Path, metavar="FOLDER", help="of the first run (as it says)"
    )


def run(options: argparse.Namespace) -> int:
    """Make the run again and print the verdicts."""
    from mtnlg.experiment.reproduction import make_again
    from mtnlg.provenance.manifest import find_run
    from mtnlg.provenance.verdicts import WORDS, judge

    try:
        first = find_run(options.RUN, runs_root=options.runs_root)
        with tempfile.TemporaryDirectory(prefix="mtnlg-reproduce-") as temporary:
            into = options.into or Path(temporary)
            second, root, killed = make_again(
                first, into, artifacts_root=options.artifacts_root, is_killed=options.resume_check
            )
            judgment = judge((first, second), (root, into / "artifacts"))
    except MtnlgError as error:
        if options.json:
            print(json.dumps({"verdict": "could not be made", "reason": str(error)}))
        print(f"error: {error}", file=sys.stderr)
        return IMPOSSIBLE
    name = first.record.run_id
    if options.json:
        document = {"run": name, "killed": killed, "verdict": judgment.verdict, **asdict(judgment)}
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(name, judgment, killed, is_markdown=options.markdown)))
    return int(judgment.verdict not in WORDS[: 1 + options.tolerant])


def _lines(name: str, judgment: Judgment, killed: list[str], *, is_markdown: bool) -> Iterator[str]:
    """The verdict, a table of the stages, each difference with its reasons, and other facts."""
    from mtnlg.provenance.verdicts import TOLERANCES
    from mtnlg.report.text_formats import escape_markdown

    escape = escape_markdown if is_markdown else one_line
    item = "- " if is_markdown else "  "
    yield f"{'### ' if is_markdown else ''}{escape(name)} (A), made again (B): {judgment.verdict}"
    if killed:
        yield f"its training was killed and continued: {', '.join(killed)}"
    rows = [["stage", "verdict"], *map(list, judgment.stages().items())]
    yield from ("", *aligned(rows, is_markdown=is_markdown))
    for part in judgment.parts:
        if not part.differences and not part.reasons:
            continue
        tolerance = f" (within {TOLERANCES[part.stage]:g})" if "tolerance" in part.verdict else ""
        yield from ("", f"{escape(part.name)}: {part.verdict}{tolerance}")
        for row in part.differences:
            values = f"{row.first} -> {row.second}" if row.first != row.second else ""
            yield f"{item}{escape(f'{row.file}: {row.where}: {values}')}"
        word = "cause" if part.differences else "without effect"
        yield from (f"{item}{word}: {escape(reason)}" for reason in part.reasons)
    if judgment.environment:
        yield from ("", "the manifests also differ in")
        for fact in judgment.environment:
            yield f"{item}{escape(f'{fact.key}: {fact.values[0]} -> {fact.values[1]}')}"
