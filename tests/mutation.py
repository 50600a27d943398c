"""How many small faults the tests of a room catch: `make mutation`, or
`python tests/mutation.py [--count 40] [--seed 0] [ROOM | ROOM/MODULE ...]`.

The faults are mutmut's and those of OURS below. Each goes alone into a copy of the tree, and the
tests of its room that run the changed line have to fail. A fault that changes only the words of a
message is left out. The draw is fixed: it orders faults by a hash of the seed and of what they
change, so that an edit elsewhere draws the same ones.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import coverage
import libcst as cst
import libcst.matchers as m
import pytest
from mutmut.mutation.file_mutation import Mutation, MutationVisitor, get_ignored_lines
from mutmut.mutation.mutators import mutation_operators
from tabulate import tabulate

ROOT = Path(__file__).parents[1]
ROOMS = (
    *("training", "generation", "inference", "evaluation"),
    *("contamination", "leaderboard", "artifacts", "experiment"),
)
PRELOADED = (
    *("torch", "lightning.pytorch", "transformers", "datasets", "hydra", "hypothesis", "sacrebleu"),
    *("nltk", "rouge_score.rouge_scorer", "scipy.stats", "tokenizers", "safetensors.torch"),
)
"""Imported once, before the processes fork: they take longer than most tests."""
MESSAGES = {"say", "warn", "warning", "info", "print"}
CONVERSIONS = {"list", "tuple", "int", "float", "str", "bool", "iter", "Path", "dict", "frozenset"}
"""Calls that often change nothing but a type."""
OPPOSITES = {
    "any": "all",
    "all": "any",
    "min": "max",
    "max": "min",
    "floor": "ceil",
    "ceil": "floor",
}
SLACK_SECONDS, SLACK_FACTOR = 30, 8
"""A fault counts as caught where its tests take longer than this allows."""


def _drop(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    is_words = isinstance(node, cst.Expr) and isinstance(node.value, cst.BaseString)
    if not is_words:
        yield cst.Pass()


def _opposite(node: cst.Name) -> Iterator[cst.CSTNode]:
    if node.value in OPPOSITES:
        yield node.with_changes(value=OPPOSITES[node.value])


def _either_side(node: cst.BinaryOperation | cst.BooleanOperation) -> Iterator[cst.CSTNode]:
    yield from (node.left, node.right)


def _condition(node: cst.If | cst.CompIf) -> Iterator[cst.CSTNode]:
    yield from (node.with_changes(test=cst.Name(value)) for value in ("True", "False"))


def _bounds(node: cst.Slice) -> Iterator[cst.CSTNode]:
    yield from (
        node.with_changes(**{end: None}) for end in ("lower", "upper") if getattr(node, end)
    )


def _unwrap(node: cst.Call) -> Iterator[cst.CSTNode]:
    is_plain = len(node.args) == 1 and not node.args[0].star and node.args[0].keyword is None
    if is_plain and not (isinstance(node.func, cst.Name) and node.func.value in CONVERSIONS):
        yield node.args[0].value


def _without_each(node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Iterator[cst.CSTNode]:
    if len(node.elements) > 2 or isinstance(node, cst.Dict | cst.List):
        for index in range(len(node.elements)):
            kept = [*node.elements[:index], *node.elements[index + 1 :]]
            if kept or not isinstance(node, cst.Set):
                yield node.with_changes(elements=kept)


OURS = [
    *((kind, _drop) for kind in (cst.Raise, cst.Return, cst.Continue, cst.Expr)),
    *((kind, _either_side) for kind in (cst.BinaryOperation, cst.BooleanOperation)),
    *((kind, _condition) for kind in (cst.If, cst.CompIf)),
    *((kind, _without_each) for kind in (cst.Tuple, cst.List, cst.Set, cst.Dict)),
    *((cst.Name, _opposite), (cst.Slice, _bounds), (cst.Call, _unwrap)),
]


@dataclass(frozen=True)
class Fault:
    """One change of one file."""

    path: str
    """Below the root."""
    code: str
    """The whole file, changed."""
    lines: range
    """Of the statement that it changes."""

    def diff(self) -> str:
        before, after = (ROOT / self.path).read_text().splitlines(), self.code.splitlines()
        shown = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
        return "\n".join([self.path, *shown])


def draw(paths: list[Path], *, count: int, seed: int) -> tuple[list[Fault], int]:
    """The first faults in the order of their hashes, and how many changed only words."""
    drawn: list[tuple[str, str, cst.Module, Mutation]] = []
    num_words = 0
    for path in paths:
        wrapper = cst.MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
        ignored = get_ignored_lines(str(path), wrapper.module.code, wrapper)
        visitor = MutationVisitor([*mutation_operators, *OURS], ignored)
        wrapper.visit(visitor)
        words = _nodes_of_messages(wrapper.module)
        seen: Counter[tuple[str, str]] = Counter()
        for mutation in visitor.mutations:
            if id(mutation.original_node) in words or _is_sentence(mutation.original_node):
                num_words += 1
                continue
            nodes = (mutation.original_node, mutation.mutated_node)
            before, after = (wrapper.module.code_for_node(node) for node in nodes)
            seen[before, after] += 1
            name = str(path.relative_to(ROOT))
            change = json.dumps([seed, name, before, after, seen[before, after]])
            digest = hashlib.sha256(change.encode()).hexdigest()
            drawn.append((digest, name, wrapper.module, mutation))
    drawn.sort(key=lambda entry: entry[0])
    faults: list[Fault] = []
    for _, name, module, mutation in drawn:
        if len(faults) == count:
            break
        changed = module.deep_replace(mutation.original_node, mutation.mutated_node)  # type: ignore[arg-type]
        fault = _fault(name, module.code, changed.code)  # type: ignore[union-attr]
        if fault is not None:
            faults.append(fault)
    return faults, num_words


def _nodes_of_messages(module: cst.Module) -> set[int]:
    """Ids of what is said: by errors, assertions, warnings and log lines."""
    call = m.Call(func=m.Name(value=m.MatchIfTrue(MESSAGES.__contains__)))
    method = m.Call(func=m.Attribute(attr=m.Name(value=m.MatchIfTrue(MESSAGES.__contains__))))
    said: list[cst.CSTNode] = [
        child for node in m.findall(module, m.Raise() | call | method) for child in node.children
    ]
    asserted = m.findall(module, m.Assert())
    said += [node.msg for node in asserted if isinstance(node, cst.Assert) and node.msg]
    ids: set[int] = set()
    while said:
        node = said.pop()
        ids.add(id(node))
        said += node.children
    return ids


def _is_sentence(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString) and node.value.count(" ") > 1


def _fault(path: str, before: str, after: str) -> Fault | None:
    """None where the file reads the same to Python, or not at all."""
    try:
        if ast.dump(ast.parse(before)) == ast.dump(ast.parse(after)):
            return None
        compile(after, path, "exec")
    except SyntaxError:
        return None
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    line = next((number for number, (old, new) in enumerate(pairs, 1) if old != new), 1)
    spans = [
        range(node.lineno, (node.body[0].lineno if hasattr(node, "body") else node.end_lineno + 1))
        for node in ast.walk(ast.parse(before))
        if isinstance(node, ast.stmt) and node.end_lineno is not None
    ]
    around = [span for span in spans if line in span]
    return Fault(path, after, min(around, key=len, default=range(line, line + 1)))


class Contexts:
    """A pytest plugin that says which test runs which line, and how long each takes."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        started = time.monotonic()
        self.measured.switch_context(item.nodeid)
        result = yield
        self.measured.switch_context("")
        self.seconds[item.nodeid] = time.monotonic() - started
        return result


class Tree:
    """A copy of the repository, and the tests of one room on it."""

    def __init__(self, folder: Path, room: str) -> None:
        self.folder, self.room = folder, room
        self.data_file = folder / f"{room}.coverage"

    def measure(self) -> bool:
        """Run the room's tests once; whether they pass."""

        def run() -> int:
            measured = coverage.Coverage(data_file=str(self.data_file), source=["mtnlg"])
            contexts = Contexts(measured)
            measured.start()
            code = pytest.main([*OPTIONS, f"tests/{self.room}"], plugins=[contexts])
            measured.stop()
            measured.save()
            (self.folder / f"{self.room}.json").write_text(json.dumps(contexts.seconds))
            return int(code)

        return self._fork(run, limit=3600) == 0

    def tests_of(self, fault: Fault) -> list[str]:
        """The tests that run a changed line, quickest first; of a line that an import or a worker
        runs, those that run anything of its file.
        """
        data = coverage.CoverageData(str(self.data_file))
        data.read()
        seconds = json.loads((self.folder / f"{self.room}.json").read_text())
        contexts = data.contexts_by_lineno(str(self.folder / fault.path))
        tests = {test for line in fault.lines for test in contexts.get(line, [])}
        if not tests - {""}:
            tests = {test for line in contexts.values() for test in line}
        return sorted(tests - {""}, key=lambda test: seconds[test])

    def catches(self, fault: Fault, tests: list[str]) -> bool:
        """Whether a test fails, or does not end, with the fault in place."""
        path = self.folder / fault.path
        original, stamp = path.read_text(encoding="utf-8"), path.stat().st_mtime_ns
        seconds = json.loads((self.folder / f"{self.room}.json").read_text())
        limit = SLACK_SECONDS + SLACK_FACTOR * sum(seconds[test] for test in tests)
        path.write_text(fault.code, encoding="utf-8")
        try:
            return self._fork(lambda: int(pytest.main([*OPTIONS, "-x", *tests])), limit) != 0
        finally:
            path.write_text(original, encoding="utf-8")
            os.utime(path, ns=(stamp, stamp))

    def _fork(self, run: Callable[[], int], limit: float) -> int:
        """The exit status of a process of its own, or -1 where it had to be ended."""
        child = os.fork()
        if child == 0:
            os.setsid()
            log = os.open(self.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(self.folder)
            sys.path[:0] = [str(self.folder / "src"), str(self.folder)]
            sys.modules["__main__"] = ModuleType("__main__")  # which spawned workers import
            os.environ["PYTHONPATH"] = str(self.folder / "src")
            code = 1
            try:
                code = run()
            finally:
                os._exit(code)
        ends = time.monotonic() + limit
        while time.monotonic() < ends:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return -1


OPTIONS = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--tb=no", "--hypothesis-seed=0")


def examine(target: str, folder: Path, *, count: int, seed: int) -> list[object]:
    """One row of the table; what no test catches is printed."""
    room = target.split("/")[0]
    tree = Tree(folder, room)
    if not tree.data_file.exists() and not tree.measure():
        log = (folder / "log.txt").read_text()[-2000:]
        raise SystemExit(f"tests/{room} fail without any fault: mend them first\n{log}")
    sources = ROOT / "src" / "mtnlg"
    single = sources / f"{target}.py"
    paths = [single] if single.is_file() else sorted((sources / target).rglob("*.py"))
    faults, num_words = draw(paths, count=count, seed=seed)
    counts: Counter[str] = Counter()
    for number, fault in enumerate(faults, 1):
        tests = tree.tests_of(fault)
        outcome = "not reached"
        if tests:
            outcome = "caught" if tree.catches(fault, tests) else "survived"
        counts[outcome] += 1
        if outcome != "caught":
            print(f"\n{outcome} ({number} of {len(faults)}, {len(tests)} tests): {fault.diff()}")
    score = f"{100 * counts['caught'] / max(len(faults), 1):.1f} %"
    kinds = [counts[kind] for kind in ("caught", "survived", "not reached")]
    return [target, len(faults), *kinds, score, num_words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=ROOMS)
    parser.add_argument("--count", type=int, default=40, help="faults drawn in each room")
    parser.add_argument("--seed", type=int, default=0, help="another draw")
    arguments = parser.parse_args()
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in PRELOADED:
        importlib.import_module(name)
    table = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tree"
        left_out = shutil.ignore_patterns(".venv", ".git", "reports", "runs", "artifacts_of_runs")
        shutil.copytree(ROOT, folder, ignore=left_out)
        (folder / "reports").symlink_to(ROOT / "reports")
        for room in arguments.rooms:
            table.append(examine(room, folder, count=arguments.count, seed=arguments.seed))
            print(f"\n{tabulate([table[-1]], tablefmt='plain')}", flush=True)
    drawn, caught, survived, unreached = (sum(row[place] for row in table) for place in range(1, 5))
    share = f"{100 * caught / drawn:.1f} %"
    table.append(["all", drawn, caught, survived, unreached, share, sum(row[6] for row in table)])
    heads = ("room", "drawn", "caught", "survived", "not reached", "score", "only words, left out")
    print(f"\n{tabulate(table, heads, tablefmt='github')}")


if __name__ == "__main__":
    main()
