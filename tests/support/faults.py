"""Faults of files and disks in a small experiment, and what the same command makes of them.

`python tests/support/faults.py TABLE.md [TABLE ...]` writes these tables, or all three, and keeps
the others: `kills` kills the command at 50 random moments, `tests` runs the tests of faults, and
`files` injects each fault into each file.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mtnlg.cli.main import main

TIMES = ("training_seconds", "decoding_tokens_per_second", "peak_memory_bytes")
"""What a second run measures again."""
REWRITTEN = ("runs", "reports")
"""Folders whose files each command writes again, whatever they held."""
HEAD = """# Faults, and what the same command makes of them

Written by `python tests/support/faults.py`: a small experiment is killed or damaged, and asked
for again. Held: exit status 0, the board of the undisturbed run apart from times, and a line that
names a damaged artifact; of a test, what it promises.
"""
TESTS = (
    *("experiment/test_faults.py", "experiment/test_signals.py", "experiment/test_killed_sweep.py"),
    *("experiment/test_jobs.py", "training/test_faults.py", "cli/test_streams.py"),
)
"""Tests of faults that are injected around the command."""
CACHES = ("source_facts.json", "source_hashes.json")
"""Files that only save time."""
SETTINGS = (
    *("task=translation/multi30k_en_de", "model=mt_nlg_nano", "debug=fast", "name=small"),
    *("model.num_layers=1", "model.hidden_size=16", "model.context_length=64"),
    *("tokenizer.vocabulary_size=300", "trainer.num_threads=1", "trainer.max_steps=3"),
    *("evaluation.metrics=[bleu]", "tasks.multi30k_en_de.test_sets=[test]"),
)


def flip_bit(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


FAULTS: dict[str, Callable[[Path], object]] = {
    "one bit flipped": flip_bit,
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "deleted": lambda path: path.unlink(),
    "replaced by random bytes": lambda path: path.write_bytes(random.Random(1).randbytes(999)),
}


@dataclass(frozen=True)
class Outcome:
    """What became of one fault."""

    file: str
    fault: str
    status: int
    is_named: bool
    """Whether a line names the file."""
    is_equal: bool
    """Whether the board is that of the undisturbed run."""
    must_be_named: bool

    @property
    def is_held(self) -> bool:
        """Whether the promise was kept."""
        return self.status == 0 and self.is_equal and (self.is_named or not self.must_be_named)


class Experiment:
    """A small experiment below a folder, with data of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data" / "translation" / "multi30k_en_de"
        self.data.mkdir(parents=True, exist_ok=True)
        words = ("red", "blue", "small", "old", "quick", "quiet")
        for split, count in (("train", 24), ("validation", 6), ("test", 6)):
            lines = [
                json.dumps({"en": f"a {word} dog {number}.", "de": f"ein Hund {word} {number}."})
                for number, word in zip(range(count), words * 4, strict=False)
            ]
            (self.data / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, *words: str, stage: str = "run") -> tuple[int, str]:
        """Exit status and messages of the command."""
        roots = [f"{name}_root={self.root / name}" for name in ("artifacts", "runs", "reports")]
        messages = StringIO()
        with redirect_stderr(messages):
            data = f"data_root={self.root / 'data'}"
            status = main([stage, *SETTINGS, data, *roots, *words])
        return status, messages.getvalue()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """The command in a process group of its own, silent."""
        roots = [f"{name}_root={self.root / name}" for name in ("artifacts", "runs", "reports")]
        given = [*SETTINGS, f"data_root={self.root / 'data'}", *roots, *words]
        return subprocess.Popen(
            [sys.executable, "-m", "mtnlg.cli.main", "run", *given],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stage(self) -> str:
        """The stage that a folder is being built for."""
        partial = next(self.root.glob("artifacts/*/*.partial"), None)
        return "between two stages" if partial is None else partial.parent.name

    def board(self) -> object:
        """The boards of leaderboard.json without times."""
        path = self.root / "reports" / "small" / "leaderboard.json"
        return without_times(json.loads(path.read_text(encoding="utf-8"))["boards"])

    def files(self) -> list[Path]:
        """Every file of artifacts and runs but locks and caches."""
        folders = (self.root / name for name in ("artifacts", "runs"))
        paths = (path for folder in folders for path in sorted(folder.rglob("*")))
        kept = (path for path in paths if ".damaged-" not in str(path))
        return [path for path in kept if path.is_file() and not path.name.startswith(".")]


def without_times(value: Any) -> Any:
    """A JSON value without the keys that a second run measures again."""
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if name not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def inject(
    experiment: Experiment, files: Iterable[Path], faults: Iterable[str]
) -> Iterator[Outcome]:
    """Damage one file at a time of a finished experiment, and give the same command again."""
    undisturbed = experiment.board()
    for path in files:
        for fault in faults:
            if not path.exists():  # as the diff of code that was committed meanwhile
                continue
            FAULTS[fault](path)
            status, messages = experiment.run()
            place = path.relative_to(experiment.root)
            name = "/".join((*place.parts[:2], path.name))
            yield Outcome(
                name,
                fault,
                status,
                str(path) in messages,
                experiment.board() == undisturbed,
                place.parts[0] not in REWRITTEN and place.name not in CACHES,
            )
            for aside in experiment.root.glob("artifacts/*/*.damaged-*"):
                shutil.rmtree(aside)


def table(outcomes: Iterable[Outcome]) -> str:
    """Markdown: file and fault, how often injected, how often the promise held."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.file, outcome.fault), []).append(outcome)
    lines = ["| file | fault | times | held | what happened |", "|---|---|---|---|---|"]
    for (file, fault), group in sorted(groups.items()):
        held = sum(outcome.is_held for outcome in group)
        named = "named, set aside, built again" if group[0].is_named else "written again"
        happened = named if held == len(group) else "not held"
        lines.append(f"| {file} | {fault} | {len(group)} | {held} | {happened} |")
    return "\n".join(lines) + "\n"


def kill(folder: Path, *, times: int, seconds: float = 12.0) -> Iterator[tuple[str, bool]]:
    """SIGKILL at random moments, each time followed by the same command, until it ends: the stage
    that was killed, and whether the board is the undisturbed one.
    """
    draw, longer = random.Random(1), "trainer.max_steps=150"
    undisturbed = Experiment(folder / "undisturbed")
    assert undisturbed.start(longer).wait() == 0
    killed: list[str] = []
    for number in itertools.count():
        experiment, stages = Experiment(folder / str(number)), list[str]()
        while True:
            process = experiment.start(longer)
            try:
                status = process.wait(draw.uniform(0.0, seconds))
                break
            except subprocess.TimeoutExpired:
                stages.append(experiment.stage())
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        is_held = status == 0 and experiment.board() == undisturbed.board()
        yield from ((stage, is_held) for stage in stages)
        killed += stages
        if len(killed) >= times:
            return


def kill_table(kills: Iterable[tuple[str, bool]]) -> str:
    """Markdown: stage, how often it was killed, and how often the same board came of it."""
    groups: dict[str, list[bool]] = {}
    for stage, is_held in kills:
        groups.setdefault(stage, []).append(is_held)
    lines = ["| killed by SIGKILL during | times | the undisturbed board |", "|---|---|---|"]
    lines += [f"| {stage} | {len(held)} | {sum(held)} |" for stage, held in sorted(groups.items())]
    return "\n".join(lines) + "\n"


def kills(folder: Path) -> str:
    """The table of kills."""
    return kill_table(kill(folder, times=50))


def files(folder: Path) -> str:
    """The table of damaged files."""
    made = Experiment(folder)
    assert made.run()[0] == 0
    return table(inject(made, made.files(), FAULTS))


def tests(folder: Path) -> str:
    """Markdown: the promise that each test of a fault names, how often it was tried and held."""
    report, root = folder / "tests.xml", Path(__file__).parents[1]
    words = [
        "-m",
        "slow or not slow",
        f"--junitxml={report}",
        *(str(root / name) for name in TESTS),
    ]
    subprocess.run([sys.executable, "-m", "pytest", *words], cwd=root.parent, check=False)
    outcomes: dict[str, list[bool]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is None:
            promise = case.get("name", "").partition("[")[0].removeprefix("test_")
            is_held = case.find("failure") is None and case.find("error") is None
            outcomes.setdefault(promise.replace("_", " "), []).append(is_held)
    lines = ["| promise, of a test | times | held |", "|---|---|---|"]
    lines += [f"| {name} | {len(held)} | {sum(held)} |" for name, held in outcomes.items()]
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[Path], str]] = {"kills": kills, "tests": tests, "files": files}


def write(target: Path, names: Iterable[str]) -> None:
    """Make the named tables, and write them among the others of the file, which stay."""
    _, *kept = target.read_text(encoding="utf-8").split("\n\n| ") if target.exists() else [""]
    texts = dict(zip(TABLES, (f"| {text.rstrip()}\n" for text in kept), strict=False))
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            folder = Path(temporary, name)
            folder.mkdir()
            texts[name] = TABLES[name](folder)
    body = "\n".join(texts[name] for name in TABLES if name in texts)
    target.write_text(f"{HEAD}\n{body}", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:] or TABLES)
