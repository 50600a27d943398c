"""How many small faults the tests of a room catch: `make mutation`, or
`python tests/mutation [--count 40] [--seed 0] [ROOM | ROOM/MODULE ...]`.

Each fault goes alone into a copy of the tree, and a test of its room that runs the changed line has
to fail, or not to end.
"""

from __future__ import annotations

import argparse
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
from pathlib import Path
from types import ModuleType

import coverage
import pytest
from mutants import Fault, draw
from tabulate import tabulate

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "mtnlg"
ROOMS = (
    *("training", "generation", "inference", "evaluation"),
    *("contamination", "leaderboard", "artifacts", "experiment"),
)
PRELOADED = (
    *("torch", "lightning.pytorch", "transformers", "datasets", "hydra", "hypothesis", "sacrebleu"),
    *("nltk", "rouge_score.rouge_scorer", "scipy.stats", "tokenizers", "safetensors.torch"),
)
"""Imported once, before the processes fork: they take longer than most tests."""
OPTIONS = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--tb=no", "--hypothesis-seed=0")
SLACK_SECONDS, SLACK_FACTOR = 30, 8
"""What tests may take with a fault in place, beside and times what they take without."""
OUTCOMES = ("caught", "survived", "not reached")
HEADS = ("room", "drawn", *OUTCOMES, "score", "left out")


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
        self.data_file, self.times_file = folder / f"{room}.coverage", folder / f"{room}.json"
        if not self.data_file.exists() and self._fork(self._measure, limit=3600) != 0:
            log = (folder / "log.txt").read_text()[-2000:]
            raise SystemExit(f"tests/{room} fail without any fault: mend them first\n{log}")
        self.seconds: dict[str, float] = json.loads(self.times_file.read_text())
        self.coverage = coverage.CoverageData(str(self.data_file))
        self.coverage.read()

    def _measure(self) -> int:
        """Run the room's tests once, and keep which lines each runs."""
        measured = coverage.Coverage(data_file=str(self.data_file), source=["mtnlg"])
        contexts = Contexts(measured)
        measured.start()
        code = pytest.main([*OPTIONS, f"tests/{self.room}"], plugins=[contexts])
        measured.stop()
        measured.save()
        self.times_file.write_text(json.dumps(contexts.seconds))
        return int(code)

    def tests_of(self, fault: Fault) -> list[str]:
        """The tests that run a changed line, or where none does, as of what an import or a worker
        runs, anything of its file, quickest first; and then the others of the module's own tests,
        which may run it in a process of their own.
        """
        path = fault.path.relative_to(ROOT)
        contexts = self.coverage.contexts_by_lineno(str(self.folder / path))
        reaching = {test for line in fault.lines for test in contexts.get(line, [])} - {""}
        if not reaching:
            reaching = {test for line in contexts.values() for test in line} - {""}
        name = f"/test_{path.stem}.py::"
        own = {test for test in self.seconds if name in test} - reaching
        order = self.seconds.__getitem__
        return [*sorted(reaching, key=order), *sorted(own, key=order)]

    def outcome(self, fault: Fault, tests: list[str]) -> str:
        """Whether a test fails, or does not end, with the fault in place."""
        if not tests:
            return "not reached"
        path = self.folder / fault.path.relative_to(ROOT)
        original, times = path.read_bytes(), path.stat()
        limit = SLACK_SECONDS + SLACK_FACTOR * sum(self.seconds[test] for test in tests)
        path.write_text(fault.code, encoding="utf-8")
        try:
            code = self._fork(lambda: int(pytest.main([*OPTIONS, "-x", *tests])), limit)
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return "survived" if code == 0 else "caught"

    def _fork(self, run: Callable[[], int], limit: float) -> int:
        """The exit status of a process of its own, or -1 where it had to be ended."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self._enter()
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

    def _enter(self) -> None:
        """Have this process, and those that it starts, import the copy."""
        os.setsid()
        log = os.open(self.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.chdir(self.folder)
        sys.path[:] = [str(self.folder / "src"), str(self.folder), *sys.path[1:]]
        os.environ["PYTHONPATH"] = str(self.folder / "src")
        sys.modules["__main__"] = ModuleType("__main__")  # which spawned workers import


def examine(target: str, folder: Path, *, count: int, seed: int) -> list[object]:
    """One row of the table; what no test catches is printed."""
    tree = Tree(folder, target.split("/")[0])
    module = SOURCES / f"{target}.py"
    paths = [module] if module.is_file() else sorted((SOURCES / target).rglob("*.py"))
    faults, num_left_out = draw(paths, count=count, seed=seed)
    counts: Counter[str] = Counter()
    for number, fault in enumerate(faults, 1):
        tests = tree.tests_of(fault)
        outcome = tree.outcome(fault, tests)
        counts[outcome] += 1
        if outcome != "caught":
            place = f"{number} of {len(faults)}, {len(tests)} tests"
            print(f"\n{outcome} ({place}): {fault.diff(ROOT)}", flush=True)
    return row_of(target, counts, num_left_out)


def row_of(name: str, counts: Counter[str], num_left_out: int) -> list[object]:
    score = f"{100 * counts['caught'] / max(counts.total(), 1):.1f} %"
    return [name, counts.total(), *(counts[kind] for kind in OUTCOMES), score, num_left_out]


def main() -> None:
    parser = argparse.ArgumentParser(description="how many small faults the tests catch")
    parser.add_argument("rooms", nargs="*", default=ROOMS)
    parser.add_argument("--count", type=int, default=40, help="faults drawn in each room")
    parser.add_argument("--seed", type=int, default=0, help="another draw")
    arguments = parser.parse_args()
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    for name in PRELOADED:
        importlib.import_module(name)
    rows: list[list[object]] = []
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tree"
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".venv", ".git", "reports"))
        (folder / "reports").symlink_to(ROOT / "reports")
        for room in arguments.rooms:
            rows.append(examine(room, folder, count=arguments.count, seed=arguments.seed))
            total.update(dict(zip(OUTCOMES, rows[-1][2:5], strict=True)))  # type: ignore[arg-type]
            print("\n" + tabulate([rows[-1]], HEADS, tablefmt="github"), flush=True)
    rows.append(row_of("all", total, sum(int(str(row[-1])) for row in rows)))
    print("\n" + tabulate(rows, HEADS, tablefmt="github"))


if __name__ == "__main__":
    main()
