"""What an experiment asks: the question in the first comment of its YAML file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import resources
from itertools import pairwise
from pathlib import Path

from mtnlg.leaderboard.model import Leaderboard

NOT_SENTENCES = ("@package", "mtnlg ")
"""How the other lines of the comment begin."""


def question_of(leaderboard: Leaderboard) -> str:
    """The question of the experiment that the command names, or else which system is best, or
    whether the only one beats the baselines; empty where there is nothing to compare.
    """
    for text in experiment_texts(leaderboard.command):
        if question := first_question(text):
            return question
    boards = leaderboard.boards
    kinds = {row.label: row.kind for board in boards for row in board.rows}
    systems = [label for label, kind in kinds.items() if kind != "baseline"]
    tests = list(dict.fromkeys(f"{board.task}, {board.test_set}" for board in boards))
    where = tests[0] if len(tests) == 1 else f"{len(tests)} test sets"
    if len(systems) == 1 and len(kinds) > 1:
        return f"Does {systems[0]} beat the trivial baselines on {where}?"
    return f"Which of {len(systems)} systems is best on {where}?" if len(systems) > 1 else ""


def first_question(text: str) -> str:
    """The comment at the head of a YAML file up to its question mark, without commands; empty where
    it asks nothing.
    """
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        words = line.lstrip("# ").strip()
        comment += [] if words.startswith(NOT_SENTENCES) else [words]
    question, mark, _ = " ".join(comment).partition("?")
    return question + mark if mark else ""


def experiment_texts(command: str | None) -> Iterator[str]:
    """The YAML of the experiments that a command line names: of its own folder, and ours."""
    try:
        words = shlex.split(command or "")
    except ValueError:  # of a manifest that anybody may have written
        words = []
    folders = [Path(folder) for name, folder in pairwise(words) if name in ("--config-dir", "-cd")]
    names = [word.partition("=")[2] for word in words if word.startswith("experiment=")]
    for folder in (*folders, Path(str(resources.files("mtnlg.conf")))):
        for name in names:
            file = folder / "experiment" / f"{name}.yaml"
            if name.isidentifier() and file.is_file():
                yield file.read_text(encoding="utf-8", errors="replace")
