"""`mtnlg gate RUN --baseline RECORD`: exit 1 where a run is worse than a baseline."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.cli.command import Subparsers, add_command, add_roots
from mtnlg.errors import ConfigError, suggestion
from mtnlg.text.display import aligned, one_line

if TYPE_CHECKING:
    from mtnlg.leaderboard.drops import Drop
    from mtnlg.leaderboard.gate import Gate, Side

HEADER = ["system", "task", "test set", "metric", "run", "baseline", "difference", "95 %"]
HEADER += ["tolerance", "p", "p, corrected", "could see", ""]
METHOD = (
    "p: of a drop that is at most the tolerance, by one-sided paired tests, corrected by Holm; a "
    "run fails below 5 %. Could see: the smallest drop that such tests find in 80 % of cases."
)


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Compare a run with a baseline by paired tests on the same examples, and over "
        "seeds where there are several, corrected over all test sets and metrics (Holm, 5 %). Exit "
        "1 if the run dropped by more than the tolerance, failed or is not complete; 2 if the two "
        "cannot be compared.",
    )
    parser.add_argument("run_word", metavar="RUN", help="a run's folder or id, or an experiment")
    parser.add_argument(
        "--baseline",
        required=True,
        metavar="RECORD",
        help="a published board, an experiment, or another run, by name or folder",
    )
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="METRIC=NUMBER",
        help="drop that is allowed, in the metric's unit (0.5 for scores from 0 to 100, else 0)",
    )
    parser.add_argument(
        "--metrics", nargs="+", default=[], metavar="NAME", help="(the main one of each board)"
    )
    for name in ("json", "markdown"):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"also write {name} there")
    add_roots(parser, ["runs", "artifacts", "reports"])


def run(options: argparse.Namespace) -> int:
    """Print the tests; returns 1 if the run does not pass."""
    from mtnlg.leaderboard.gate import gate
    from mtnlg.records.files import disk_faults, write_json, write_text

    with ExitStack() as stack:
        sides = [
            _side(options.run_word, options, stack, is_baseline=False),
            _side(options.baseline, options, stack, is_baseline=True),
        ]
        tolerances = dict(map(_tolerance, options.tolerance))
        result = gate(*sides, metrics=options.metrics, tolerances=tolerances)
    titles = [side.title for side in sides]
    print("\n".join(_lines(result, titles)))
    if options.json:
        tests = [asdict(drop) | {"dropped": drop.is_significant} for drop in result.drops]
        document = {"run": titles[0], "baseline": titles[1], "passed": result.has_passed}
        lists = {"failures": list(result.failures), "notes": list(result.notes)}
        with disk_faults(options.json):
            write_json(options.json, {**document, "tests": tests, **lists})
    if options.markdown:
        with disk_faults(options.markdown):
            write_text(options.markdown, "\n".join(_markdown(result, titles)) + "\n")
    return 0 if result.has_passed else 1


def _tolerance(word: str) -> tuple[str, float]:
    name, _, text = word.partition("=")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise ConfigError(f"--tolerance {word}: must be METRIC=NUMBER, as in bleu=0.5, at least 0")
    return name, value


def _side(word: str, options: argparse.Namespace, stack: ExitStack, *, is_baseline: bool) -> Side:
    """The boards of a word: a published one first for a baseline, last for a run."""
    from mtnlg.leaderboard.board import build_leaderboard
    from mtnlg.leaderboard.gate import Side
    from mtnlg.provenance.manifest import find_run
    from mtnlg.records.launches import read_launch
    from mtnlg.records.places import LAUNCH_FILE, RUN_FILE
    from mtnlg.report.publish import RECORD_FILE, open_archive, recorded_leaderboard

    path, artifacts = Path(word), options.artifacts_root
    records = (path, path / RECORD_FILE, options.reports_root / "published" / word / RECORD_FILE)
    record = next((file for file in records if file.name == RECORD_FILE and file.is_file()), None)
    folders = (path, options.runs_root / word)
    launch = next((folder for folder in folders if (folder / LAUNCH_FILE).is_file()), None)
    if launch and not (record and is_baseline):
        folder = launch.resolve()
        boards = build_leaderboard(folder.name, runs_root=folder.parent, artifacts_root=artifacts)
        return Side(f"experiment {folder.name}", boards)
    if record and not (path / RUN_FILE).is_file():
        boards = recorded_leaderboard(stack.enter_context(open_archive(record)))
        return Side(f"published board {boards.experiment}", boards)
    try:
        folder = find_run(word, runs_root=options.runs_root).folder.resolve()
    except ConfigError as error:
        names = (path.name for path in (options.reports_root / "published").glob("*"))
        hint = suggestion(word, names) or "; nor is it an experiment or a published board"
        raise ConfigError(f"{error}{hint}") from None
    name, runs = folder.parent.name, folder.parent.parent
    has_launch = (folder.parent / LAUNCH_FILE).is_file()
    num_launched = len(read_launch(name, runs_root=runs).run_ids) if has_launch else 1
    boards = build_leaderboard(name, runs_root=runs, artifacts_root=artifacts, only_run=folder.name)
    return Side(f"run {folder.name}", boards, num_launched)


def _lines(gate: Gate, titles: list[str]) -> Iterator[str]:
    """The verdict, a table of the tests, and what else a reader must know."""
    yield one_line(f"{_verdict(gate)}: {' against '.join(titles)}")
    if gate.drops:
        yield from ("", *aligned([HEADER, *map(_cells, gate.drops)], numbers=range(4, 12)), "")
        yield METHOD
    yield from map(one_line, _remarks(gate))


def _markdown(gate: Gate, titles: list[str]) -> Iterator[str]:
    """The same for the summary of a CI job."""
    from mtnlg.report.text_formats import escape_markdown

    yield f"### {_verdict(gate)}: {escape_markdown(' against '.join(titles))}"
    if gate.drops:
        table = [HEADER, ["---"] * len(HEADER)]
        table += [[escape_markdown(cell) for cell in _cells(drop)] for drop in gate.drops]
        yield from ("", *(f"| {' | '.join(row)} |" for row in table), "", METHOD)
    yield from ("", *(f"- {escape_markdown(remark)}" for remark in _remarks(gate)))


def _remarks(gate: Gate) -> Iterator[str]:
    yield from (f"failed: {failure}" for failure in gate.failures)
    yield from (f"note: {note}" for note in gate.notes)


def _verdict(gate: Gate) -> str:
    return "passed" if gate.has_passed else "FAILED"


def _cells(drop: Drop) -> list[str]:
    """One test's row of the table."""
    from mtnlg.report.display import ABSENT, number_text, p_text

    values = (drop.run, drop.baseline, drop.difference, drop.low, drop.high, drop.tolerance)
    run, baseline, difference, low, high, tolerance, detectable = (
        ABSENT if value is None else number_text(value, unit=drop.unit)
        for value in (*values, drop.detectable)
    )
    return [
        *map(one_line, (drop.system, drop.task, drop.test_set, drop.metric)),
        *(run, baseline, "+" * (drop.difference > 0) + difference, f"[{low}, {high}]", tolerance),
        *(p_text(drop.p), p_text(drop.p_holm), detectable),
        "DROPPED" if drop.is_significant else "passed",
    ]
