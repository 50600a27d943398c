"""The arrows between the rooms, and the sizes of files and functions, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtnlg

PACKAGE = Path(str(mtnlg.__file__)).parent
REPOSITORY = PACKAGE.parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))
PIPELINES = sorted((REPOSITORY / "pipelines").glob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in MODULES]

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_SCRIPT_LINES = 400, 60, 40

EVERYBODY = {"config", "errors", "plugins", "process", "records", "text"}
"""Rooms that all may import."""
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "process": set(),
    "text": {"errors"},
    "plugins": {"errors"},
    "config": {"errors", "plugins"},
    "records": EVERYBODY,
    "artifacts": EVERYBODY,
    "tokenization": EVERYBODY | {"artifacts"},
    "corpus": EVERYBODY | {"artifacts", "contamination"},
    "contamination": EVERYBODY | {"artifacts"},
    "model": EVERYBODY,
    "generation": EVERYBODY | {"model"},
    "learned": EVERYBODY | {"artifacts"},
    "evaluation": EVERYBODY | {"artifacts", "learned"},
    "inference": EVERYBODY
    | {"artifacts", "contamination", "corpus", "tokenization", "model", "generation", "evaluation"},
    "interop": EVERYBODY | {"tokenization", "model", "generation", "inference"},
    "training": EVERYBODY
    | {"artifacts", "tokenization", "corpus", "model", "generation", "inference", "evaluation"},
    "leaderboard": EVERYBODY | {"artifacts", "evaluation"},
    "report": EVERYBODY | {"evaluation", "leaderboard"},
    "doctor": EVERYBODY | {"evaluation", "leaderboard", "report"},
    "ratings": EVERYBODY | {"evaluation", "leaderboard", "report"},
    "provenance": EVERYBODY | {"artifacts", "evaluation", "leaderboard"},
    "experiment": EVERYBODY
    | {"artifacts", "tokenization", "corpus", "contamination", "model", "generation", "inference"}
    | {"training", "interop"}
    | {"evaluation", "leaderboard", "report", "provenance"},
    "benchmark": EVERYBODY
    | {"corpus", "tokenization", "model", "generation", "inference", "training", "interop"}
    | {"report", "provenance"},
    "library": EVERYBODY | {"evaluation", "leaderboard", "report"},
    "": {"inference", "library"},
}
"""Room -> the rooms that it may import, at the top of a file or within a function."""
ARROWS["cli"] = set(ARROWS)

TORCH_ROOMS = {
    *("model", "generation", "inference", "training", "interop", "benchmark", "learned"),
}
HEAVY_ROOMS = {
    *(*TORCH_ROOMS, "evaluation", "leaderboard", "report", "doctor", "ratings", "library")
}
LAZY = {"experiment", ""}
"""Rooms that import heavy ones, or torch itself, only inside functions."""


def room_of(path: Path) -> str:
    """The first part of a module's name below the package; "" for the package itself."""
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if part == "__init__" else part


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Full names of the modules that a file imports, and whether only within a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import at line {node.lineno}"
            module = str(node.module)
            if module == "mtnlg":
                yield from ((f"mtnlg.{alias.name}", node in lazy) for alias in node.names)
            else:
                yield module, node in lazy


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported_room(name: str) -> str | None:
    """The room of one of our modules; None for a module of others."""
    parts = name.split(".")
    if parts[0] != "mtnlg":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in ARROWS else ""


def users_of(*packages: str) -> set[tuple[str, bool]]:
    """Rooms that import one of these packages, and whether only within a function."""
    return {
        (room_of(path), is_lazy)
        for path in MODULES
        for name, is_lazy in imports(path)
        if name.split(".")[0] in packages
    }


def test_every_module_belongs_to_a_room() -> None:
    assert {room_of(path) for path in MODULES} == set(ARROWS)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_imports_upward(name: str) -> None:
    room = room_of(PACKAGE / name)

    rooms = {imported_room(module) for module, _ in imports(PACKAGE / name)}
    reached = {one for one in rooms if one is not None and one != room}

    assert reached <= ARROWS[room], f"{name} may not import {sorted(reached - ARROWS[room])}"


def test_torch_stays_in_its_rooms() -> None:
    users = users_of("torch", "safetensors")

    assert {room for room, is_lazy in users if not is_lazy} <= TORCH_ROOMS
    assert {room for room, is_lazy in users if is_lazy} <= TORCH_ROOMS | {
        "experiment",
        "provenance",
    }


def test_lightning_stays_in_training() -> None:
    assert users_of("lightning", "pytorch_lightning") == {("training", False)}


def test_hydra_stays_in_its_bridges() -> None:
    users = {
        (path.relative_to(PACKAGE).as_posix(), is_lazy)
        for path in MODULES
        for name, is_lazy in imports(path)
        if name.split(".")[0] in ("hydra", "omegaconf")
    }
    homes = {f"experiment/{name}.py" for name in ("cluster", "compose", "launcher", "search")}

    assert {name for name, is_lazy in users if not is_lazy} == homes
    assert {name for name, is_lazy in users if is_lazy} <= homes


def test_config_needs_only_the_standard_library() -> None:
    names = {
        name.split(".")[0]
        for path in MODULES
        if room_of(path) == "config"
        for name, _ in imports(path)
    }

    assert names - {"mtnlg"} <= sys.stdlib_module_names


def test_stages_and_command_line_import_heavy_rooms_only_inside_functions() -> None:
    eager = [
        (path.name, name)
        for path in MODULES
        if room_of(path) in LAZY
        for name, is_lazy in imports(path)
        if not is_lazy and imported_room(name) in HEAVY_ROOMS
    ]

    assert eager == []


def test_nothing_imports_the_pipelines() -> None:
    assert not [
        path.name
        for path in MODULES
        for name, _ in imports(path)
        if name.startswith("mtnlg.pipelines")
    ]


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("mtnlg, mtnlg.records.files", "torch lightning hydra omegaconf numpy"),
        ("mtnlg.evaluation, mtnlg.report", "torch lightning hydra omegaconf"),
        (
            "mtnlg; mtnlg.score; mtnlg.load_board; mtnlg.load_runs",
            "torch lightning hydra omegaconf pandas datasets transformers",
        ),
        ("mtnlg.cli.main", "torch lightning hydra omegaconf numpy rich jinja2 yaml sacrebleu"),
        ("mtnlg.cli.scoring", "torch lightning hydra omegaconf pandas datasets transformers"),
        (
            "mtnlg.provenance.difference",
            "torch lightning hydra omegaconf pandas datasets transformers",
        ),
        ("mtnlg.cli.ratings", "torch lightning hydra omegaconf pandas datasets transformers"),
        ("mtnlg.cli.import_system", "torch lightning hydra omegaconf pandas datasets transformers"),
        (
            "mtnlg.experiment.stages, mtnlg.experiment.run, mtnlg.experiment.preflight",
            "torch lightning",
        ),
    ],
)
def test_importing_a_light_room_loads_no_heavy_package(modules: str, absent: str) -> None:
    code = f"import sys, {modules}; print(*set({absent.split()}) & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.split() == []


@pytest.mark.parametrize(
    "path", [*MODULES, *PIPELINES], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_file_has_a_docstring_and_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    limit = MAX_SCRIPT_LINES if path in PIPELINES else MAX_FILE_LINES

    assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
    assert len(text.splitlines()) <= limit


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_functions_are_short(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    long = [
        f"{one.name}: {int(one.end_lineno or 0) - one.lineno + 1} lines"
        for one in functions
        if int(one.end_lineno or 0) - one.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert long == []
