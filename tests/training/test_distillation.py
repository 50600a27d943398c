"""Learning a teacher's distributions: the loss, and a training with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from made_training import curve, dataset, record_of, small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, DistillationConfig, DistillationKind
from mtnlg.model import Transformer, save_model
from mtnlg.training.data import Batch
from mtnlg.training.objective import Objective, Teacher, count_flops
from mtnlg.training.plan import MicroBatch


def made_batch(prepared: Any) -> Batch:
    examples = MicroBatch((3, 17, 40), num_step_labels=1)
    return dataset(prepared)[examples]


def made_model(prepared: Any, *, seed: int, **changes: object) -> Transformer:
    torch.manual_seed(seed)
    config = dataclasses.replace(
        prepared.config.model, initial_deviation=0.3, dropout=0.0, **changes
    )
    return Transformer(config, prepared.tokenizer.vocabulary_size).eval()


@pytest.mark.parametrize("has_pointer", [False, True])
def test_loss_is_the_formula_of_hinton(prepared: Any, has_pointer: bool) -> None:
    """Oracle: the cross-entropy and the divergence from whole logits; gradients by autograd."""
    batch = made_batch(prepared)
    student = made_model(prepared, seed=1, has_pointer=has_pointer)
    teacher = made_model(prepared, seed=2, num_layers=1)
    objective = Objective(0.0, teacher=Teacher(teacher, temperature=3.0, weight=0.3))

    total, nats = objective(student, batch)
    total.backward()
    gradient = student.token_embedding.weight.grad

    student.zero_grad()
    given, wanted = (
        model(batch.ids, prefix_lengths=batch.prefix_lengths).flatten(0, 1)[batch.label_index]
        for model in (student, teacher)
    )
    entropy = F.cross_entropy(given, batch.labels, reduction="sum")
    p, q = ((logits / 3.0).softmax(dim=1) for logits in (wanted.detach(), given))
    expected = 0.7 * entropy + 0.3 * 9.0 * (p * (p.log() - q.log())).sum()
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(nats, entropy, rtol=1e-4, atol=1e-3)
    expected.backward()
    assert gradient is not None
    torch.testing.assert_close(gradient, student.token_embedding.weight.grad, rtol=1e-3, atol=1e-3)


def test_student_that_is_the_teacher_has_nothing_to_learn(prepared: Any) -> None:
    """Oracle: no divergence, and no gradient."""
    model = made_model(prepared, seed=1)
    objective = Objective(0.0, teacher=Teacher(model, temperature=2.0, weight=1.0))

    total, _ = objective(model, made_batch(prepared))
    total.backward()

    assert total.item() == pytest.approx(0.0, abs=1e-4)
    gradient = model.token_embedding.weight.grad
    assert gradient is not None
    assert float(gradient.abs().max()) < 1e-4


def test_work_of_the_teacher_counts_once_forward(prepared: Any) -> None:
    """Oracle: a third of a training pass of the teacher."""
    batch, student = made_batch(prepared), made_model(prepared, seed=1)
    teacher = made_model(prepared, seed=2, num_layers=1)
    settings = {"lengths": batch.lengths, "num_labels": len(batch.labels)}

    work = Objective(0.0, teacher=Teacher(teacher, 1.0, 0.5)).flops(student, batch)

    own, theirs = (
        count_flops(model.config, model.vocabulary_size, **settings) for model in (student, teacher)
    )
    assert work == pytest.approx(own + theirs / 3)


@pytest.fixture
def teacher(prepared: Any, tmp_path: Path) -> Path:
    """A model folder with random weights and the same tokens."""
    save_model(tmp_path / "teacher", made_model(prepared, seed=2, num_layers=1))
    return tmp_path / "teacher"


def taught(teacher: Path, **trainer: object) -> Config:
    config = small_config(**trainer)
    config.distillation = DistillationConfig(
        teacher=str(teacher), kind=DistillationKind.logits, weight=0.9
    )
    return config


def test_teacher_changes_the_training_and_is_no_part_of_the_model(
    prepared: Any, teacher: Path, tmp_path: Path
) -> None:
    """Oracle: the parameters and the losses without a teacher; its weights stay as they are."""
    before = file_sha256(teacher / "model.safetensors")
    folder = train(prepared, taught(teacher), tmp_path / "taught")
    plain = train(prepared, small_config(), tmp_path / "plain")

    assert record_of(folder)["parameters"] == record_of(plain)["parameters"]
    losses = [[row["train_loss"] for row in curve(each)] for each in (folder, plain)]
    assert losses[0][0] == losses[1][0]
    assert losses[0][-2] != losses[1][-2]
    assert file_sha256(teacher / "model.safetensors") == before


def test_stopped_distillation_ends_as_an_undisturbed_one(
    prepared: Any, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: an undisturbed training, bit for bit."""
    whole = train(prepared, taught(teacher), tmp_path / "whole")
    train_until_killed(prepared, taught(teacher), tmp_path / "resumed", monkeypatch, step=5)
    resumed = train(prepared, taught(teacher), tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
    assert record_of(resumed) == record_of(whole)
