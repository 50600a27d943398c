"""Averaged weights against averages by hand, and who is chosen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from made_training import copy_of, dataset, record_of, scripted, small_config, train
from made_transformers import build
from mtnlg.errors import MtnlgError, TrainingError
from mtnlg.model import Transformer, load_model
from mtnlg.model.folder import weights_of
from mtnlg.tokenization.tokens import read_token_split
from mtnlg.training import callbacks
from mtnlg.training.averaging import LastWeights, warmed_up
from mtnlg.training.checkpoints import AtomicCheckpointIO
from mtnlg.training.data import SequenceDataset, TaskSplit

TOLERANCE = 1e-6
"""fp32, a few products."""


def validation_loss(prepared: Any, model: Transformer) -> float:
    """By F.cross_entropy over each validation example alone."""
    nats, num_labels = 0.0, 0
    training = dataset(prepared)
    for split, one in zip(training.splits, prepared.data, strict=True):
        tokens = read_token_split(one.tokens, "validation")
        data = SequenceDataset([TaskSplit(split.prompt, tokens, 1.0)], training.builder)
        for example in range(len(data)):
            ids, prefix = data.sequence(example)
            row = torch.from_numpy(ids)[None]
            logits = model(row, prefix_lengths=torch.tensor([prefix]))[0, prefix - 1 : -1]
            nats += F.cross_entropy(logits, row[0, prefix:], reduction="sum").item()
            num_labels += len(ids) - prefix
    return nats / num_labels


def test_decay_warms_up_to_its_value() -> None:
    """Oracle: (1 + step) / (10 + step) by hand."""
    assert [warmed_up(0.9, step) for step in (1, 8, 80, 90)] == pytest.approx(
        [2 / 11, 9 / 18, 81 / 90, 0.9]
    )
    assert warmed_up(0.9, 10_000) == 0.9


def test_moving_average_is_validated_chosen_and_written(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the average by hand over the weights of each step, from the initial ones on; each
    step of two micro-batches.
    """
    config = small_config(max_steps=4, validate_every_steps=2, ema_decay=0.3, accumulation=2)
    torch.manual_seed(config.seed)
    expected = copy_of(Transformer(config.model, prepared.tokenizer.vocabulary_size))
    original = callbacks.FiniteLoss.on_train_batch_end

    def follow(self: Any, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        original(self, trainer, module, outputs, batch, index)
        if index % 2:
            step = trainer.global_step
            decay = min(0.3, (1 + step) / (10 + step))
            for name, weight in weights_of(module.model).items():
                expected[name] = decay * expected[name] + (1 - decay) * weight

    monkeypatch.setattr(callbacks.FiniteLoss, "on_train_batch_end", follow)
    seen = scripted(monkeypatch, [1.0, 2.0])

    folder = train(prepared, config, tmp_path / "model")

    written = load_file(folder / "model.safetensors")
    assert len(seen) == 2
    for name, weight in expected.items():
        torch.testing.assert_close(written[name], weight, atol=TOLERANCE, rtol=TOLERANCE)
        assert torch.equal(seen[1][name], written[name])
    record = record_of(folder)
    assert record["best_step"] == 4
    assert record["best_validation_loss"] == pytest.approx(
        validation_loss(prepared, load_model(folder)), rel=1e-5
    )


@pytest.mark.parametrize(
    ("metrics", "best_step"), [([1.0, 3.0, 2.0, 4.0], 6), ([1.0, 3.0, 2.0, 2.0], 4)]
)
def test_mean_of_the_last_weights_competes_with_each_of_them(
    prepared: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metrics: list[float],
    best_step: int,
) -> None:
    """Oracle: numpy's mean of the weights that the last two of three validations saw."""
    seen = scripted(monkeypatch, metrics)
    config = small_config(max_steps=6, validate_every_steps=2, average_last=2)

    folder = train(prepared, config, tmp_path / "model")

    written, record = load_file(folder / "model.safetensors"), record_of(folder)
    average = record["average_last"]
    assert isinstance(average, dict)
    assert (average["steps"], average["validation_metric"]) == ([4, 6], metrics[-1])
    assert average["is_chosen"] == (metrics[-1] == max(metrics))
    assert record["best_step"] == best_step
    for name, weight in written.items():
        mean = np.mean([seen[1][name].numpy(), seen[2][name].numpy()], axis=0, dtype=np.float64)
        np.testing.assert_allclose(seen[3][name].numpy(), mean, atol=TOLERANCE)
        assert torch.equal(weight, seen[3 if average["is_chosen"] else 1][name])
    if average["is_chosen"]:
        assert average["validation_loss"] == pytest.approx(
            validation_loss(prepared, load_model(folder)), rel=1e-5
        )


def test_weights_of_steps_after_the_resumed_one_are_forgotten(tmp_path: Path) -> None:
    for step in (3, 6, 9):
        (tmp_path / f"weights-{step:08d}.ckpt").write_bytes(b"")
    (tmp_path / "step-00000009.ckpt").write_bytes(b"")

    LastWeights(tmp_path, 2, start_step=6)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-00000009.ckpt",
        "weights-00000003.ckpt",
        "weights-00000006.ckpt",
    ]


def kept_weights(folder: Path, **by_step: torch.Tensor) -> list[Path]:
    """Files of weights as validations of these steps left them."""
    paths = []
    for step, weight in by_step.items():
        paths.append(folder / f"weights-{int(step[1:]):08d}.ckpt")
        AtomicCheckpointIO().save_checkpoint({"weight": weight}, paths[-1])
    return paths


def test_mean_is_of_the_newest_weights_in_double_precision(tmp_path: Path) -> None:
    """Oracle: by hand; in single precision 1e8 + 1 would lose the 1."""
    kept_weights(
        tmp_path,
        _3=torch.tensor([5.0]),
        _6=torch.tensor([1e8]),
        _9=torch.tensor([1.0]),
        _12=torch.tensor([-1e8]),
    )

    steps, mean = LastWeights(tmp_path, 3, start_step=12).mean()

    assert steps == [6, 9, 12]
    assert mean["weight"].tolist() == pytest.approx([1 / 3])
    assert mean["weight"].dtype is torch.float32


@pytest.mark.parametrize("damaged", [0, 1])
def test_corrupt_weights_are_never_averaged(tmp_path: Path, damaged: int) -> None:
    """Oracle: one flipped bit in either file; the error names it and what to do."""
    paths = kept_weights(tmp_path, _3=torch.tensor([5.0]), _6=torch.tensor([1.0]))
    content = bytearray(paths[damaged].read_bytes())
    content[len(content) // 2] ^= 1
    paths[damaged].write_bytes(bytes(content))

    with pytest.raises(TrainingError, match=rf"{paths[damaged].name}: is corrupt; .*average_last"):
        LastWeights(tmp_path, 2, start_step=6).mean()


def test_weights_without_their_sha256_are_refused_too(tmp_path: Path) -> None:
    """Oracle: the record of one file is gone; its name is in the error."""
    kept_weights(tmp_path, _3=torch.tensor([5.0]), _6=torch.tensor([1.0]))
    (tmp_path / "weights-00000006.json").unlink()

    with pytest.raises(MtnlgError, match=r"weights-00000006\.json"):
        LastWeights(tmp_path, 2, start_step=6).mean()


def test_weights_stay_for_the_checkpoint_before_the_last(tmp_path: Path) -> None:
    """Oracle: a training that resumes one checkpoint back needs two files at that step, so three
    stay; only the first process writes.
    """
    last = LastWeights(tmp_path, 2, start_step=0)
    module = SimpleNamespace(model=build())
    for step in (2, 4, 6, 8):
        last.on_validation_end(SimpleNamespace(is_global_zero=True, global_step=step), module)
    last.on_validation_end(SimpleNamespace(is_global_zero=False, global_step=10), module)

    kept = sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".ckpt")
    assert kept == [f"weights-{step:08d}.ckpt" for step in (4, 6, 8)]
    assert last.mean()[0] == [6, 8]
