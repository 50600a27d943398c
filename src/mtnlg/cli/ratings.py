"""`mtnlg report --export-ratings` and `--read-ratings`: sheets for raters, and their answers on the
board.

Refuses to know: how sheets and results are computed. All that can be wrong is found before anything
is written.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from mtnlg.errors import ConfigError
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.model import Board, Leaderboard
from mtnlg.progress import say
from mtnlg.ratings.analysis import (
    INTERVAL,
    agreement,
    first_answers,
    rate_systems,
    rater_records,
    system_scores,
)
from mtnlg.ratings.answers import read_answers
from mtnlg.ratings.choice import Choice, choose, find_board
from mtnlg.ratings.key import KEY_FILE, QUESTIONS, Key, Question, read_key, write_key
from mtnlg.ratings.metrics import rate_metrics
from mtnlg.ratings.plan import plan_sheets, shared_sources
from mtnlg.ratings.sheets import write_sheets
from mtnlg.records.files import JsonValue, write_json
from mtnlg.records.ratings import RATINGS_FILE, HumanRatings, read_ratings
from mtnlg.report import write_report

SCALE_FORM = re.compile(r"(\d{1,3})-(\d{1,3})")
MAX_ANSWERS = 101
"""Answers that a scale can have: 0 to 100."""
FEW_SHARED = 10
"""Sources below which the agreement of two raters says little."""


def ratings(words: Sequence[str]) -> int:
    """Run the command and give its exit status."""
    options = make_parser().parse_args(words)
    if options.export_ratings is not None:
        return _export(options)
    return _read(options)


def make_parser() -> argparse.ArgumentParser:
    """The parser, which exits with status 2 where options are missing or unknown."""
    parser = argparse.ArgumentParser(
        prog="mtnlg report",
        description="Write sheets on which people rate the outputs of a board without knowing "
        "whose they are, or read the answers back into the report.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--export-ratings", metavar="EXPERIMENT", help="write sheets")
    what.add_argument(
        "--read-ratings", nargs=2, metavar=("EXPERIMENT", "FOLDER"), help="read the filled-in ones"
    )
    export = parser.add_argument_group("with --export-ratings")
    export.add_argument("--board", metavar="TASK:TEST_SET", help="such as dialogue/x:test")
    export.add_argument(
        "--systems", nargs="+", default=[], help="labels of the board (all but baselines)"
    )
    export.add_argument("--items", type=int, default=50, help="rows of the test set (50)")
    export.add_argument("--raters", type=int, default=3, help="sheets (3)")
    export.add_argument("--per-item", default="2", help="raters of each item: a number, or all (2)")
    export.add_argument(
        "--question", default="adequacy", help=f"{', '.join(QUESTIONS)}, or any text (adequacy)"
    )
    export.add_argument("--scale", default="1-5", help="least and greatest answer (1-5)")
    export.add_argument(
        "--repeated", type=int, default=5, help="items of each sheet that come twice (5)"
    )
    export.add_argument("--references", action="store_true", help="show the references too")
    export.add_argument("--seed", type=int, default=1)
    export.add_argument("--out", type=Path, default=Path("ratings"), help="a new folder (ratings)")
    for name in ("runs", "artifacts", "reports"):
        parser.add_argument(f"--{name}-root", type=Path, default=Path(name))
    return parser


def _export(options: argparse.Namespace) -> int:
    experiment: str = options.export_ratings
    if options.board is None:
        raise ConfigError("--board: must name what to rate, as in --board translation/x:test")
    for name, least in (("items", 1), ("raters", 1), ("repeated", 0), ("seed", 0)):
        _check_least(name, getattr(options, name), least)
    scale = _scale(options.scale)
    per_item = _per_item(options.per_item, options.raters)
    question = _question(options.question)
    if (options.out / KEY_FILE).exists():
        raise ConfigError(
            f"--out {options.out}: has a {KEY_FILE} of an earlier export, without which its "
            "answers cannot be read; choose another folder"
        )
    leaderboard = _leaderboard(experiment, options)
    board = find_board(leaderboard, options.board)
    choice = choose(
        board,
        leaderboard,
        names=options.systems,
        num_rows=options.items,
        seed=options.seed,
    )
    key = Key(
        experiment=experiment,
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
            raters=[f"rater{place}" for place in range(1, options.raters + 1)],
            raters_per_item=per_item,
            num_repeated=options.repeated,
            seed=options.seed,
        ),
    )
    paths = write_sheets(options.out, key, choice.texts, has_references=options.references)
    write_key(options.out, key)
    for path in paths:
        print(path)
    for line in _said_of(key, choice, num_rows=options.items):
        say(line)
    say(
        f"{options.out / KEY_FILE} says which system is behind each item: keep it, and give raters "
        "their own sheet alone"
    )
    return 0


def _said_of(key: Key, choice: Choice, *, num_rows: int) -> list[str]:
    """What was made of the options, in words."""
    named = ", ".join(system.label for system in choice.systems)
    found = len(choice.sources)
    fewer = f", all that there are of {num_rows} asked for" if found < num_rows else ""
    lines = [
        f"{len(choice.systems)} systems ({named}) on {found} sources{fewer}: {len(choice.outputs)} "
        "different outputs",
        "sheets: "
        + ", ".join(f"{rater} {len(entries)} items" for rater, entries in key.sheets.items()),
    ]
    if len(key.sheets) < 2 or key.raters_per_item < 2:
        return [*lines, "every item has one rater: agreement of raters cannot be told"]
    shared = shared_sources(key.sheets, [output.row for output in key.outputs]).values()
    few = "; few for the agreement of two of them" if min(shared) < FEW_SHARED else ""
    return [*lines, f"each two raters share {min(shared)} to {max(shared)} sources{few}"]


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(f"--{name} {value}: must be a whole number of at least {least}")


def _scale(word: str) -> tuple[int, int]:
    found = SCALE_FORM.fullmatch(word)
    if found is not None:
        least, greatest = int(found[1]), int(found[2])
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
    if word in QUESTIONS:
        return QUESTIONS[word]
    if not word.strip() or not word.isprintable():
        raise ConfigError(
            f"--question {word!r}: must be one line of text, or one of {', '.join(QUESTIONS)}"
        )
    return Question(word, word, "worst", "best")


def _leaderboard(experiment: str, options: argparse.Namespace) -> Leaderboard:
    return build_leaderboard(
        experiment, runs_root=options.runs_root, artifacts_root=options.artifacts_root
    )


def _read(options: argparse.Namespace) -> int:
    experiment, folder = options.read_ratings[0], Path(options.read_ratings[1])
    key = read_key(folder)
    if key.experiment != experiment:
        raise ConfigError(
            f"--read-ratings {experiment}: the sheets in {folder} are of experiment "
            f"{key.experiment!r}; name that one"
        )
    leaderboard = _leaderboard(experiment, options)
    board = find_board(leaderboard, f"{key.task}:{key.test_set}")
    earlier = read_ratings(experiment, runs_root=options.runs_root)
    found = _ratings_of(key, folder, board, options.artifacts_root)
    kept = [one for one in earlier if one.identity != found.identity]
    documents: list[JsonValue] = [one.to_json() for one in (*kept, found)]
    path = options.runs_root / experiment / RATINGS_FILE
    write_json(path, {"ratings": documents})
    for rater in found.raters:
        say(f"{rater.name}: {rater.num_answered} of {rater.num_asked} items answered")
    say(f"ratings: {path}")
    report = options.reports_root / experiment
    for written in write_report(_leaderboard(experiment, options), report):
        say(f"report: {written}")
    return 0


def _ratings_of(key: Key, folder: Path, board: Board, artifacts_root: Path) -> HumanRatings:
    answers = read_answers(folder, key)
    first = first_answers(key, answers)
    rated, tested = rate_systems(key, first)
    alpha, distances = agreement(key, first)
    return HumanRatings(
        task=key.task,
        test_set=key.test_set,
        name=key.question.name,
        question=key.question.text,
        lowest=key.question.lowest,
        highest=key.question.highest,
        least=key.scale[0],
        greatest=key.scale[1],
        signature=(
            f"scale:{key.scale[0]}-{key.scale[1]}|sources:{len(key.rows)}|"
            f"raters:{len(key.sheets)}|per_item:{key.raters_per_item}|seed:{key.seed}|"
            f"export:{key.export}"
        ),
        interval=INTERVAL,
        test=tested.test,
        test_reason=tested.reason,
        systems=tuple(rated),
        alpha=alpha,
        interval_alpha=distances,
        raters=tuple(rater_records(key, answers)),
        metrics=tuple(
            rate_metrics(
                key, board, rated, system_scores(key, first), artifacts_root=artifacts_root
            )
        ),
        remarks=tuple(_remarks(key)),
    )


def _remarks(key: Key) -> list[str]:
    """Which pairs of systems were often rated by one and the same output."""
    shared = {
        pair: sum(set(pair) <= set(output.systems) for output in key.outputs)
        for pair in combinations([system.label for system in key.systems], 2)
    }
    found = [f"{one} and {other} {count}" for (one, other), count in shared.items() if count]
    rows = f"of {len(key.rows)} sources"
    return [
        f"outputs that were the same, and rated once for both: {', '.join(found)} {rows}"
    ] * bool(found)
