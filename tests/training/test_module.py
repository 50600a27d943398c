"""One optimizer step, however it is cut; which parameters decay; the learning rate by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.fabric.plugins.precision.amp import _optimizer_handles_unscaling

from made_training import dataset
from mtnlg.config import DecodingConfig, ModelConfig, OptimizerConfig, Precision, Schedule
from mtnlg.model import Transformer
from mtnlg.training.module import TransformerModule, build_optimizer, learning_rate_ratio
from mtnlg.training.plan import MicroBatch
from mtnlg.training.validation_metric import ValidationMetric

GRADIENT_TOLERANCE = 1e-6


def module(prepared: Any, *, accumulation: int) -> TransformerModule:
    torch.manual_seed(0)
    model = Transformer(prepared.config.model, prepared.tokenizer.vocabulary_size).eval()
    return TransformerModule(
        model,
        prepared.config.optimizer,
        max_steps=10,
        label_smoothing=0.1,
        accumulation=accumulation,
        metric=ValidationMetric([], prepared.tokenizer, DecodingConfig()),
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
    whole = module(prepared, accumulation=1)
    (
        whole.nats(
            data[MicroBatch(tuple(one for part in parts for one in part), total)],
            label_smoothing=0.1,
        )
        / total
    ).backward()
    split = module(prepared, accumulation=accumulation)
    split._trainer = type("Trainer", (), {"world_size": world_size})()  # type: ignore[assignment]

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
    one = module(prepared, accumulation=1)
    one._trainer = type("Trainer", (), {"precision": precision.value})()  # type: ignore[assignment]

    optimizer = one.configure_optimizers()["optimizer"]

    assert _optimizer_handles_unscaling(optimizer) == (precision is not Precision.fp16_mixed)
