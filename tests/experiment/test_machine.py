"""What of the machine is in a training's key, against PyTorch's own words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtnlg.artifacts.store import Artifact
from mtnlg.config import Accelerator, Config, DecodingConfig, ModelConfig, TaskConfig, TaskKind
from mtnlg.experiment import artifacts, machine
from mtnlg.experiment.artifacts import Prepared
from mtnlg.records.files import JsonObject
from mtnlg.records.places import rows_file

LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ATEN_CPU_CAPABILITY")
BOTH = """
import torch
from mtnlg.experiment.machine import instruction_set, num_threads
print(num_threads(None) == torch.get_num_threads())
print(instruction_set() == torch.backends.cpu.get_cpu_capability())
"""


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"},
        {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "avx2"},
        {"OMP_NUM_THREADS": "3,2", "ATEN_CPU_CAPABILITY": "none of them"},
    ],
)
def test_threads_and_instruction_set_are_those_of_pytorch(limits: dict[str, str]) -> None:
    """Oracle: PyTorch, asked in the same process."""
    environment = {name: text for name, text in os.environ.items() if name not in LIMITS} | limits

    result = subprocess.run(
        [sys.executable, "-c", BOTH], env=environment, capture_output=True, text=True, check=True
    )

    assert result.stdout.split() == ["True", "True"]


def training_inputs(monkeypatch: pytest.MonkeyPatch, num_threads: int | None = None) -> JsonObject:
    """What the key of a training is made of, but for the data."""
    inputs: list[JsonObject] = []
    monkeypatch.setattr(artifacts, "make_folder", lambda *parts, **_: inputs.append(parts[2]))
    monkeypatch.setattr(Prepared, "tokenizer_hash", lambda self: "")
    monkeypatch.setattr(Prepared, "rows_hash", lambda self, name, split: "")
    task = TaskConfig(kind=TaskKind.dialogue, reader="builtin", source_language="en")
    model = ModelConfig(name="a", num_layers=1, hidden_size=8, num_heads=2)
    config = Config(tasks={"talk": task}, model=model)
    config.trainer.num_threads = num_threads
    config.trainer.accelerator = Accelerator.cpu
    artifacts.make_model(config, Prepared())
    return inputs[0]


def test_every_number_of_threads_and_instruction_set_has_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: measured, each gives other weights: breaks of one key with other bits."""
    monkeypatch.setattr(machine, "num_cores", lambda: 2)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    keys = []
    for threads, capability in (("1", "avx2"), ("2", "avx2"), ("2", "default")):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", capability)
        keys.append(training_inputs(monkeypatch))

    assert all(left != right for left, right in ((keys[0], keys[1]), (keys[1], keys[2])))
    assert training_inputs(monkeypatch, num_threads=2) == keys[2]


@pytest.mark.parametrize(
    ("decoding", "is_the_same"),
    [
        (DecodingConfig(), True),
        (DecodingConfig(strategy="beam"), True),
        (DecodingConfig(strategy="beam", num_alternatives=2), False),
        (DecodingConfig(has_likelihood=True), False),
    ],
)
def test_threads_are_in_the_key_of_scores_and_not_of_texts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, decoding: DecodingConfig, is_the_same: bool
) -> None:
    """Oracle: measured over threads and instruction sets, ids were equal, and scores were not."""
    inputs: list[JsonObject] = []
    monkeypatch.setattr(artifacts, "make_folder", lambda *parts, **_: inputs.append(parts[2]))
    monkeypatch.setattr(Prepared, "rows_hash", lambda self, name, split: "")
    monkeypatch.setattr(Artifact, "content", lambda self, without: "")
    (tmp_path / "talk.test.jsonl").touch()
    folder = Artifact("contamination", "", tmp_path, is_new=False)
    task = TaskConfig(kind=TaskKind.dialogue, reader="builtin", source_language="en")
    model = ModelConfig(name="a", num_layers=1, hidden_size=8, num_heads=2)
    config = Config(tasks={"talk": task}, model=model, decoding=decoding)
    for threads in (1, 2):
        config.trainer.num_threads = threads
        artifacts.make_predictions(config, Prepared(contamination=folder), folder, "talk", "test")

    assert (inputs[0] == inputs[1]) is is_the_same


def test_chosen_number_of_threads_is_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: torch.set_num_threads, which the training calls with it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert machine.num_threads(7) == 7


def test_hyperthreads_of_one_core_count_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Oracle: four processors of two cores, written by hand as Linux does."""
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        (tmp_path / f"{number}").write_text(siblings + "\n", encoding="ascii")
    monkeypatch.setattr(machine, "SIBLINGS", str(tmp_path / "{}"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)

    assert machine.num_threads(None) == 2


@pytest.mark.parametrize("changed", ["train", "validation", "tokenizer"])
def test_tokens_of_other_rows_or_of_another_tokenizer_have_another_key(
    monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Oracle: what the ids are made of, one part changed at a time."""
    inputs: list[JsonObject] = []
    monkeypatch.setattr(artifacts, "make_folder", lambda *parts, **_: inputs.append(parts[2]))
    task = TaskConfig(kind=TaskKind.dialogue, reader="builtin", source_language="en")
    model = ModelConfig(name="a", num_layers=1, hidden_size=8, num_heads=2)
    config = Config(tasks={"talk": task}, model=model)
    made = Artifact("rows", "0" * 16, Path("rows"), is_new=False)
    for part in ("", changed):
        monkeypatch.setattr(
            artifacts,
            "recorded_sha256",
            lambda _, file, p=part: str(file == rows_file(p or "none")),
        )
        monkeypatch.setattr(Prepared, "tokenizer_hash", lambda self, p=part: str(p == "tokenizer"))
        artifacts.make_tokens(config, "talk", task, Prepared(rows={"talk": made}))

    assert inputs[0] != inputs[1]


def test_hardware_says_the_threads_that_a_limit_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert machine.hardware(Accelerator.cpu, None)["threads"] == 1
    assert machine.hardware(Accelerator.cpu, 3)["threads"] == 3
