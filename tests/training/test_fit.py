"""Whole trainings of a few seconds: they learn, they resume bit for bit, they stop when they
should.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from made_training import (
    curve,
    record_of,
    scripted,
    small_config,
    train,
    train_until_killed,
)
from mtnlg.artifacts.store import file_sha256
from mtnlg.errors import TrainingError
from mtnlg.process import progress
from mtnlg.training import callbacks
from mtnlg.training.checkpoints import find_checkpoints, newest_sound_checkpoint


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("killed_at", [4, 6, 7])
def test_resumed_training_gives_the_same_weights_bit_for_bit(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int, num_workers: int
) -> None:
    """Oracle: the sha256 of the weights of an uninterrupted training; with dropout, over the end of
    an epoch.
    """
    config = small_config(num_workers=num_workers)
    whole = train(prepared, config, tmp_path / "whole")
    train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=killed_at)
    torch.manual_seed(99)
    resumed = train(prepared, config, tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
    losses = [
        [row["train_loss"] for row in curve(folder) if row["train_loss"]]
        for folder in (whole, resumed)
    ]
    assert losses[0] == losses[1]


OPTIONS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "moving average": (
        {"ema_decay": 0.9, "r_drop": 1.0, "activation_checkpointing": True},
        {"layer_dropout": 0.3, "embedding_dropout": 0.2},
    ),
    "mean of the last": (
        {
            **{"average_last": 3, "validate_every_steps": 2, "log_every_steps": 3},
            **{"curriculum_steps": 6, "task_temperature": 3.0},
        },
        {},
    ),
    "size in target tokens": (
        {"step_target_tokens": 60, "source_loss_weight": 0.5, "patience": 2},
        {"is_prefix_bidirectional": False},
    ),
}
"""What is off by default, in as few trainings as can be on together: trainer and model."""


@pytest.mark.parametrize("option", OPTIONS)
def test_resumed_training_with_options_gives_the_same_folder(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """Oracle: weights and record of an uninterrupted training; killed within a window of the
    log.
    """
    trainer, model = OPTIONS[option]
    config = small_config(**trainer)
    for name, value in model.items():
        setattr(config.model, name, value)

    whole = train(prepared, config, tmp_path / "whole")
    train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=5)
    torch.manual_seed(99)
    resumed = train(prepared, config, tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
    assert record_of(resumed) == record_of(whole)
    clock = {"seconds", "tokens_per_second", "achieved_tflops"}
    curves = [
        [{name: row[name] for name in row if name not in clock} for row in curve(folder)]
        for folder in (whole, resumed)
    ]
    assert curves[0] == curves[1]
    assert ("average_last" in record_of(whole)) == ("average_last" in trainer)


def test_metrics_file_has_one_line_per_step_and_validation(prepared: Any, tmp_path: Path) -> None:
    rows = curve(train(prepared, small_config(), tmp_path / "model"))

    assert [row["step"] for row in rows if row["train_loss"]] == [str(step) for step in range(1, 9)]
    assert [row["step"] for row in rows if row["validation_loss"]] == ["3", "6", "8"]
    assert float(rows[-1]["validation_metric/dialogue/talk"]) >= 0


def test_progress_ends_with_the_loss_and_metric_of_the_last_validation(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the last row of metrics.csv."""
    last = curve(train(prepared, small_config(), tmp_path / "model"))[-1]

    loss, metric = float(last["validation_loss"]), float(last["validation_metric"])
    printed = capsys.readouterr().err
    assert f"validation loss {loss:.3f}, mean of bleu, rougeL {metric:.4g} (" in printed


def test_progress_shows_metric_best_so_far_and_learning_rate(
    prepared: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: validations of metrics by hand after steps 3, 6 and 8."""
    scripted(monkeypatch, [1.0, 3.25, 2.0])
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)

    train(prepared, small_config(), tmp_path / "model")

    lines = capsys.readouterr().err.splitlines()
    (fourth,) = (line for line in lines if "small: 4/8" in line)
    (seventh,) = (line for line in lines if "small: 7/8" in line)
    assert ", mean of bleu, rougeL 1 (the best so far), learning rate 0." in fourth
    assert ", mean of bleu, rougeL 3.25 (the best so far), learning rate 0." in seventh
    assert lines[-1].endswith(", mean of bleu, rougeL 2 (best 3.25 at step 6)")


@pytest.mark.parametrize("clip_norm", [0.0, 0.01])
def test_metrics_file_has_the_gradient_norm_of_the_last_step_of_each_row(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip_norm: float
) -> None:
    """Oracle: the root of the sum of squares, before clipping."""
    norms: list[float] = []

    def watch(self: Any, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        gradients = [weight.grad.double() for weight in pl_module.model.parameters()]
        norms.append(sum(float((gradient**2).sum()) for gradient in gradients) ** 0.5)

    monkeypatch.setattr(callbacks.FiniteLoss, "on_before_optimizer_step", watch)
    config = small_config(log_every_steps=2, accumulation=2, batch_tokens=64)
    config.optimizer.clip_norm = clip_norm

    rows = curve(train(prepared, config, tmp_path / "model"))

    assert len(norms) == 8
    written = [float(row["grad_norm"]) for row in rows if row["train_loss"]]
    assert written == pytest.approx(norms[1::2], rel=1e-4)


def test_model_overfits_a_handful_of_examples(prepared: Any, tmp_path: Path) -> None:
    """Oracle: cross-entropy of memorized targets goes to zero."""
    config = small_config(
        max_steps=250, validate_every_steps=250, batch_tokens=2048, label_smoothing=0.0
    )
    config.model.dropout = 0.0
    config.model.hidden_size, config.model.num_heads = 48, 4
    config.optimizer.learning_rate = 1e-2

    rows = curve(train(prepared, config, tmp_path / "model"))

    assert float(rows[0]["train_loss"]) > 3
    assert min(float(row["train_loss"]) for row in rows if row["train_loss"]) < 0.05


def test_loss_that_is_not_finite_stops_the_training_and_names_the_step(
    prepared: Any, tmp_path: Path
) -> None:
    config = small_config()
    config.optimizer.learning_rate = 1e30
    config.optimizer.clip_norm = 0.0

    with pytest.raises(
        TrainingError, match=r"the loss is (nan|inf) at step \d+.*optimizer\.learning_rate"
    ):
        train(prepared, config, tmp_path / "model")

    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_time_budget_ends_the_training_with_a_validation_and_is_recorded(
    prepared: Any, tmp_path: Path
) -> None:
    folder = train(prepared, small_config(max_minutes=1e-6, max_steps=500), tmp_path / "model")

    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert (record["steps"], record["ended_by"]) == (1, "max_minutes")
    assert [row["step"] for row in curve(folder) if row["validation_loss"]] == ["1"]


def test_accumulated_steps_train_on_the_same_examples_as_large_batches(
    prepared: Any, tmp_path: Path
) -> None:
    folder = train(prepared, small_config(accumulation=2, batch_tokens=64), tmp_path / "model")

    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert record["steps"] == 8
    assert record["training_target_tokens"] > 0


@pytest.mark.parametrize("name", ["best.safetensors", "best.json", "step-00000006.ckpt"])
def test_training_whose_files_were_damaged_gives_the_same_weights(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Oracle: the sha256 of the weights of an uninterrupted training."""
    whole = train(prepared, small_config(), tmp_path / "whole")
    train_until_killed(prepared, small_config(), tmp_path / "model", monkeypatch, step=7)
    file = tmp_path / "model" / "checkpoints" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))

    resumed = train(prepared, small_config(), tmp_path / "model")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")


def test_corrupt_checkpoint_is_passed_over_for_the_one_before(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_until_killed(prepared, small_config(), tmp_path / "model", monkeypatch, step=7)
    checkpoints = tmp_path / "model" / "checkpoints"
    steps = [step for step, _ in find_checkpoints(checkpoints)]
    newest = find_checkpoints(checkpoints)[0][1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(bytes(content))

    found = newest_sound_checkpoint(checkpoints)

    assert steps == [6, 3]
    assert found is not None
    assert found[0] == 3
