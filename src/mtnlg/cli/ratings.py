"""`mtnlg ratings export` and `read`: sheets for raters, and their answers on the board."""

from __future__ import annotations

import argparse
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.cli.command import Parser, Subparsers, add_command, add_number, add_roots
from mtnlg.errors import ConfigError

if TYPE_CHECKING:
    from mtnlg.leaderboard.model import Leaderboard
    from mtnlg.ratings.key import Key, Question
    from mtnlg.ratings.plan import Choice

logger = logging.getLogger(__name__)

SCALE_FORM = re.compile(r"(\d{1,3})-(\d{1,3})")
MAX_ANSWERS = 101
"""Answers that a scale can have: 0 to 100."""
FEW_SHARED = 10
"""Sources below which the agreement of two raters says little."""


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command and its two subcommands."""
    parser = add_command(subparsers, name, None, summary)
    actions = parser.add_commands()
    export = add_command(
        actions,
        "export",
        run_export,
        "sheets of the outputs of a board that do not say whose they are",
    )
    _add_export_options(export)
    read = add_command(actions, "read", run_read, "the answers, into the report of the experiment")
    read.add_argument("experiment", metavar="EXPERIMENT", help="a folder of runs")
    read.add_argument("folder", type=Path, metavar="FOLDER", help="of the filled-in sheets")
    for action in (export, read):
        add_roots(action, ["runs", "artifacts", "reports"])


def _add_export_options(parser: Parser) -> None:
    parser.add_argument("experiment", metavar="EXPERIMENT", help="a folder of runs")
    parser.add_argument(
        "--board", required=True, metavar="TASK:TEST_SET", help="such as dialogue/x:test"
    )
    parser.add_argument(
        "--systems",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="rows of the board (all but baselines)",
    )
    add_number(parser, "items", 50, "rows of the test set")
    add_number(parser, "raters", 3, "sheets")
    parser.add_argument(
        "--per-item", default="2", metavar="N", help="raters of each item: a number, or all (2)"
    )
    parser.add_argument(
        "--question",
        default="adequacy",
        metavar="TEXT",
        help="adequacy, fluency, faithfulness, appropriateness, or any text (adequacy)",
    )
    parser.add_argument(
        "--scale", default="1-5", metavar="LOW-HIGH", help="least and greatest answer (1-5)"
    )
    add_number(parser, "repeated", 5, "items that come twice in each sheet")
    parser.add_argument("--references", action="store_true", help="show the references too")
    add_number(parser, "seed", 1, "of the draw")
    parser.add_argument(
        "--out", type=Path, default=Path("ratings"), metavar="FOLDER", help="a new one (ratings)"
    )


def run_export(options: argparse.Namespace) -> None:
    """Write the sheets and their key; all checks come before anything is written."""
    from mtnlg.ratings.key import KEY_FILE, Key, write_key
    from mtnlg.ratings.plan import choose, find_board, plan_sheets
    from mtnlg.ratings.sheets import write_sheets

    for name, least in (("items", 1), ("raters", 1), ("repeated", 0), ("seed", 0)):
        value = getattr(options, name)
        if value < least:
            raise ConfigError(f"--{name} {value}: must be a whole number of at least {least}")
    scale = _scale(options.scale)
    per_item = _per_item(options.per_item, options.raters)
    question = _question(options.question)
    if (options.out / KEY_FILE).exists():
        raise ConfigError(
            f"--out {options.out}: has a {KEY_FILE} of an earlier export, without which its "
            "answers cannot be read; choose another folder"
        )
    leaderboard = _leaderboard(options)
    board = find_board(leaderboard, options.board)
    choice = choose(
        board, leaderboard, names=options.systems, num_rows=options.items, seed=options.seed
    )
    key = Key(
        experiment=options.experiment,
        task=board.task,
        test_set=board.test_set,
        language=board.language,
        question=question,
        scale=scale,
        seed=options.seed,
        raters_per_item=per_item,
        systems=choice.systems,
        outputs=choice.outputs,
        sheets=plan_sheets(
            choice.sources,
            raters=[f"rater{number}" for number in range(1, options.raters + 1)],
            raters_per_item=per_item,
            num_repeated=options.repeated,
            seed=options.seed,
        ),
    )
    paths = write_sheets(options.out, key, choice.texts, has_references=options.references)
    write_key(options.out, key)
    for path in paths:
        print(path)
    for line in _summary(key, choice, num_rows=options.items):
        logger.info(line)
    logger.info(
        f"{options.out / KEY_FILE} says which system is behind each item: keep it, and give raters "
        "their own sheet alone"
    )


def _summary(key: Key, choice: Choice, *, num_rows: int) -> list[str]:
    """What the sheets hold, in sentences."""
    from mtnlg.ratings.plan import shared_sources

    labels = ", ".join(system.label for system in choice.systems)
    num_sources = len(choice.sources)
    fewer = f", all that there are of {num_rows} asked for" if num_sources < num_rows else ""
    lines = [
        f"{len(choice.systems)} systems ({labels}) on {num_sources} sources{fewer}: "
        f"{len(choice.outputs)} different outputs",
        "sheets: "
        + ", ".join(f"{rater} {len(entries)} items" for rater, entries in key.sheets.items()),
    ]
    if len(key.sheets) < 2 or key.raters_per_item < 2:
        return [*lines, "every item has one rater: the agreement of raters cannot be measured"]
    shared = shared_sources(key.sheets, [output.row for output in key.outputs]).values()
    few = "; few for the agreement of two of them" if min(shared) < FEW_SHARED else ""
    return [*lines, f"each two raters share {min(shared)} to {max(shared)} sources{few}"]


def _scale(word: str) -> tuple[int, int]:
    match = SCALE_FORM.fullmatch(word)
    if match is not None:
        least, greatest = int(match[1]), int(match[2])
        if 1 <= greatest - least < MAX_ANSWERS:
            return least, greatest
    raise ConfigError(
        f"--scale {word}: must be two whole numbers such as 1-5, the second greater than the "
        f"first, with at most {MAX_ANSWERS} answers"
    )


def _per_item(word: str, num_raters: int) -> int:
    if word == "all":
        return num_raters
    if not word.isdecimal() or not 1 <= int(word) <= num_raters:
        raise ConfigError(
            f"--per-item {word}: must be all, or a number from 1 to the {num_raters} of --raters"
        )
    return int(word)


def _question(word: str) -> Question:
    from mtnlg.ratings.key import QUESTIONS, Question

    if word in QUESTIONS:
        return QUESTIONS[word]
    if not word.strip() or not word.isprintable():
        raise ConfigError(
            f"--question {word!r}: must be one line of text, or one of {', '.join(QUESTIONS)}"
        )
    return Question(word, word, "worst", "best")


def _leaderboard(options: argparse.Namespace) -> Leaderboard:
    from mtnlg.leaderboard.board import build_leaderboard

    return build_leaderboard(
        options.experiment, runs_root=options.runs_root, artifacts_root=options.artifacts_root
    )


def run_read(options: argparse.Namespace) -> None:
    """Put the answers into ratings.json of the experiment, and write its report again."""
    from mtnlg.ratings.key import read_key
    from mtnlg.ratings.plan import find_board
    from mtnlg.ratings.results import rate
    from mtnlg.records.ratings import record_ratings
    from mtnlg.report import write_report

    key = read_key(options.folder)
    if key.experiment != options.experiment:
        raise ConfigError(
            f"ratings read {options.experiment}: the sheets in {options.folder} are of experiment "
            f"{key.experiment!r}; name that one"
        )
    board = find_board(_leaderboard(options), f"{key.task}:{key.test_set}")
    ratings = rate(key, options.folder, board, options.artifacts_root)
    path = record_ratings(options.experiment, ratings, runs_root=options.runs_root)
    for rater in ratings.raters:
        logger.info(f"{rater.name}: {rater.num_answered} of {rater.num_asked} items answered")
    logger.info(f"ratings: {path}")
    for written in write_report(_leaderboard(options), options.reports_root / options.experiment):
        logger.info(f"report: {written}")
