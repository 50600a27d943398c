"""Flags of Lightning's Trainer: each works by its name, or says what to set instead."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch

from composed import composed
from made_training import curve, dataset, record_of, small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import (
    Config,
    DecodingConfig,
    ModelConfig,
    OptimizerConfig,
    ThirdParty,
    TokenizerConfig,
    TrainerConfig,
)
from mtnlg.config.foreign_names import foreign_names, look_up
from mtnlg.errors import ConfigError
from mtnlg.training.module import TransformerModule
from mtnlg.training.plan import PlanSettings, plan_epoch

BASE = ("task=translation/multi30k_en_de", "model=mt_nlg_nano")
SECTIONS = {
    "decoding": DecodingConfig,
    "model": ModelConfig,
    "optimizer": OptimizerConfig,
    "tokenizer": TokenizerConfig,
    "trainer": TrainerConfig,
}
FLAGS = [
    name for name in inspect.signature(lightning.Trainer.__init__).parameters if name != "self"
]


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_of_lightnings_trainer_works_or_says_what_to_set(flag: str) -> None:
    """Oracle: the arguments of the installed Trainer."""
    if flag in {field.name for field in dataclasses.fields(TrainerConfig)}:
        return

    remedy = look_up(flag, "TrainerConfig", "anywhere")

    assert remedy is not None
    with pytest.raises(ConfigError, match=re.escape(remedy)):
        composed(*BASE, f"trainer.{flag}=1")


@pytest.mark.parametrize(
    ("override", "remedy"),
    [
        ("trainer.accumulate_grad_batches=4", r"trainer\.accumulation or trainer\.step_target_tok"),
        ("+trainer.accumulate_grad_batches=4", r"trainer\.accumulation or trainer\.step_target_to"),
        ("trainer.gradient_clip_val=1", r"set optimizer\.clip_norm"),
        ("optimizer.lr=0.1", r"Key 'lr' .*; set optimizer\.learning_rate$"),
        ("lr=0.1", r"set optimizer\.learning_rate$"),
        ("model.n_layers=2", r"set model\.num_layers$"),
        ("decoding.beam_size=4", r"set decoding\.strategy=beam and decoding\.num_beams$"),
        ("trainer.limit_val_batches=0.5", r"batches of each task; null: all"),
        ("trainer.profiler=simple", r"choose profiler=simple, at the top level"),
        ("trainer.strategy=fsdp", r"several devices train by DDP"),
        ("trainer.max_stepss=3", r"did you mean 'max_steps'\?"),
    ],
)
def test_foreign_name_is_answered_with_ours(override: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        composed(*BASE, override)


def test_hints_name_settings_that_are_there() -> None:
    """Oracle: the fields of the configuration, and the YAML files of its groups."""
    hints = [hint for names in foreign_names().values() for hint in names.values()]

    for hint in hints:
        for section, name in re.findall(r"\b(\w+)\.(\w+)", hint):
            if section in SECTIONS:
                assert name in {field.name for field in dataclasses.fields(SECTIONS[section])}, hint


def test_no_hint_hides_a_setting() -> None:
    """Oracle: the fields of each class."""
    kinds = {kind.__name__: kind for kind in (*SECTIONS.values(), Config)}

    for class_name, kind in kinds.items():
        hints = foreign_names().get(class_name, {})
        names = {field.name for field in dataclasses.fields(kind)}
        assert not names & set(hints)


def steps_of_epochs(prepared: Any, config: Config, num_epochs: int) -> int:
    """By the plan of each epoch."""
    data = dataset(prepared)
    lengths, num_labels = data.lengths()
    plan = PlanSettings(
        config.seed, lengths, num_labels, data.weights(), config.trainer.batch_tokens, 1
    )
    return sum(len(plan_epoch(plan, epoch)) for epoch in range(num_epochs))


def test_max_epochs_is_a_horizon_in_passes_over_the_data(prepared: Any, tmp_path: Path) -> None:
    """Oracle: the training of as many steps as the plans of two epochs have."""
    by_epochs = small_config(max_steps=None, max_epochs=2)
    num_steps = steps_of_epochs(prepared, by_epochs, 2)

    folders = [
        train(prepared, config, tmp_path / name)
        for name, config in (("epochs", by_epochs), ("steps", small_config(max_steps=num_steps)))
    ]

    assert file_sha256(folders[0] / "model.safetensors") == file_sha256(
        folders[1] / "model.safetensors"
    )
    assert [record_of(folder)["steps"] for folder in folders] == [num_steps, num_steps]
    assert [record_of(folder)["ended_by"] for folder in folders] == ["max_epochs", "max_steps"]


def test_max_epochs_count_after_a_curriculum(prepared: Any, tmp_path: Path) -> None:
    """Oracle: the steps of one epoch's plan, and those of the curriculum."""
    config = small_config(max_steps=None, max_epochs=1, curriculum_steps=3)

    folder = train(prepared, config, tmp_path / "model")

    assert record_of(folder)["steps"] == 3 + steps_of_epochs(prepared, config, 1)


def test_horizon_is_named_once() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.max_steps=9: must be null where .*epochs=2"):
        TrainerConfig(max_steps=9, max_epochs=2)
    assert composed(*BASE, "trainer.max_epochs=3").trainer.max_epochs == 3
    assert TrainerConfig().horizon == 2_800


def test_fast_dev_run_trains_one_step_and_validates_it(prepared: Any, tmp_path: Path) -> None:
    config = small_config(max_steps=500, fast_dev_run=True, patience=3, curriculum_steps=400)
    target = "lightning.pytorch.loggers.CSVLogger"
    config.logger = {"csv": ThirdParty(target=target, arguments={"save_dir": "{run_folder}"})}

    folder = train(prepared, config, tmp_path / "model")

    rows = curve(folder)
    assert [row["step"] for row in rows] == ["1", "1"]
    assert [bool(row["validation_loss"]) for row in rows] == [False, True]
    assert not (folder / "lightning_logs").exists()


def test_fast_dev_run_of_three_trains_three_steps_and_validates_once(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: Lightning, whose number is that of batches."""
    num_batches = count_validation_batches(monkeypatch)
    config = small_config(max_steps=500, fast_dev_run=3, batch_tokens=16)

    rows = curve(train(prepared, config, tmp_path / "model"))

    assert [row["step"] for row in rows if row["train_loss"]] == ["1", "2", "3"]
    assert [row["step"] for row in rows if row["validation_loss"]] == ["3"]
    assert num_batches == [3, 3]


def count_validation_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batches of each of the two tasks; filled in as they are read."""
    counts = [0, 0]
    original = TransformerModule.validation_step

    def count(self: Any, batch: Any, index: int, dataloader_idx: int = 0) -> None:
        counts[dataloader_idx] += 1
        original(self, batch, index, dataloader_idx)

    monkeypatch.setattr(TransformerModule, "validation_step", count)
    return counts


@pytest.mark.parametrize(
    ("word", "value", "steps"),
    [("true", True, 1), ("1", True, 1), ("3", 3, 3), ("0", False, None), ("false", False, None)],
)
def test_fast_dev_run_is_a_number_or_a_switch(word: str, value: int, steps: int | None) -> None:
    """Oracle: Lightning's documentation; 1 is true, and 0 is false, in the key too."""
    trainer = composed(*BASE, f"trainer.fast_dev_run={word}").trainer

    assert (trainer.fast_dev_run, trainer.max_steps) == (value, steps)
    assert type(trainer.fast_dev_run) is type(value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("-1", "trainer.fast_dev_run=-1: must be a finite number >= 0"),
        ("2.5", "Value '2.5': trainer.fast_dev_run is true or false or whole number >= 0"),
        ("some", "Value 'some': trainer.fast_dev_run is true or false or whole number >= 0"),
    ],
)
def test_fast_dev_run_of_no_number_is_refused(word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        composed(*BASE, f"trainer.fast_dev_run={word}")


@pytest.mark.parametrize("limit", [1, 2, None])
def test_limit_of_validation_batches_bounds_what_is_read(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    """Oracle: the limit for each of two tasks; without one, their five rows each."""
    num_rows: list[int] = []
    original = TransformerModule.validation_step

    def count(self: Any, batch: Any, index: int, dataloader_idx: int = 0) -> None:
        num_rows.append(len(batch.lengths))
        original(self, batch, index, dataloader_idx)

    monkeypatch.setattr(TransformerModule, "validation_step", count)
    config = small_config(
        max_steps=1, validate_every_steps=1, batch_tokens=16, limit_val_batches=limit
    )

    train(prepared, config, tmp_path / "model")

    if limit is None:
        assert sum(num_rows) == 10
    else:
        assert len(num_rows) == 2 * limit
        assert sum(num_rows) < 10


def test_anomaly_detection_and_profilers_change_no_weights(prepared: Any, tmp_path: Path) -> None:
    """Oracle: the weights of a plain training; the profiler's own table."""
    profiler = composed(*BASE, "profiler=simple").trainer.profiler
    config = small_config(detect_anomaly=True, enable_progress_bar=False, profiler=profiler)

    watched = train(prepared, config, tmp_path / "watched")

    plain = train(prepared, small_config(), tmp_path / "plain")
    assert file_sha256(watched / "model.safetensors") == file_sha256(plain / "model.safetensors")
    (table,) = watched.glob("*simple_profile*")
    assert "run_training_epoch" in table.read_text()
    assert torch.is_anomaly_enabled() is False


def test_progress_is_hidden_where_that_is_asked_for(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(prepared, small_config(enable_progress_bar=False), tmp_path / "quiet")
    quiet = capsys.readouterr().err
    train(prepared, small_config(), tmp_path / "shown")

    assert "training small" not in quiet
    assert "training small: 8 in" in capsys.readouterr().err


def test_resumed_epochs_are_bit_for_bit_the_undisturbed_ones(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(max_steps=None, max_epochs=1)
    whole = train(prepared, config, tmp_path / "whole")
    train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=5)
    resumed = train(prepared, config, tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
    assert record_of(resumed) == record_of(whole)
