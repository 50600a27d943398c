"""What can be known before the first stage is said before it, by key and value."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from mtnlg.config import (
    Accelerator,
    Algorithm,
    Config,
    DecodingConfig,
    EvaluationConfig,
    ModelConfig,
    OptimizerConfig,
    Precision,
    ReportConfig,
    TaskConfig,
    TaskKind,
    ThirdParty,
    TokenizerConfig,
    TrainerConfig,
)
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.preflight import preflight

TASK = TaskConfig(
    kind=TaskKind.translation,
    reader="parallel_text",
    source_language="en",
    target_language="de",
    folder="x",
    columns={"source": "en", "target": "de"},
)
MODEL = ModelConfig(name="tiny", num_layers=1, hidden_size=8, num_heads=2, context_length=64)


def config(
    tmp_path: Path, task: TaskConfig = TASK, model: ModelConfig = MODEL, **values: object
) -> Config:
    return Config(
        tasks={"captions": task},
        model=model,
        artifacts_root=str(tmp_path / "not" / "there" / "yet"),
        **values,  # type: ignore[arg-type]
    )


def test_sound_configuration_passes_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: empty output."""
    wide = dataclasses.replace(MODEL, context_length=256)

    preflight(config(tmp_path, model=wide))

    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reader": "paralel_text"}, r"paralel_text.*parallel_text"),
        ({"columns": {"sorce": "en"}}, r"sorce"),
        ({"train_split": None}, r"none has a train_split"),
        ({"validation_split": None}, r"none has a validation_split"),
        ({"main_metric": "blue"}, r"tasks\.captions\.main_metric has 'blue'; known: bleu, chrf"),
        (
            {"main_metric": "length_ratio"},
            r"main_metric has 'length_ratio', of which .* can rank .*: bleu, chrf",
        ),
        ({"main_metric": "ter"}, r"evaluation\.metrics=.*: must hold ter.*translation/captions"),
        ({"main_metric": "comet"}, r"main_metric=comet: must be a metric without a model"),
    ],
)
def test_fault_of_a_task_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    """Oracle: the key and the value in the message."""
    task = dataclasses.replace(TASK, **changes)  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=message):
        preflight(config(tmp_path, task))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitor": "val_loss"}, r"arguments\.monitor=val_loss: must be one of .*val/loss"),
        ({"monitor": "val/loss", "mode": "max"}, r"arguments\.mode=max: must be min: of val/loss,"),
        ({"monitor": "val/metric"}, r"arguments\.mode=min: must be max: of val/metric, more is"),
        (
            {"monitor": "val/loss", "check_on_train_epoch_end": True},
            r"arguments\.check_on_train_epoch_end=True: must be left out",
        ),
        ({"monitor": "val/loss", "check_on_train_epoch_end": False}, None),
        ({"monitor": "val/metric", "mode": "max"}, None),
        ({"monitor": "train/loss"}, None),
    ],
)
def test_what_a_callback_monitors_is_logged_and_has_its_direction(
    tmp_path: Path, arguments: dict[str, object], message: str | None
) -> None:
    """Oracle: a loss is minimized, BLEU is maximized; the key and the value in the message."""
    target = "lightning.pytorch.callbacks.EarlyStopping"
    callbacks = {"stop": ThirdParty(target=target, arguments=arguments)}
    expected = nullcontext() if message is None else pytest.raises(ConfigError, match=message)

    with expected:
        preflight(config(tmp_path, callbacks=callbacks))


def test_any_metric_that_ranks_can_be_the_main_one(tmp_path: Path) -> None:
    """Oracle: the field is optional, and each kind of task has a usual metric."""
    chosen = dataclasses.replace(TASK, main_metric="chrf")

    preflight(config(tmp_path, chosen))

    assert (TASK.main_metric, chosen.main_metric) == ("bleu", "chrf")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"evaluation": EvaluationConfig(metrics=["blue", "bleu"])},
            r"evaluation\.metrics has 'blue'; known: bleu, chrf",
        ),
        (
            {"evaluation": EvaluationConfig(equivalence_margin={"chrf": 1.0})},
            r"evaluation\.equivalence_margin has 'chrf', by which no board is .*metrics: bleu",
        ),
        (
            {"evaluation": EvaluationConfig(metrics=["chrf"])},
            r"evaluation\.metrics=\['chrf'\]: must hold bleu.*translation/captions",
        ),
        (
            {
                "decoding": DecodingConfig(
                    strategy="sampling", num_alternatives=2, mbr_utility="chfr"
                )
            },
            r"decoding\.mbr_utility has 'chfr'; known: bleu, chrf",
        ),
        ({"report": ReportConfig(formats=["pdf"])}, r"pdf.*html"),
        (
            {"trainer": TrainerConfig(batch_tokens=32)},
            r"trainer\.batch_tokens=32: must be at least model\.context_length=64",
        ),
        (
            {"model": dataclasses.replace(MODEL, context_length=8)},
            r"model\.context_length=8: must be at least 16",
        ),
        (
            {
                "trainer": TrainerConfig(source_loss_weight=0.5),
                "model": dataclasses.replace(MODEL, is_prefix_bidirectional=True),
            },
            r"trainer\.source_loss_weight=0\.5: .*use model\.is_prefix_bidirectional=false",
        ),
        (
            {
                "trainer": TrainerConfig(r_drop=5.0),
                "model": dataclasses.replace(MODEL, dropout=0.0),
            },
            r"trainer\.r_drop=5\.0: two passes are equal.*model\.dropout",
        ),
        (
            {"trainer": TrainerConfig(task_temperature=5.0)},
            r"trainer\.task_temperature=5\.0: there is one task",
        ),
        (
            {"tokenizer": TokenizerConfig(temperature=5.0)},
            r"tokenizer\.temperature=5\.0: the tokenizer learns from one task",
        ),
        (
            {
                "trainer": TrainerConfig(bpe_dropout=0.1),
                "tokenizer": TokenizerConfig(algorithm=Algorithm.unigram),
            },
            r"trainer\.bpe_dropout=0\.1: tokenizer\.algorithm=unigram has no merges",
        ),
    ],
)
def test_fault_of_a_setting_is_named(
    tmp_path: Path, values: dict[str, object], message: str
) -> None:
    """Oracle: the key and the value in the message."""
    with pytest.raises(ConfigError, match=message):
        preflight(config(tmp_path, **values))  # type: ignore[arg-type]


def test_outputs_that_cannot_be_as_long_as_asked_are_announced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: half of the context, which a prompt leaves."""
    preflight(config(tmp_path))

    assert "decoding.max_new_tokens=128 is more than half" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_half_precision_without_its_device_is_named(tmp_path: Path) -> None:
    """Lightning computes in bf16 then, and says nothing."""
    trainer = TrainerConfig(precision=Precision.fp16_mixed)

    with pytest.raises(ConfigError, match=r"trainer\.precision=fp16_mixed: .*bf16_mixed or fp32"):
        preflight(config(tmp_path, trainer=trainer))


@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="this machine has as many devices")
def test_missing_devices_are_named(tmp_path: Path) -> None:
    """Oracle: a machine without such a device."""
    trainer = TrainerConfig(accelerator=Accelerator.cuda, devices=8)

    with pytest.raises(ConfigError, match=r"trainer\.devices=8: this machine has \d CUDA devices"):
        preflight(config(tmp_path, trainer=trainer))
    preflight(config(tmp_path, trainer=trainer), has_training=False)


def test_disk_that_cannot_hold_the_checkpoints_is_named(tmp_path: Path) -> None:
    """The model of 530 billion parameters writes some 17 TB, more than any disk here."""
    huge = ModelConfig(
        name="530b", num_layers=105, hidden_size=20_480, num_heads=128, context_length=64
    )

    with pytest.raises(ArtifactError, match=r"artifacts_root=.*writes about 1\d(,\d{3}){4} bytes"):
        preflight(config(tmp_path, model=huge, tokenizer=TokenizerConfig(vocabulary_size=50_000)))


@pytest.mark.parametrize(
    ("trainer", "is_warned_of"),
    [
        (TrainerConfig(max_steps=20), True),
        (TrainerConfig(max_steps=21), False),
        (TrainerConfig(fast_dev_run=True), False),
    ],
)
def test_training_that_ends_within_its_warmup_is_warned_of(
    trainer: TrainerConfig, is_warned_of: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the last step's share of the peak, which is whole after warmup_steps."""
    preflight(config(tmp_path, trainer=trainer, optimizer=OptimizerConfig(warmup_steps=20)))

    warning = (
        "warning: optimizer.warmup_steps=20: the training has 20 steps, and its learning rate "
        "never reaches 0.0025; lower optimizer.warmup_steps or raise trainer.max_steps\n"
    )
    assert (warning in capsys.readouterr().err) == is_warned_of
