"""The field's words: phrases that have better ones stand nowhere that a user reads."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mtnlg

ROOT = Path(__file__).parents[1]
PACKAGE = Path(str(mtnlg.__file__)).parent
WORDS = {
    r"told apart": "significantly different",
    r"leak signal|signals? of a leak": "contamination signal",
    r"(?<!`mtnlg )\bleaks?\b(?!\.(md|json))": "contamination",
    r"group letters?": "compact letter display, significance group",
    r"asked for differently": "differing overrides",
    r"\bA less B\b": "A - B",
    r"(?i)tokenis\w*|normalis\w*|randomis\w*|summaris\w*": "spelled with z",
    r"(?i)\b(colour|behaviour|neighbour|licenced)\w*": "the American spelling",
    r"Refuses to know": "what it is",
    r"\blest\b|\bborne\b|put aside": "plain words",
}
"""Pattern -> what to write instead."""
TEXTS = {
    path.relative_to(ROOT).as_posix(): path
    for path in (
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(PACKAGE / "report" / "assets").iterdir(),
        *(ROOT / "reports" / "published").glob("*/leaderboard.md"),
    )
    if path.is_file()
}


def faults(text: str) -> list[str]:
    """Each phrase with what to write instead."""
    return [
        f"{match.group()!r}: write {word}"
        for pattern, word in WORDS.items()
        for match in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize("name", TEXTS)
def test_page_uses_the_words_of_the_field(name: str) -> None:
    assert faults(TEXTS[name].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "reports" / "published").glob("*/index.html")),
    ids=lambda p: p.parent.name,
)
def test_published_page_uses_the_words_of_the_field(path: Path) -> None:
    """What is shown of a record's configuration and data is left out: it is of its time."""
    page = path.read_text(encoding="utf-8")
    shown = re.sub(r"<(script|style|pre)\b.*?</\1>", "", page, flags=re.DOTALL)

    assert faults(re.sub(r"<[^>]+>", " ", shown)) == []


def test_docstrings_use_the_words_of_the_field() -> None:
    texts = {
        f"{path.name}:{getattr(node, 'lineno', 1)}": node.value.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
    }

    assert {at: found for at, text in texts.items() if (found := faults(text))} == {}


@pytest.mark.parametrize(
    ("text", "is_fault"),
    [
        ("systems that are told apart", True),
        ("a leak signal", True),
        ("rows without a leak", True),
        ("`mtnlg leaks --data-root DATA`", False),
        ("reports/published/leaks.md", False),
        ("tokenisation", True),
        ("tokenization", False),
    ],
)
def test_phrase_is_found_and_a_command_is_not(text: str, is_fault: bool) -> None:
    """Oracle: by hand."""
    assert bool(faults(text)) is is_fault
