"""README.md and the manual: each command works or is one that exists, each example is right.

Every fenced block has a language, and every line of commands a way in which it is checked; none is
left out. Oracle unless a test names another: the parser of the command line, Hydra, the Makefile.
"""

from __future__ import annotations

import doctest
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import mtnlg
from composed import composed
from mtnlg.cli.main import STAGES, main, make_parser
from mtnlg.report.publish import check_published
from notebook_cells import read_notebook, run_cells

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAX_WORDS = 900
MAX_IMAGE_BYTES = 150_000


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    language: str
    text: str


class Line(NamedTuple):
    """A line of commands."""

    page: str
    command: str


BLOCKS = [
    Block(page, *block)
    for page, text in PAGES.items()
    for block in re.findall(r"^```(\S*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
]
LINES = [
    Line(block.page, line)
    for block in BLOCKS
    if not block.language
    for line in block.text.splitlines()
]
SETUP = ("git clone URL mtnlg && cd mtnlg", ". .venv/bin/activate")
"""What a shell does before there is a command of ours."""
RUN = ("score", "doctor")
"""Commands that are run, on small files with the names that the line has."""
SHOWN = ("--cfg", "--dry-run")
"""Options with which a command of a stage shows something and trains nothing: it is run."""
NEEDS_A_RUN = {
    *(
        "benchmark",
        "data",
        "diff",
        "export",
        "gate",
        "import",
        "publish",
        "push",
        "ratings",
        "reproduce",
    ),
    *("runs", "say", "leaks"),
}
"""Commands that are parsed, since they read what a training or a download leaves."""
FLAGS = ("-m", "--cfg", "job", "--config-dir", "conf")
SENTENCES = ["Anna bought three books.", "It rains in the old town.", "A dog sleeps."]
CHINESE = ["安娜买了三本书。", "老城里下着雨。", "一只狗在睡觉。"]


def way_of(command: str) -> str | None:
    """How a line is checked; None for a line that no test knows."""
    words = shlex.split(command, comments=True)
    if " ".join(words) in SETUP:
        return "setup"
    if words[0] in ("make", "shtab"):
        return words[0]
    if words[0] != "mtnlg" or len(words) < 2:
        return None
    if words[1] in RUN:
        return "run"
    if "--help" in words:
        return "help"
    if words[1] in STAGES:
        return "show" if any(word in SHOWN for word in words) else "compose"
    return "parse" if words[1] in NEEDS_A_RUN else None


def lines_of(*ways: str) -> Iterator[Any]:
    """The lines that are checked in these ways, each once."""
    seen = set()
    for line in LINES:
        if line.command not in seen and way_of(line.command) in ways:
            seen.add(line.command)
            yield pytest.param(line.command, id=f"{line.page}: {line.command}")


def test_every_line_of_commands_is_checked_in_some_way() -> None:
    assert [line for line in LINES if way_of(line.command) is None] == []
    assert {way_of(line.command) for line in LINES} == {
        *("setup", "make", "shtab", "help", "run", "show", "compose", "parse")
    }


@pytest.mark.parametrize("command", lines_of("shtab"))
def test_tab_completes_commands_and_options(command: str, tmp_path: Path) -> None:
    """Oracle: a bash that reads the script, and is asked as by the tab key."""
    words, _, _ = command.partition(" > ")
    script = subprocess.run(
        [sys.executable, "-m", *shlex.split(words)], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "mtnlg").write_text(script, encoding="utf-8")

    def completed(*words: str) -> list[str]:
        asked = f"source mtnlg; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
        asked += "$(complete -p mtnlg | sed 's/.*-F \\(\\S*\\).*/\\1/'); echo ${COMPREPLY[@]}"
        shell = ["bash", "-c", asked]
        found = subprocess.run(shell, capture_output=True, text=True, check=True, cwd=tmp_path)
        return sorted(found.stdout.split())

    assert completed("mtnlg", "rep") == ["report", "reproduce"]
    assert completed("mtnlg", "score", "--hyp") == ["--hypotheses", "--hypothesis-field"]


def test_every_block_has_a_language_that_is_checked() -> None:
    languages = {block.language for block in BLOCKS}

    assert languages <= {"", "bash", "json", "python", "text", "toml", "yaml", *DIRECTIVES}
    assert not [block for block in BLOCKS if block.language == "text" and "mtnlg " in block.text]


DIRECTIVES = ("{toctree}", "{eval-rst}")
"""Blocks that Sphinx reads; `make docs` fails where it cannot."""


@pytest.mark.parametrize("command", lines_of("compose", "show"))
def test_command_of_a_stage_composes(command: str) -> None:
    """Of a search its lowest values, of a sweep its first job; commas in brackets are lists."""
    if "tickets" in command:
        return  # run with the files of its page, below
    words = [word for word in shlex.split(command, comments=True)[2:] if word not in FLAGS]
    overrides = [
        re.sub(r"=(tag\(log,)?(range|interval)\(([^,]+),.*", r"=\3", word)
        for word in words
        if not word.startswith("--")
    ]
    first = [re.sub(r"^([\w.]+=[^,\[]+),.*", r"\1", word) for word in overrides]

    assert composed(*first).tasks


@pytest.mark.parametrize("command", lines_of("run", "show", "compose", "parse"))
def test_command_has_options_that_exist(command: str) -> None:
    """Oracle: the parser of the command line, which leaves no word over but overrides."""
    options, rest = make_parser().parse_known_args(shlex.split(command, comments=True)[1:])

    assert callable(options.run)
    assert all("overrides" in options and not word.startswith("-") for word in rest)


@pytest.mark.parametrize("command", lines_of("show", "help"))
def test_command_that_shows_something_runs(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(shlex.split(command, comments=True)[1:]) == 0

    assert capsys.readouterr().out.count("\n") >= 2


@pytest.mark.parametrize("command", lines_of("run"))
def test_command_on_files_runs_on_small_ones(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: exit status 0, and the score of outputs that are the references."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command, comments=True)[1:]
    texts = CHINESE if "zh" in words else SENTENCES
    for word in words:
        if re.fullmatch(r"\w+\.(\w\w|txt)", word):
            Path(word).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")

    assert main(words) == 0

    assert "100.0" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["docs/own-data.md", "docs/zh/own-data.md"])
def test_data_set_of_the_page_can_be_described_and_trained_on(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the row of the page, in what `mtnlg data` shows of files made of it."""
    monkeypatch.chdir(tmp_path)
    texts = {block.language: block.text for block in BLOCKS if block.page == page}
    row = json.loads(texts["json"])
    (file,) = re.findall(r"`(conf/task/\S+\.yaml)`", PAGES[page])
    Path(file).parent.mkdir(parents=True)
    Path(file).write_text(texts["yaml"], encoding="utf-8")
    folder = tmp_path / "DATA" / "summarization" / "tickets"
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test"):
        rows = [
            {name: f"{text} {split} {number}" for name, text in row.items()} for number in range(20)
        ]
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    commands = [line.command for line in LINES if line.page == page]

    assert [command.split()[1] for command in commands] == ["data", "run", "run"]
    assert main(shlex.split(commands[0])[1:]) == 0
    assert "20" in capsys.readouterr().out
    for command in commands[1:]:
        assert main([*shlex.split(command)[1:], "--cfg", "job"]) == 0
        assert "tickets:" in capsys.readouterr().out


def test_every_make_target_is_there() -> None:
    inline = re.findall(r"`make ([\w-]+)", "\n".join(PAGES.values()))
    lines = [line.command.split()[1] for line in LINES if way_of(line.command) == "make"]

    assert {*lines} >= {"demo", "test", "check"}
    assert [
        target
        for target in {*inline, *lines}
        if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)
    ] == []


def test_every_command_and_extra_that_a_sentence_names_is_there() -> None:
    text = "\n".join(PAGES.values())
    commands = set(re.findall(r"`mtnlg ([a-z][\w-]*)", text))
    extras = set(re.findall(r"mtnlg\[(\w+)\]", text))

    assert commands <= make_parser().commands.keys()
    assert extras <= PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language in ("bash", "json", "python", "toml", "yaml")],
    ids=lambda block: f"{block.page}: {block.language}",
)
def test_block_can_be_read_by_its_language(block: Block) -> None:
    """Oracle: bash -n, and Python's own readers; commands of ours in scripts by our parser."""
    if block.language == "bash":
        subprocess.run(["bash", "-n", "-c", block.text], check=True)
        for words in re.findall(r"-m mtnlg\.cli\.main ([^|\n]+)", block.text):
            assert callable(make_parser().parse_known_args(shlex.split(words))[0].run)
    elif block.language == "python" and ">>>" not in block.text:
        compile(block.text, block.page, "exec")
    else:
        reader = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
        assert block.language == "python" or reader[block.language](block.text)


def test_examples_of_python_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: doctest. The script plots, without a screen, and has fifteen lines at most."""
    import matplotlib

    matplotlib.use("Agg")
    (tmp_path / "reports").symlink_to(ROOT / "reports")
    monkeypatch.chdir(tmp_path)
    script = next(block.text for block in BLOCKS if ">>>" in block.text)

    result = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False)

    assert result.attempted > 10
    assert result.failed == 0
    assert script.count(">>> ") + script.count("... ") <= 15
    assert "<svg" in (tmp_path / "board.svg").read_text(encoding="utf-8")


def test_notebook_shows_what_its_cells_give() -> None:
    """Oracle: its cells, run here; of pictures that there is one, since their bytes differ."""
    notebook = read_notebook(ROOT / "docs" / "notebook.ipynb")
    kept = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]

    shown = run_cells(notebook, ROOT / "docs")

    assert len(kept) >= 5
    for old, new in zip(kept, shown, strict=True):
        assert [output.get("text") for output in old] == [output.get("text") for output in new]
        for before, after in zip(old, new, strict=True):
            pictures = [output.get("data", {}).pop("image/png", "") for output in (before, after)]
            assert before == after
            assert bool(pictures[0]) == bool(pictures[1])
    assert "image/png" in (ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8")


def test_python_names_what_there_is() -> None:
    """Methods of the model, and functions of the package, in examples that are not run."""
    code = "\n".join(block.text for block in BLOCKS if block.language == "python")
    model = mtnlg.MegatronTuringForConditionalGeneration
    methods = set(re.findall(r"(?:model|ConditionalGeneration)\.(\w+)\(", code))

    assert methods >= {"from_pretrained", "generate"}
    assert all(callable(getattr(model, name)) for name in methods)
    assert all(hasattr(mtnlg, name) for name in re.findall(r"mtnlg\.(\w+)\(", code))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)", PAGES[page])
    files = [target for target in targets if not target.startswith("http")]

    assert [file for file in files if not (ROOT / page).parent.joinpath(file).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_manual_links_to_nothing_outside(page: str) -> None:
    """Sphinx builds the folder docs alone. Oracle: the paths of the files."""
    targets = re.findall(r"\]\(([^)#]+)", PAGES[page])
    files = [
        (ROOT / page).parent.joinpath(target).resolve()
        for target in targets
        if not target.startswith("http")
    ]

    assert [file for file in files if not file.is_relative_to(ROOT / "docs")] == []


def test_every_page_is_in_the_contents() -> None:
    contents = "\n".join(block.text for block in BLOCKS if block.language == "{toctree}").split()
    pages = {
        Path(page).relative_to("docs").with_suffix("").as_posix() for page in PAGES if "/" in page
    }

    assert pages - {"index"} <= set(contents)


def test_chinese_pages_have_the_commands_of_the_english_ones() -> None:
    """Oracle: the same lines in the same order; only the example of a row is in Chinese."""
    for name in ("quickstart", "own-data", "sweeps"):
        pages = f"docs/{name}.md", f"docs/zh/{name}.md"
        english, chinese = ([line.command for line in LINES if line.page == page] for page in pages)

        assert english == chinese
        assert PAGES[pages[0]].count("\n## ") == PAGES[pages[1]].count("\n## ")


def test_readme_begins_with_a_command_and_is_short() -> None:
    """Oracle: counted as wc does, the generated board included."""
    lines = README.splitlines()
    first = next(number for number, line in enumerate(lines, start=1) if line.startswith("make "))

    assert first <= 12
    assert len(README.split()) <= MAX_WORDS
    (image,) = re.findall(r"!\[.+\]\((\S+)\)", README)
    assert 0 < (ROOT / image).stat().st_size < MAX_IMAGE_BYTES


def test_version_is_one() -> None:
    """Oracle: pyproject.toml; the changelog's first heading and the citation follow it."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

    assert mtnlg.__version__ == PROJECT["version"] == citation["version"]
    assert re.findall(r"^## (\S+)", changes, re.MULTILINE)[0] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_published_boards_are_what_their_records_give() -> None:
    """Oracle: the records, from which every published file and the README's tables are made."""
    assert "<!-- board " in README

    assert check_published(ROOT / "reports" / "published", readme=ROOT / "README.md") == []
