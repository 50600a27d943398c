"""One optimizer step, however it is cut; which parameters decay; the learning rate by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.fabric.plugins.precision.amp import _optimizer_handles_unscaling

from made_training import dataset
from mtnlg.config import (
    DecodingConfig,
    ModelConfig,
    OptimizerConfig,
    Precision,
    Schedule,
    TrainerConfig,
)
from mtnlg.model import Transformer
from mtnlg.training.module import (
    TransformerModule,
    ValidationMetric,
    build_optimizer,
    learning_rate_ratio,
)
from mtnlg.training.plan import MicroBatch

GRADIENT_TOLERANCE = 1e-6


def module(prepared: Any) -> TransformerModule:
    torch.manual_seed(0)
    model = Transformer(prepared.config.model, prepared.tokenizer.vocabulary_size).eval()
    return TransformerModule(
        model,
        prepared.config.optimizer,
        TrainerConfig(max_steps=10, label_smoothing=0.1),
        ValidationMetric([], prepared.tokenizer, DecodingConfig()),
    )


@pytest.mark.parametrize(("world_size", "accumulation"), [(1, 3), (3, 1), (2, 2)])
def test_gradients_over_micro_batches_and_ranks_equal_the_whole_batch(
    prepared: Any, world_size: int, accumulation: int
) -> None:
    """Oracle: the mean over all labels of one large batch; ragged lengths, so a mean of means would
    differ.
    """
    data = dataset(prepared)
    parts = [(0, 1, 2, 3), (6,), (13, 20), (34, 40, 41)][: world_size * accumulation]
    total = sum(len(data[MicroBatch((one,), 0)].labels) for part in parts for one in part)
    whole = module(prepared)
    (
        whole.nats(
            data[MicroBatch(tuple(one for part in parts for one in part), total)],
            label_smoothing=0.1,
        )
        / total
    ).backward()
    split = module(prepared)
    trainer = {"world_size": world_size, "accumulate_grad_batches": accumulation}
    split._trainer = type("Trainer", (), trainer)()  # type: ignore[assignment]

    for place, part in enumerate(parts):
        loss = split.training_step(data[MicroBatch(part, total)], place)["loss"]
        (loss / accumulation / world_size).backward()  # what Lightning and DDP do

    for one, other in zip(split.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=GRADIENT_TOLERANCE, rtol=0)


def test_only_matrices_decay() -> None:
    config = ModelConfig(name="x", num_layers=1, hidden_size=6, num_heads=2, context_length=8)
    model = Transformer(config, 11)
    names = {id(parameter): name for name, parameter in model.named_parameters()}

    decayed, undecayed = build_optimizer(model, OptimizerConfig(weight_decay=0.3)).param_groups

    assert (decayed["weight_decay"], undecayed["weight_decay"]) == (0.3, 0.0)
    kept = {names[id(parameter)] for parameter in undecayed["params"]}
    assert kept == {
        name
        for name in names.values()
        if name.endswith("bias") or "norm" in name or "position" in name
    }


def test_learning_rate_warms_up_then_follows_the_cosine_to_its_floor() -> None:
    """Oracle: values by hand."""
    config = OptimizerConfig(warmup_steps=4, min_learning_rate_ratio=0.1)

    ratios = [learning_rate_ratio(step, config, max_steps=12) for step in (0, 3, 4, 8, 12, 99)]

    assert ratios == pytest.approx([0.25, 1.0, 1.0, 0.55, 0.1, 0.1])


def test_inverse_square_root_halves_the_rate_at_four_times_the_warm_up() -> None:
    config = OptimizerConfig(warmup_steps=100, schedule=Schedule.inverse_sqrt)

    assert learning_rate_ratio(399, config, max_steps=1) == pytest.approx(0.5)


@pytest.mark.parametrize("precision", Precision)
def test_gradients_of_a_scaled_loss_can_be_clipped(prepared: Any, precision: Precision) -> None:
    """Oracle: Lightning's own check, which refuses to clip where the optimizer unscales."""
    one = module(prepared)
    one._trainer = type("Trainer", (), {"precision": precision.value})()  # type: ignore[assignment]

    optimizer = one.configure_optimizers()["optimizer"]

    assert _optimizer_handles_unscaling(optimizer) == (precision is not Precision.fp16_mixed)


STEPS = (0, 1, 2, 3, 4, 8, 12, 99)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule.constant, [1.0, 1.0, 1.0, 1.0]),
        (Schedule.inverse_sqrt, [(4 / 5) ** 0.5, (4 / 9) ** 0.5, (4 / 13) ** 0.5, 0.2]),
        (Schedule.cosine, [1.0, 0.6, 0.2, 0.2]),
    ],
)
def test_every_schedule_warms_up_and_then_goes_its_own_way(
    schedule: Schedule, expected: list[float]
) -> None:
    """Oracle: values by hand; four steps of warm-up, and twelve in all."""
    config = OptimizerConfig(warmup_steps=4, min_learning_rate_ratio=0.2, schedule=schedule)

    ratios = [learning_rate_ratio(step, config, max_steps=12) for step in STEPS]

    assert ratios == pytest.approx([0.25, 0.5, 0.75, 1.0, *expected])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule.constant, [1.0, 1.0, 1.0]),
        (Schedule.inverse_sqrt, [1.0, 0.5, 0.25]),
        (Schedule.cosine, [1.0, 0.55, 0.1]),
    ],
)
def test_schedules_without_warm_up_begin_at_the_peak(
    schedule: Schedule, expected: list[float]
) -> None:
    """Oracle: values by hand at steps 0, 3 and 15; the cosine is half way at step 3 of 6."""
    config = OptimizerConfig(warmup_steps=0, min_learning_rate_ratio=0.1, schedule=schedule)

    ratios = [learning_rate_ratio(step, config, max_steps=6) for step in (0, 3, 15)]

    assert ratios == pytest.approx(expected)


def test_cosine_without_a_step_after_the_warm_up_stays_defined() -> None:
    """Oracle: by hand: the peak, and from the next step on the floor."""
    config = OptimizerConfig(warmup_steps=5, min_learning_rate_ratio=0.1)

    assert [learning_rate_ratio(step, config, max_steps=5) for step in (4, 5, 6)] == pytest.approx(
        [1.0, 1.0, 0.1]
    )


def test_optimizer_and_its_steps_follow_the_settings(prepared: Any) -> None:
    """Oracle: the settings themselves; the learning rate after two of four warm-up steps."""
    one = module(prepared)
    one.optimizer_config = OptimizerConfig(
        learning_rate=0.01, warmup_steps=4, beta1=0.7, beta2=0.8, epsilon=1e-3, weight_decay=0.3
    )
    one._trainer = type("Trainer", (), {"precision": "32-true"})()  # type: ignore[assignment]

    built = one.configure_optimizers()
    optimizer, scheduler = built["optimizer"], built["lr_scheduler"]["scheduler"]

    assert built["lr_scheduler"]["interval"] == "step"
    for group in optimizer.param_groups:
        assert (group["betas"], group["eps"]) == ((0.7, 0.8), 1e-3)
    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.0025, 0.005, 0.0075])


def test_frozen_parameters_are_left_out_of_the_optimizer() -> None:
    """Oracle: the parameters that are not frozen, listed."""
    config = ModelConfig(name="x", num_layers=1, hidden_size=6, num_heads=2, context_length=8)
    model = Transformer(config, 11)
    for parameter in model.blocks[0].attention.parameters():
        parameter.requires_grad = False

    groups = build_optimizer(model, OptimizerConfig()).param_groups

    learned = {id(parameter) for group in groups for parameter in group["params"]}
    assert learned == {id(one) for one in model.parameters() if one.requires_grad}
    assert len(learned) == len([*model.parameters()]) - 4
