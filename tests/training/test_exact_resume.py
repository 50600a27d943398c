"""A training that is stopped anywhere and asked for again ends as if nothing had happened. Oracle:
the undisturbed training, bit for bit: weights, optimizer, schedule and averages of the last
checkpoint, the order of the data, and every logged number but times.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from made_training import curve, record_of, small_config, train
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import OptimizerName
from mtnlg.errors import InterruptedTrainingError
from mtnlg.training import callbacks, checkpoints, fit
from mtnlg.training.module import TransformerModule

OPTIONS: dict[str, dict[str, object]] = {
    "plain": {},
    "two workers": {"num_workers": 2},
    "accumulation": {"accumulation": 2, "batch_tokens": 64},
    "moving average": {"ema_decay": 0.9},
    "mean of the last": {"average_last": 3, "validate_every_steps": 2},
    "R-Drop": {"r_drop": 1.0},
    "BPE-dropout": {"bpe_dropout": 0.2},
    "BPE-dropout, two workers": {"bpe_dropout": 0.2, "num_workers": 2},
    "curriculum and mixture": {"curriculum_steps": 5, "task_temperature": 3.0},
    "steps of target tokens": {"step_target_tokens": 60},
    "rare log": {"log_every_steps": 3},
    "patience": {"patience": 2, "validate_every_steps": 2},
    "Muon": {"muon": True},
}
CLOCK = ("seconds", "tokens_per_second", "achieved_tflops", "started")


class Killed(BaseException):
    """The process is gone: nothing of ours handles this."""


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def kill() -> None:
    raise Killed


def in_step(step: int, act: Callable[[], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """While a step is computed."""

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        original, acts = TransformerModule.training_step, [act]

        def training_step(self: Any, *arguments: Any) -> Any:
            if self.trainer.global_step == step - 1 and acts:
                acts.pop()()
            return original(self, *arguments)

        monkeypatch.setattr(TransformerModule, "training_step", training_step)

    return arrange


def in_validation(step: int, act: Callable[[], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """While the validation after a step is computed."""

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        original, acts = TransformerModule.validation_step, [act]

        def validation_step(self: Any, *arguments: Any) -> Any:
            if self.trainer.global_step == step and acts:
                acts.pop()()
            return original(self, *arguments)

        monkeypatch.setattr(TransformerModule, "validation_step", validation_step)

    return arrange


def in_save(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    """When half of the bytes of a checkpoint are written."""

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        original, count = torch.save, [0]

        def save(content: Any, stream: Any) -> None:
            count[0] += 1
            original(content, stream)
            if count[0] == number:
                stream.truncate(stream.tell() // 2)
                raise Killed

        monkeypatch.setattr(checkpoints.torch, "save", save)

    return arrange


MOMENTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "SIGTERM in the first step": in_step(1, terminate),
    "killed in the first step": in_step(1, kill),
    **{f"SIGTERM in step {step}": in_step(step, terminate) for step in range(2, 8)},
    "killed in the middle of an epoch": in_step(5, kill),
    "SIGTERM in the last step": in_step(8, terminate),
    "SIGTERM in a validation": in_validation(6, terminate),
    "killed in a validation": in_validation(6, kill),
    "killed in a save": in_save(2),
}
"""Moments; an epoch ends within the six steps after the first."""
CHEAP = {("plain", "SIGTERM in step 4"), ("moving average", "killed in a save")}
CASES = [
    pytest.param(option, moment, marks=() if (option, moment) in CHEAP else pytest.mark.slow)
    for option in OPTIONS
    for moment in MOMENTS
    if option == "plain" or not moment.startswith("SIGTERM in step") or moment[-1] in "45"
]


class Watch:
    """What a training does that its folder does not say at the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.order: dict[int, str] = {}
        self.state: dict[str, Any] = {}
        original = callbacks.StepSeeds.on_train_batch_start

        def start(seeds: Any, trainer: Any, module: Any, batch: Any, index: int) -> None:
            self.order[index] = hashlib.sha256(batch.ids.numpy().tobytes()).hexdigest()
            original(seeds, trainer, module, batch, index)

        def keep(folder: Path, **_: Any) -> None:
            for _, path in checkpoints.find_checkpoints(folder)[:1]:
                self.state = torch.load(path, weights_only=True)

        monkeypatch.setattr(callbacks.StepSeeds, "on_train_batch_start", start)
        monkeypatch.setattr(fit.shutil, "rmtree", keep)


def differences(left: Any, right: Any, *names: str) -> list[str]:
    """Names of the values of two checkpoints that are not the same bits."""
    if isinstance(left, Mapping):
        keys = [*dict.fromkeys([*left, *right])]
        pairs = [(key, left.get(key), right.get(key)) for key in keys if key not in CLOCK]
    elif isinstance(left, list | tuple) and len(left) == len(right):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(left, right, strict=True))]
    elif isinstance(left, torch.Tensor):
        return [] if torch.equal(left, right) else [".".join(names)]
    else:
        is_same = left == right or (left != left and right != right)
        return [] if is_same else [f"{'.'.join(names)}: {left} {right}"]
    return [
        name
        for key, first, second in pairs
        for name in differences(first, second, *names, str(key))
    ]


def trained(prepared: Any, option: str, folder: Path, watch: Watch) -> dict[str, Any]:
    """The training of an option, to its end: all that must be the same."""
    settings = {key: value for key, value in OPTIONS[option].items() if key != "muon"}
    config = small_config(**settings)
    if OPTIONS[option].get("muon"):
        config.optimizer.name = OptimizerName.muon
    train(prepared, config, folder)
    rows = [{key: row[key] for key in row if key not in CLOCK} for row in curve(folder)]
    return {
        "weights": file_sha256(folder / "model.safetensors"),
        "record": record_of(folder),
        "curve": rows,
        "order": dict(watch.order),
        "state": watch.state,
    }


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, dict[str, Any]]:
    """Filled by the first test of each option."""
    return {}


@pytest.mark.parametrize(("option", "moment"), CASES)
def test_stopped_training_ends_as_an_undisturbed_one(
    prepared: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: dict[str, dict[str, Any]],
    option: str,
    moment: str,
) -> None:
    if option not in undisturbed:
        with monkeypatch.context() as patched:
            undisturbed[option] = trained(prepared, option, tmp_path / "whole", Watch(patched))
    watch = Watch(monkeypatch)
    with monkeypatch.context() as patched:
        MOMENTS[moment](patched)
        try:
            trained(prepared, option, tmp_path / "model", watch)
            assert option == "patience", "it was not stopped"
        except (Killed, InterruptedTrainingError):
            torch.manual_seed(99)

    resumed = trained(prepared, option, tmp_path / "model", watch)

    whole = undisturbed[option]
    assert resumed["order"] == whole["order"]
    assert resumed["curve"] == whole["curve"]
    assert differences(whole["state"], resumed["state"]) == []
    assert resumed["record"] == whole["record"]
    assert resumed["weights"] == whole["weights"]
