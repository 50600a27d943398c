"""Callbacks of Lightning's, chosen by YAML: they monitor what is logged, and resume bit for bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lightning.pytorch.callbacks
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from composed import composed
from made_training import curve, record_of, scripted, small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, ThirdParty
from mtnlg.config.third_party import REFUSED, changing_callbacks, check_third_party
from mtnlg.errors import ConfigError
from mtnlg.experiment.preflight import preflight
from mtnlg.training import fit
from mtnlg.training.module import TransformerModule

BASE = ("task=translation/builtin_en_zh", "model=mt_nlg_nano")
BLEU = "val/translation/forward/bleu"


def chosen(*overrides: str) -> dict[str, ThirdParty]:
    """The callbacks of a composed configuration."""
    return composed(*BASE, *overrides).callbacks


def watched_by(callbacks: dict[str, ThirdParty], **trainer: object) -> Config:
    config = small_config(**trainer)
    config.callbacks = callbacks
    return config


def stopping(*, patience: int = 2) -> dict[str, ThirdParty]:
    """EarlyStopping by the BLEU of one task."""
    arguments = "callbacks.early_stopping.arguments"
    return chosen(
        "callbacks=early_stopping",
        f"{arguments}.monitor={BLEU}",
        f"{arguments}.mode=max",
        f"{arguments}.patience={patience}",
    )


class Spy(Callback):
    """Keeps what can be monitored after each step, and the norm of the gradient by hand."""

    steps: list[dict[str, float]] = []
    norms: list[float] = []
    validated: dict[str, float] = {}

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
        squares = [
            weight.grad.double().square().sum()
            for weight in module.parameters()
            if weight.grad is not None
        ]
        Spy.norms.append(math.sqrt(float(torch.stack(squares).sum())))

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        Spy.steps.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer: Any, module: Any) -> None:
        Spy.steps.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        Spy.validated = {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> dict[str, ThirdParty]:
    monkeypatch.setattr(Spy, "__module__", "lightning.pytorch.callbacks.spy")
    for name, start in (("steps", []), ("norms", []), ("validated", {})):
        monkeypatch.setattr(Spy, name, start)
    monkeypatch.setattr(lightning.pytorch.callbacks, "Spy", Spy, raising=False)
    return {"spy": ThirdParty(target="lightning.pytorch.callbacks.Spy")}


def test_callbacks_see_every_value_by_the_name_that_is_promised(
    prepared: Any, tmp_path: Path, spy: dict[str, ThirdParty]
) -> None:
    """Oracle: metrics.csv, with fewer digits, and the names of `Config.logged_values`."""
    config = watched_by(spy, max_steps=3, accumulation=2)

    rows = curve(train(prepared, config, tmp_path / "model"))

    assert set(Spy.validated) == set(config.logged_values)
    validated = next(row for row in rows if row["validation_loss"])
    assert Spy.validated["val/loss"] == pytest.approx(float(validated["validation_loss"]), abs=1e-4)
    assert Spy.validated["val/metric"] == pytest.approx(
        float(validated["validation_metric"]), abs=1e-4
    )
    metric = float(validated["validation_metric/translation/forward"])
    assert Spy.validated[BLEU] == pytest.approx(metric, abs=1e-4)
    losses = [
        Spy.validated[f"val/{task}/loss"] for task in ("translation/forward", "dialogue/talk")
    ]
    assert min(losses) < Spy.validated["val/loss"] < max(losses)


def test_losses_rates_and_gradient_norms_are_those_of_each_step(
    prepared: Any, tmp_path: Path, spy: dict[str, ThirdParty]
) -> None:
    """Oracle: metrics.csv with a line for each step of two micro-batches, and the norm by hand."""
    config = watched_by(spy, max_steps=3, accumulation=2)

    rows = [row for row in curve(train(prepared, config, tmp_path / "model")) if row["train_loss"]]

    after_steps = Spy.steps[2::2]
    for name, column in (("train/loss", "train_loss"), ("train/learning_rate", "learning_rate")):
        expected = [float(row[column]) for row in rows]
        assert [values[name] for values in after_steps] == pytest.approx(expected, rel=1e-4)
    norms = [values["train/grad_norm"] for values in after_steps]
    assert norms == pytest.approx(Spy.norms, rel=1e-5)


@pytest.mark.parametrize("clip_norm", [0.0, 0.01])
def test_clipping_is_lightnings_own(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip_norm: float
) -> None:
    """Oracle: the weights where Lightning clips by itself."""
    config = small_config(max_steps=4)
    config.optimizer.clip_norm = clip_norm
    ours = train(prepared, config, tmp_path / "ours")
    monkeypatch.delattr(TransformerModule, "configure_gradient_clipping")
    theirs = train(prepared, config, tmp_path / "theirs")

    assert file_sha256(ours / "model.safetensors") == file_sha256(theirs / "model.safetensors")


def test_early_stopping_ends_the_training_and_is_its_recorded_reason(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: metrics by script, two validations after the best one."""
    scripted(monkeypatch, [1.0, 3.0, 2.0, 1.0])

    folder = train(
        prepared, watched_by(stopping(), max_steps=40, validate_every_steps=2), tmp_path / "model"
    )

    record = record_of(folder)
    assert (record["steps"], record["best_step"]) == (8, 4)
    assert record["ended_by"] == "callbacks.early_stopping"


@pytest.mark.parametrize("killed_at", [3, 5, 7])
def test_training_killed_with_early_stopping_is_bit_for_bit_the_undisturbed_one(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """Oracle: weights, record and curve of an uninterrupted training; the count of bad validations
    begins before the kill and ends after it.
    """
    config = watched_by(stopping(), max_steps=40, validate_every_steps=2, patience=9)
    script = [3.0, 2.0, 1.0]
    scripted(monkeypatch, script)
    whole = train(prepared, config, tmp_path / "whole")

    num_validations = (killed_at - 1) // 2
    scripted(monkeypatch, script)
    if killed_at > 6:  # nothing is left to train
        with monkeypatch.context() as patched:
            patched.setattr(fit, "load_weights", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                train(prepared, config, tmp_path / "resumed")
    else:
        train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=killed_at)
    scripted(monkeypatch, script[num_validations:])
    torch.manual_seed(99)
    resumed = train(prepared, config, tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
    assert record_of(resumed) == record_of(whole)
    assert record_of(whole)["ended_by"] == "callbacks.early_stopping"
    losses = [[row["train_loss"] for row in curve(folder)] for folder in (whole, resumed)]
    assert losses[0] == losses[1]


def test_learning_rates_reach_the_trackers(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: Lightning's own CSVLogger beside metrics.csv; the weights of a plain training."""
    config = watched_by(chosen("callbacks=learning_rate_monitor"))
    arguments = {"save_dir": "{run_folder}", "name": "csv", "version": ""}
    target = "lightning.pytorch.loggers.CSVLogger"
    config.logger = {"csv": ThirdParty(target=target, arguments=arguments)}

    folder = train(prepared, config, tmp_path / "model")

    plain = train(prepared, small_config(), tmp_path / "plain")
    assert file_sha256(folder / "model.safetensors") == file_sha256(plain / "model.safetensors")
    lines = (folder / "csv" / "metrics.csv").read_text().splitlines()
    (column,) = (place for place, name in enumerate(lines[0].split(",")) if name == "lr-AdamW/pg1")
    rates = [float(rate) for line in lines[1:] if (rate := line.split(",")[column])]
    expected = [float(row["learning_rate"]) for row in curve(folder) if row["learning_rate"]]
    assert rates[1:] == pytest.approx(expected[: len(rates) - 1], rel=1e-4)
    assert "switched off" not in capsys.readouterr().err


def test_rich_progress_bar_stands_in_place_of_ours(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the weights of a plain training."""
    plain = train(prepared, small_config(), tmp_path / "plain")
    capsys.readouterr()

    folder = train(prepared, watched_by(chosen("callbacks=rich_progress_bar")), tmp_path / "model")

    assert file_sha256(folder / "model.safetensors") == file_sha256(plain / "model.safetensors")
    shown = capsys.readouterr()
    assert "training small" not in shown.err
    assert "train/loss" in shown.out


def test_only_callbacks_that_change_a_training_are_in_its_key() -> None:
    """Oracle: the list of those that only watch; whatever is not on it may change something."""
    names = ("early_stopping", "learning_rate_monitor", "rich_progress_bar")
    callbacks = chosen(f"callbacks=[{','.join(names)}]")
    callbacks["mine"] = ThirdParty(target="lightning.pytorch.callbacks.Timer")

    assert list(changing_callbacks(callbacks)) == ["early_stopping", "mine"]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_class_that_would_break_a_training_is_refused_with_what_to_do(name: str) -> None:
    """Oracle: Lightning has each of them."""
    module, key = (
        ("strategies", "trainer.strategy")
        if name.endswith("Strategy")
        else ("callbacks", "callbacks.x")
    )
    assert hasattr(getattr(lightning.pytorch, module), name)

    with pytest.raises(ConfigError, match=rf"{key}\.target=lightning\.pytorch\.{module}\.{name}: "):
        check_third_party(ThirdParty(target=f"lightning.pytorch.{module}.{name}"), key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitor": "val_loss"}, r"arguments\.monitor=val_loss: must be one of .*val/loss"),
        (
            {"monitor": "val/translation/builtin_en_zh/bleu"},
            r"arguments\.mode=min: must be max: of val/translation/builtin_en_zh/bleu, more is",
        ),
        ({"monitor": "val/loss", "mode": "max"}, r"arguments\.mode=max: must be min: of val/loss"),
        ({"monitor": "val/metric"}, r"arguments\.mode=min: must be max"),
        (
            {"monitor": "val/loss", "check_on_train_epoch_end": True},
            r"arguments\.check_on_train_epoch_end=True: must be left out",
        ),
    ],
)
def test_what_a_callback_cannot_monitor_is_said_before_the_first_stage(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    config = composed(*BASE, f"artifacts_root={tmp_path}")
    target = "lightning.pytorch.callbacks.EarlyStopping"
    config.callbacks = {"stop": ThirdParty(target=target, arguments=arguments)}

    with pytest.raises(ConfigError, match=rf"callbacks\.stop\.{message}"):
        preflight(config)
