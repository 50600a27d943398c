"""Trainings that meet NaN, the end of memory or a dead process: nothing bad is kept, the message
says what to do, and the same command goes on. Oracle: an undisturbed training.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from made_training import curve, small_config, train
from mtnlg.artifacts.store import file_sha256
from mtnlg.errors import MtnlgError, OutOfMemoryError, TrainingError
from mtnlg.training import callbacks
from mtnlg.training.checkpoints import find_checkpoints, newest_sound_checkpoint, save_best
from mtnlg.training.data import SequenceDataset

Poison = Callable[[Any, Any], None]


def poison_gradient(trainer: Any, module: Any) -> None:
    next(module.model.parameters()).grad[0, 0] = math.nan


def poison_weight(trainer: Any, module: Any) -> None:
    with torch.no_grad():
        next(module.model.parameters())[0, 0] = math.inf


def poison_optimizer(trainer: Any, module: Any) -> None:
    state = next(iter(trainer.optimizers[0].state.values()))
    state["exp_avg"].view(-1)[0] = math.nan


CASES: dict[str, tuple[Poison, str, int]] = {
    "gradient in the middle": (poison_gradient, "on_before_optimizer_step", 4),
    "gradient at the last step": (poison_gradient, "on_before_optimizer_step", 7),
    "weight before a validation": (poison_weight, "on_train_batch_end", 6),
    "weight at the last step": (poison_weight, "on_train_batch_end", 8),
    "optimizer before a validation": (poison_optimizer, "on_train_batch_end", 6),
}
"""What becomes NaN, in which hook, and the trainer's step then."""


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def poisoned(case: str) -> None:
        poison, hook, step = CASES[case]
        original = getattr(callbacks.StepSeeds, hook)

        def hooked(self: Any, trainer: Any, module: Any, *rest: Any) -> None:
            original(self, trainer, module, *rest)
            if trainer.global_step == step:
                poison(trainer, module)

        monkeypatch.setattr(callbacks.StepSeeds, hook, hooked)

    return poisoned


@pytest.mark.parametrize("has_metric", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.parametrize("case", CASES)
def test_nan_ends_the_training_and_the_last_good_checkpoint_goes_on(
    prepared: Any,
    tmp_path: Path,
    poisoned: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    has_metric: bool,
) -> None:
    """A NaN that comes twice is said to come again; one that was a chance fault leaves no trace."""
    config = small_config()
    if not has_metric:
        tasks = config.tasks.items()
        config.tasks = {name: replace(task, main_metric="none") for name, task in tasks}
        for task in config.tasks.values():
            task.main_metric = None
    whole = train(prepared, config, tmp_path / "whole")
    with monkeypatch.context():
        poisoned(case)
        with pytest.raises(
            TrainingError, match=r"goes on from .*optimizer\.learning_rate"
        ) as first:
            train(prepared, config, tmp_path / "model")
        with pytest.raises(TrainingError, match="it was so the last time, and will be again"):
            train(prepared, config, tmp_path / "model")
    monkeypatch.undo()

    checkpoints = tmp_path / "model" / "checkpoints"
    assert first.value.exit_code == 5
    assert max(step for step, _ in find_checkpoints(checkpoints)) <= CASES[case][2]
    weights = load_file(checkpoints / "best.safetensors")
    assert all(bool(torch.isfinite(weight).all()) for weight in weights.values())
    model = train(prepared, config, tmp_path / "model")
    assert file_sha256(model / "model.safetensors") == file_sha256(whole / "model.safetensors")


def test_checkpoint_that_is_not_finite_is_passed_over(prepared: Any, tmp_path: Path) -> None:
    """Oracle: a NaN written into a whole file, with its right hash."""
    from mtnlg.records.files import write_json

    for step, value in ((3, 1.0), (6, math.nan)):
        path = tmp_path / f"step-{step:08d}.ckpt"
        torch.save({"state_dict": {"w": torch.tensor([value])}}, path)
        write_json(path.with_suffix(".json"), {"sha256": file_sha256(path)})

    assert newest_sound_checkpoint(tmp_path) == (3, tmp_path / "step-00000003.ckpt")
    with pytest.raises(TrainingError, match="a is not finite at step 9"):
        save_best(tmp_path, {"a": torch.tensor([math.inf])}, step=9)
    assert not (tmp_path / "best.safetensors").exists()


def fails_at(monkeypatch: pytest.MonkeyPatch, step: int, fail: Callable[[], None]) -> None:
    """Loading the batch of a step fails."""
    original = SequenceDataset.__getitem__

    def load(self: Any, item: Any) -> Any:
        if item.step == step:
            fail()
        return original(self, item)

    monkeypatch.setattr(SequenceDataset, "__getitem__", load)


def memory_error() -> None:
    raise MemoryError


def allocator_error() -> None:
    torch.empty(1 << 60)


def kill_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def data_error() -> None:
    raise MtnlgError("rows.jsonl:3: broken; mend it")


@pytest.mark.parametrize(
    ("fail", "num_workers", "kind", "message"),
    [
        (memory_error, 0, OutOfMemoryError, r"memory at step \d, a batch of \d+ seq.*batch_tok"),
        (allocator_error, 0, OutOfMemoryError, r"out of memory at step \d.*lower trainer\.batch_t"),
        (allocator_error, 1, OutOfMemoryError, r"out of memory at step \d.*lower trainer\.batch_t"),
        (kill_worker, 1, TrainingError, r"a process that loads .* ended.*trainer\.num_workers=0"),
        (data_error, 1, MtnlgError, r"^rows\.jsonl:3: broken; mend it$"),
    ],
)
def test_fault_while_loading_is_one_line_and_the_training_resumes(
    prepared: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[], None],
    num_workers: int,
    kind: type[MtnlgError],
    message: str,
) -> None:
    config = small_config(num_workers=num_workers)
    whole = train(prepared, config, tmp_path / "whole")
    with monkeypatch.context() as patched:
        fails_at(patched, 4, fail)
        with pytest.raises(kind, match=message) as error:
            train(prepared, config, tmp_path / "model")

    assert "\n" not in str(error.value)
    resumed = train(prepared, config, tmp_path / "model")
    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
    assert len(curve(resumed)) == len(curve(whole))
