"""`mtnlg reproduce` names what was other when a run was made again: each planted fault in the right
stage, with its first difference and its cause. Minutes: each run is made again for real.

Oracle: what each test plants, after the run was made.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import mtnlg
from made_run import MadeRun, make_run
from mtnlg.records.files import JsonObject

pytestmark = pytest.mark.slow
Plant = Callable[[MadeRun], dict[str, str]]
"""Plants something, and returns variables for the process that makes the run again."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """A finished run, which no test changes."""
    return make_run(tmp_path_factory.mktemp("base") / "work")


@pytest.fixture
def copy(base: MadeRun, tmp_path: Path) -> MadeRun:
    return base.copy(tmp_path / "copy")


def reproduced(run: MadeRun, *words: str, **variables: str) -> tuple[int, JsonObject]:
    """The exit status and the document of the command."""
    result = run.command("reproduce", str(run.run.folder), "--json", *words, **variables)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def setting(before: str, after: str) -> Plant:
    """An edit of config.yaml."""

    def plant(run: MadeRun) -> dict[str, str]:
        path = run.run.folder / "config.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), encoding="utf-8")
        return {}

    return plant


FIRST_IS_BEST = ("(metric, -loss) > (self.best_metric, -self.best_loss)", "not self.best_step")


def variable(name: str, value: str) -> Plant:
    return lambda run: {name: value}


def raw_file(split: str, change: Callable[[list[str]], list[str]]) -> Plant:
    """An edit of the lines of a raw file."""

    def plant(run: MadeRun) -> dict[str, str]:
        path = run.data / f"{split}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(change(lines)), encoding="utf-8")
        return {}

    return plant


def code(module: str, before: str, after: str) -> Plant:
    """A copy of the package with one line that is another, before it on the path of imports."""

    def plant(run: MadeRun) -> dict[str, str]:
        source = Path(str(mtnlg.__file__)).parent
        folder = run.root.parent / "code"
        shutil.copytree(source, folder / "mtnlg", ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "mtnlg" / module
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), encoding="utf-8")
        return {"PYTHONPATH": str(folder)}

    return plant


def release(name: str, version: str) -> Plant:
    """An installed release that only says so."""

    def plant(run: MadeRun) -> dict[str, str]:
        folder = run.root.parent / "packages"
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(text, encoding="utf-8")
        return {"PYTHONPATH": str(folder)}

    return plant


def other_draws(run: MadeRun) -> dict[str, str]:
    """Other random numbers in each step, by a patch that no file of the package shows."""
    folder = run.root.parent / "patch"
    folder.mkdir()
    lines = [
        "import torch",
        "seed = torch.manual_seed",
        "torch.manual_seed = lambda number: seed(number + (number > 1_000_000))",
    ]
    (folder / "sitecustomize.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def last_bit(run: MadeRun) -> dict[str, str]:
    path = run.file("model", "model.safetensors")
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(content)
    return {}


PLANTED: dict[str, tuple[Plant, str, str, str]] = {
    "seed": (setting("\nseed: 1\n", "\nseed: 2\n"), "model", "step 1, ", "seed: 1 -> 2"),
    "thread count": (
        *(setting("num_threads: 1\n", "num_threads: 2\n"), "model", ""),
        "trainer.num_threads: 1 -> 2",
    ),
    "instruction set": (
        *(variable("ATEN_CPU_CAPABILITY", "default"), "model", "model.safetensors: "),
        r"machine.instruction_set: AVX\w+ -> DEFAULT",
    ),
    "data row": (
        raw_file("train", lambda lines: [lines[0].replace("house", "horse"), *lines[1:]]),
        *("rows", r"train.jsonl: row 1 \(train-0\), source", "source.files.train.train.jsonl"),
    ),
    "row order": (
        raw_file("train", lambda lines: [*lines[1::-1], *lines[2:]]),
        *("rows", "same rows in another order", "source.files.train.train.jsonl"),
    ),
    "truncated test set": (
        raw_file("test", lambda lines: lines[:-1]),
        *("rows", r"test.jsonl: row 8 \(test-7\).*not in both", "source.files.test.test.jsonl"),
    ),
    "release of a library": (
        *(release("sacrebleu", "9.9.9"), "scores", ""),
        "packages.sacrebleu: 2.* -> 9.9",
    ),
    "decoding flag": (
        setting("max_new_tokens: 6", "max_new_tokens: 2"),
        *("predictions", "predictions.jsonl: row .*prediction", "decoding.max_new_tokens: 6 -> 2"),
    ),
    "line of code": (
        code("training/callbacks.py", "1_000_003", "1_000_033"),
        *("model", "step 1, train_loss", r"code: \w+ -> \w+"),
    ),
    "checkpoint choice": (
        code("training/callbacks.py", *FIRST_IS_BEST),
        *("model", "training.json: best_step", r"code: \w+ -> \w+"),
    ),
    "dropout draw": (other_draws, "model", "step 1, train_loss", "nothing that the manifests hold"),
    "last bit of a weight": (
        *(last_bit, "model", "model.safetensors: .*largest difference", "was changed after it was"),
    ),
    "metric setting": (
        setting("num_resamples: 100", "num_resamples: 101"),
        *("scores", "scores.json: ", "evaluation.num_resamples: 100 -> 101"),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_fault_is_named(copy: MadeRun, name: str) -> None:
    plant, stage, difference, reason = PLANTED[name]
    variables = plant(copy)

    status, document = reproduced(copy, **variables)

    parts = [part for part in document["parts"] if part["differences"]]
    named = [part for part in document["parts"] if part["reasons"]]
    assert status == (1 if parts else 0)
    assert bool(parts) == bool(difference) or name == "thread count"
    assert named[0]["stage"] == stage
    assert any(re.search(reason, text) for text in named[0]["reasons"]), named[0]["reasons"]
    if parts:
        assert parts[0]["stage"] == stage
        shown = [f"{row['file']}: {row['where']}" for row in parts[0]["differences"]]
        assert any(re.search(difference, text) for text in shown), shown


def test_killed_and_continued_training_is_bit_identical(base: MadeRun) -> None:
    """Oracle: the run that nothing disturbed."""
    status, document = reproduced(base, "--resume-check")

    assert document["verdict"] == "bit-identical", document
    assert status == 0
    assert [text.partition(" ")[0] for text in document["killed"]] == ["SIGTERM", "SIGKILL"]


def test_run_whose_data_is_gone_cannot_be_made(copy: MadeRun) -> None:
    """Oracle: exit status 2."""
    shutil.rmtree(copy.data)

    status, document = reproduced(copy)

    assert (status, document["verdict"]) == (2, "could not be made")
