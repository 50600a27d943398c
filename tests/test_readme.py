"""What README.md and docs tell a user to type works, and their boards are the published ones.

Oracle unless a test names another: the parser of the command line, Hydra, and the Makefile.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from composed import composed
from mtnlg.cli.main import make_parser
from mtnlg.cli.stage import STAGES
from mtnlg.report.publish import check_published

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *(path.read_text(encoding="utf-8") for path in DOCS)]
LINES = [
    line
    for page in PAGES
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    if not language
    for line in text.splitlines()
]
COMMAND_LINES = [line for line in LINES if line.startswith("mtnlg ")]
FLAGS = ("-m", "--cfg", "job")


def stage_lines() -> list[str]:
    """The command lines that Hydra composes."""
    words = ((line, line.split()[1]) for line in COMMAND_LINES)
    return [line for line, stage in words if stage in STAGES and " --" not in line]


@pytest.mark.parametrize("line", stage_lines())
def test_command_of_the_readme_composes(line: str) -> None:
    overrides = [word for word in shlex.split(line, comments=True)[2:] if word not in FLAGS]
    # Of a search its lowest values, of a sweep its first job; commas inside of brackets are lists.
    overrides = [
        re.sub(r"=(tag\(log,)?(range|interval)\(([^,]+),.*", r"=\3", word) for word in overrides
    ]
    first = [re.sub(r"^([\w.]+=[^,\[]+),.*", r"\1", word) for word in overrides]

    assert composed(*first).tasks


def test_every_command_of_the_readme_is_there() -> None:
    assert COMMAND_LINES
    assert {line.split()[1] for line in COMMAND_LINES} <= make_parser().commands.keys()


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_command_of_the_readme_has_options_that_exist(line: str) -> None:
    """Oracle: the parser of the command line, which leaves no word over but overrides."""
    options, rest = make_parser().parse_known_args(shlex.split(line, comments=True)[1:])

    assert callable(options.run)
    assert all("overrides" in options and not word.startswith("-") for word in rest)


def test_every_make_target_of_the_readme_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {line.split()[1] for line in LINES if line.startswith("make ")}

    assert targets >= {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_python_of_the_readme_names_what_there_is() -> None:
    import mtnlg

    (code,) = (text for language, text in BLOCKS if language == "python")
    model = mtnlg.MegatronTuringForConditionalGeneration

    compile(code, "README.md", "exec")
    methods = set(re.findall(r"(?:model|ConditionalGeneration)\.(\w+)\(", code))
    assert methods == {"from_pretrained", "generate", "save_pretrained"}
    assert all(callable(getattr(model, name)) for name in methods)


def test_published_boards_are_what_their_records_give() -> None:
    """Oracle: the records, from which every published file and the README's tables are made."""
    assert "<!-- board " in README

    assert check_published(ROOT / "reports" / "published", readme=ROOT / "README.md") == []
