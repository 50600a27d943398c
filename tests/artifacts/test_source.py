"""The code in a key, of a copy of the package that the tests edit; each copy is read by a process
of its own.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

import mtnlg
from mtnlg.artifacts import source
from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import find_artifact
from mtnlg.plugins import UsedRow

PACKAGE = Path(str(mtnlg.__file__)).parent
HASHES = """
import json, sys
from mtnlg.config import Config, ModelConfig, TaskConfig, TaskKind
from mtnlg.experiment.stages import code_hashes
task = TaskConfig(
    kind=TaskKind.translation, reader="builtin", source_language="en", target_language="zh"
)
model = ModelConfig(name="a", num_layers=1, hidden_size=8, num_heads=2)
config = Config(tasks={"a": task}, model=model, artifacts_root=sys.argv[1])
print(json.dumps(code_hashes(config)))
"""
STAGES = {"rows", "contamination", "tokenizer", "tokens", "model", "predictions", "baselines"} | {
    "scores"
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package; who edits a file puts it back."""
    folder = tmp_path_factory.mktemp("copy") / "mtnlg"
    ignored = shutil.ignore_patterns("__pycache__", "assets")
    return Path(shutil.copytree(PACKAGE, folder, ignore=ignored))


@pytest.fixture(scope="module")
def unedited(package: Path) -> dict[str, str]:
    """The hashes of the copy as it was made."""
    return hashes(package)


@contextmanager
def edited(file: Path, edit: Callable[[str], str]) -> Iterator[None]:
    text = file.read_text(encoding="utf-8")
    file.write_text(edit(text), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")


def run(package: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def hashes(package: Path) -> dict[str, str]:
    """The hash of each stage's code, in a new process; what it parsed stays beside the package."""
    result = run(package, HASHES, str(package.parent))
    assert result.returncode == 0, result.stderr
    loaded: dict[str, str] = json.loads(result.stdout)
    return loaded


def edit_body(text: str, function: str | None = None) -> str:
    """The text with one more statement in the body of a function, by default the first."""
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    chosen = next(node for node in functions if function in (None, node.name))
    last = chosen.body[-1]
    lines = text.splitlines(keepends=True)
    lines.insert(last.lineno - 1, f"{' ' * last.col_offset}unused = 0\n")
    return "".join(lines)


def edit_docstrings(text: str) -> str:
    """The text with other docstrings, also below fields, a comment and blank lines."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    lone = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    for node in sorted(lone, key=lambda node: -node.lineno):
        lines[node.lineno - 1 : node.end_lineno] = [f'{" " * node.col_offset}"""Edited."""\n\n']
    return "# edited\n" + "".join(lines)


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The stages whose hash is another."""
    assert before.keys() == after.keys() == STAGES
    return {stage for stage in STAGES if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("corpus/preparation.py", {"rows"}),
        ("contamination/search.py", {"rows", "contamination"}),
        ("tokenization/sampling.py", {"tokenizer"}),
        ("training/callbacks.py", {"model"}),
        ("training/plan.py", {"model"}),
        ("generation/beam.py", {"model", "predictions"}),
        ("inference/predict.py", {"predictions"}),
        ("evaluation/baselines.py", {"baselines"}),
        ("evaluation/score.py", {"scores"}),
        ("evaluation/metrics/bleu.py", {"model", "scores"}),
        ("evaluation/metrics/nist.py", set[str]()),
        ("evaluation/metrics/outputs.py", set[str]()),
        ("evaluation/significance/comparison.py", set[str]()),
        ("report/html.py", set[str]()),
        ("leaderboard/board.py", set[str]()),
        ("cli/main.py", set[str]()),
        ("evaluation/symptoms.py", set[str]()),
        ("config/report.py", set[str]()),
        ("process/progress.py", set[str]()),
        ("plugins.py", set[str]()),
        ("errors.py", set[str]()),
        ("artifacts/store.py", set[str]()),
        ("artifacts/source.py", set[str]()),
        ("artifacts/shards.py", {"rows", "contamination", "tokens", "model"}),
    ],
)
def test_an_edit_changes_the_keys_of_the_stages_that_run_it(
    package: Path, unedited: dict[str, str], name: str, stages: set[str]
) -> None:
    """Oracle: what each room does, by design.md: bleu is the validation metric and is scored; a
    validation decodes; nist and plain counts over outputs are not asked for; what stores an
    artifact puts nothing into it.
    """
    with edited(package / name, edit_body):
        assert changed(unedited, hashes(package)) == stages


@pytest.mark.parametrize(
    ("function", "stage"),
    [("make_rows", "rows"), ("make_tokens", "tokens"), ("make_model", "model")],
)
def test_a_function_that_calls_a_room_counts_for_its_own_stage(
    package: Path, unedited: dict[str, str], function: str, stage: str
) -> None:
    """Oracle: the name of the function."""
    with edited(package / "experiment/artifacts.py", partial(edit_body, function=function)):
        assert changed(unedited, hashes(package)) == {stage}


def test_an_edit_of_a_data_file_changes_the_keys_of_the_stages_that_run_its_module(
    package: Path, unedited: dict[str, str]
) -> None:
    """Oracle: rows are drawn with the words of world.yaml."""
    with edited(package / "corpus/builtin/world.yaml", lambda text: text.replace("汤姆", "汤米")):
        assert changed(unedited, hashes(package)) == {"rows"}


@pytest.mark.parametrize("name", ["training/callbacks.py", "config/training.py", "records/rows.py"])
def test_comments_docstrings_and_layout_change_no_key(
    package: Path, unedited: dict[str, str], name: str
) -> None:
    """Oracle: Python, which runs the same code."""
    with edited(package / name, edit_docstrings):
        assert hashes(package) == unedited


def test_hashes_are_the_same_without_what_others_parsed(
    package: Path, unedited: dict[str, str]
) -> None:
    """Oracle: the hashes of a process that parsed all files."""
    facts = package.parent / "source_facts.json"
    facts.write_text(facts.read_text(encoding="utf-8")[:999], encoding="utf-8")

    assert hashes(package) == unedited
    assert json.loads(facts.read_text(encoding="utf-8"))["facts"]


def test_hashes_do_not_depend_on_where_the_package_lies(
    package: Path, unedited: dict[str, str], tmp_path: Path
) -> None:
    """Oracle: the same files in another folder."""
    assert hashes(Path(shutil.copytree(package, tmp_path / "mtnlg"))) == unedited


def imported(folder: Path, files: dict[str, str], module: str) -> ModuleType:
    """A module of a new package with these files, each of whose NAME is the package's own."""
    name = f"made_{secrets.token_hex(4)}"
    for file, text in files.items():
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", name), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"{name}.{module}")
    finally:
        sys.path.remove(str(folder))


def test_modules_of_another_package_are_those_that_its_imports_lead_to(tmp_path: Path) -> None:
    """Oracle: the imports below, written in each way that Python has; json is of nobody's package,
    and a package that only passes a name on is not run for it.
    """
    files = {
        "__init__.py": "from .shared import helper as passed_on\n",
        "rows.py": "from NAME import passed_on\nfrom . import sub\nimport json\nimport NAME.plain\n"
        "def row():\n    from .late import answer\n    return answer\n",
        "shared.py": "from .deep.inner import value\ndef helper():\n    return value\n",
        "deep/__init__.py": "",
        "deep/inner.py": "value = 1\n",
        "sub/__init__.py": "from .leaf import *\n",
        "sub/leaf.py": "from ..deep import other\n",
        "deep/other.py": "",
        "plain.py": "",
        "late.py": "answer = 42\n",
        "unused.py": "",
    }
    rows = imported(tmp_path, files, "rows")
    package = rows.__name__.removesuffix(".rows")
    used = UsedRow(rows.row, rows.__name__, "made 1.0")

    code = Code(find_artifact, rows=(used, UsedRow(len, None, None)))

    names = [name for name in code.modules if name.startswith(package)]
    expected = ["deep.inner", "deep.other", "late", "plain", "rows", "shared", "sub", "sub.leaf"]
    assert names == [f"{package}.{name}" for name in expected]
    assert code.plugins == ["made 1.0"]


def test_row_leads_to_the_modules_of_its_functions(tmp_path: Path) -> None:
    """Oracle: the module that defines each function, wherever in the row it is."""
    files = {
        "__init__.py": "",
        "rows.py": "from dataclasses import dataclass\nfrom functools import partial\n"
        "from NAME import a, b, c\n"
        "@dataclass\nclass Row:\n    first: object\n    second: object\n"
        "ROW = Row(a.run, Row(partial(b.run, c.run, key=len), 3))\n",
        **{f"{name}.py": "def run():\n    return 0\n" for name in "abc"},
    }
    row = imported(tmp_path, files, "rows").ROW
    package = type(row).__module__.removesuffix(".rows")

    homes = source._modules_of(UsedRow(row, package, "made 1.0"))

    assert homes == {package, *(f"{package}.{name}" for name in "abc")}


STAGE = """
from __future__ import annotations
from math import ceil as up, floor
LIMIT = 3
FREE = 4
class Box:
    size = 1
def helper():
    return LIMIT
def stage():
    return up(helper()) + Box.size
def unused():
    return floor(FREE)
"""


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("LIMIT = 3", "LIMIT = 5", False),
        ("return LIMIT", "return -LIMIT", False),
        ("size = 1", "size = 2", False),
        ("import ceil as up", "import trunc as up", False),
        ("+ Box.size", "- Box.size", False),
        ("FREE = 4", "FREE = 5", True),
        ("floor(FREE)", "-floor(FREE)", True),
        ("up, floor", "up, floor, sqrt", True),
        ("def stage():", "def stage():  # what counts\n    'is run'", True),
        ("size = 1", "size = 1\n    'is a lone text'", True),
        ("LIMIT = 3", "LIMIT = 'a text that is used'", False),
    ],
)
def test_function_counts_with_the_definitions_that_it_names(
    tmp_path: Path, old: str, new: str, *, is_same: bool
) -> None:
    """Oracle: what Python runs when the function is called."""
    before, after = (
        Code(imported(tmp_path, {"__init__.py": "", "a.py": text}, "a").stage).digest(tmp_path)
        for text in (STAGE, STAGE.replace(old, new))
    )

    assert STAGE.replace(old, new) != STAGE
    assert (before == after) == is_same
    assert re.fullmatch("[0-9a-f]{16}", before)


@pytest.mark.parametrize(("most", "num_kept"), [(4_000, 2), (2, 1)])
def test_facts_of_both_processes_are_kept_unless_they_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, num_kept: int
) -> None:
    """Oracle: the number of entries in the file: one function each, without imports."""
    monkeypatch.setattr(source, "MAX_FACTS", most)
    monkeypatch.setattr(source, "_known", {})
    monkeypatch.setattr(source, "_new", set())
    texts = [f"def stage():\n    return {number}\n" for number in (1, 2)]
    functions = [imported(tmp_path, {"__init__.py": "", "a.py": text}, "a").stage for text in texts]
    facts = tmp_path / "source_facts.json"

    digests = [Code(functions[0]).digest(tmp_path)]
    first = facts.read_bytes()
    assert Code(functions[0]).digest(tmp_path) == digests[0]
    assert facts.read_bytes() == first
    digests.append(Code(functions[1]).digest(tmp_path))

    assert len(json.loads(facts.read_text(encoding="utf-8"))["facts"]) == num_kept
    assert len(set(digests)) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"made_by": "an older version", "facts": {"a": 3}}'])
def test_facts_of_another_version_are_not_used(tmp_path: Path, text: str) -> None:
    """Oracle: the hash without any facts."""
    (tmp_path / "source_facts.json").write_text(text, encoding="utf-8")

    assert Code(find_artifact).digest(tmp_path) == Code(find_artifact).digest(tmp_path / "new")


LATE_IMPORT = """
import sys
from pathlib import Path
from mtnlg.artifacts.source import Code
from mtnlg.experiment import artifacts
code = Code(artifacts.make_baseline)
print(code.digest(Path(sys.argv[1])))
with open(sys.argv[2], "a") as stream:
    stream.write("\\nEDITED = True\\n")
print(code.digest(Path(sys.argv[1])))
code.load()
"""


def test_a_file_edited_before_its_import_is_refused(package: Path) -> None:
    """Oracle: the hash that the process had before the edit, and keeps."""
    file = package / "evaluation" / "baselines.py"

    with edited(file, str):
        result = run(package, LATE_IMPORT, str(package.parent), str(file))

    first, second = result.stdout.split()
    assert first == second
    assert "baselines.py: was changed while this run works" in result.stderr


def test_a_data_file_edited_before_the_import_of_its_module_is_refused(package: Path) -> None:
    """Oracle: the hash that the process had before the edit."""
    file = package / "corpus" / "builtin" / "world.yaml"
    code = LATE_IMPORT.replace("make_baseline", "make_rows").replace("EDITED = True", "# edited")

    with edited(file, str):
        result = run(package, code, str(package.parent), str(file))

    assert "world.yaml: was changed while this run works" in result.stderr


def test_a_file_edited_after_its_import_is_no_matter(package: Path) -> None:
    """Oracle: Python, which runs what it imported."""
    file = package / "evaluation" / "baselines.py"
    imported_first = LATE_IMPORT.replace("code = ", "import mtnlg.evaluation\ncode = ")

    with edited(file, str):
        result = run(package, imported_first, str(package.parent), str(file))

    assert result.returncode == 0, result.stderr
