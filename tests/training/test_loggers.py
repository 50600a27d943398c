"""Trackers get what metrics.csv has, are built from a list alone, and cannot harm a training."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import lightning.pytorch.loggers
import pytest

from made_training import curve, small_config, train
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, ThirdParty, third_party
from mtnlg.config.third_party import build, check_third_party
from mtnlg.errors import ConfigError
from mtnlg.training import train_model

FAKE = "lightning.pytorch.loggers.FakeLogger"


class FakeLogger:
    """Remembers its calls; raises at the call that it was told to fail at."""

    made: list[FakeLogger] = []

    def __init__(self, folder: str, fails_at: str = "") -> None:
        self.folder, self.fails_at = folder, fails_at
        self.settings: dict[str, Any] = {}
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.status = ""
        FakeLogger.made.append(self)
        self._fail("init")

    def _fail(self, call: str) -> None:
        if self.fails_at == call:
            raise OSError(f"the server of {call} is down\nand more")

    def log_hyperparams(self, settings: dict[str, Any]) -> None:
        self._fail("settings")
        self.settings = settings

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self._fail(f"step {step}")
        self.rows.append((step, values))

    def finalize(self, status: str) -> None:
        self._fail("end")
        self.status = status


@pytest.fixture(autouse=True)
def allowed_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeLogger, "__module__", "lightning.pytorch.loggers.fake")
    monkeypatch.setattr(FakeLogger, "made", [])
    monkeypatch.setattr(lightning.pytorch.loggers, "FakeLogger", FakeLogger, raising=False)


def fake(**arguments: object) -> ThirdParty:
    return ThirdParty(target=FAKE, arguments={"folder": "{run_folder}", **arguments})


def logging(**loggers: ThirdParty) -> Config:
    config = small_config()
    config.logger = loggers
    return config


def test_tracker_gets_settings_and_every_line_of_the_metrics(prepared: Any, tmp_path: Path) -> None:
    """Oracle: metrics.csv."""
    folder = train(prepared, logging(one=fake()), tmp_path / "model")

    (logger,) = FakeLogger.made
    expected = [
        (int(row["step"]), {name: float(row[name]) for name in row if row[name] and name != "step"})
        for row in curve(folder)
    ]
    assert logger.rows == expected
    assert logger.folder == str(tmp_path / "model")
    assert logger.settings["trainer.max_steps"] == 8
    assert logger.settings["tasks.forward.kind"] == "translation"
    assert logger.settings["trainer.max_minutes"] == "None"
    assert logger.status == "success"


@pytest.mark.parametrize("call", ["init", "settings", "step 4", "end"])
def test_failing_tracker_is_switched_off_with_one_warning_and_changes_nothing(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], call: str
) -> None:
    """Oracle: the weights of a training without trackers; the other tracker goes on."""
    plain = train(prepared, small_config(), tmp_path / "plain")
    capsys.readouterr()

    logged = train(prepared, logging(bad=fake(fails_at=call), good=fake()), tmp_path / "logged")

    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert warnings == [
        f"warning: logger.bad is switched off: OSError: the server of {call} is down"
    ]
    assert file_sha256(logged / "model.safetensors") == file_sha256(plain / "model.safetensors")
    assert FakeLogger.made[-1].status == "success"
    assert len(FakeLogger.made[-1].rows) == len(curve(logged))


def test_failed_training_is_told_to_the_tracker(prepared: Any, tmp_path: Path) -> None:
    config = logging(one=fake())
    config.optimizer.learning_rate, config.optimizer.clip_norm = 1e30, 0.0

    with pytest.raises(RuntimeError, match="the loss is"):
        train(prepared, config, tmp_path / "model")

    assert FakeLogger.made[0].status == "failed"


def test_lightnings_own_csv_logger_writes_the_same_numbers(prepared: Any, tmp_path: Path) -> None:
    """Oracle: metrics.csv, against a tracker that is not ours."""
    target = "lightning.pytorch.loggers.CSVLogger"
    arguments = {"save_dir": "{run_folder}", "name": "csv", "version": ""}
    config = logging(csv=ThirdParty(target=target, arguments=arguments))
    run_folder = tmp_path / "experiment" / "run"
    (tmp_path / "model").mkdir()

    train_model(
        config,
        prepared.data,
        tokenizer_file=prepared.tokenizer_file,
        folder=tmp_path / "model",
        run_folder=run_folder,
    )

    with (run_folder / "csv" / "metrics.csv").open(newline="") as stream:
        theirs = [row for row in csv.DictReader(stream) if row["train_loss"]]
    ours = [row for row in curve(tmp_path / "model") if row["train_loss"]]
    assert [float(row["train_loss"]) for row in theirs] == [
        float(row["train_loss"]) for row in ours
    ]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "os.system",
            r"logger\.x\.target=os\.system: must be lightning\.pytorch\.loggers\.<class>",
        ),
        ("builtins.open", "nothing else is ever built"),
        ("lightning.pytorch.loggers.csv_logs.os.system", "no such class"),
        ("lightning.pytorch.loggers.csv_logs.rank_zero_only", "no class of"),
        ("lightning.pytorch.loggers.csv_logs.Namespace", "no class of"),
        ("lightning.pytorch.loggers.TensorBordLogger", "no such class"),
    ],
)
def test_only_classes_of_the_list_are_built(target: str, message: str) -> None:
    one = ThirdParty(target=target)

    with pytest.raises(ConfigError, match=message):
        check_third_party(one, "logger.x")
    with pytest.raises(ConfigError, match=message):
        build(one, "logger.x", {})


def test_argument_that_the_class_does_not_take_is_named() -> None:
    with pytest.raises(ConfigError, match=r"logger\.x\.arguments: .*'color'"):
        build(fake(color="red"), "logger.x", {})


@pytest.mark.parametrize(
    ("name", "extra"),
    [("TensorBoardLogger", "tensorboard"), ("MLFlowLogger", "mlflow"), ("WandbLogger", "wandb")],
)
def test_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    monkeypatch.setattr(third_party, "find_spec", lambda _: None)
    one = ThirdParty(target=f"lightning.pytorch.loggers.{name}")

    with pytest.raises(ConfigError, match=rf"not installed; pip install 'mtnlg\[{extra}\]'"):
        check_third_party(one, "logger.x")


def test_profile_is_written_beside_the_model(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the operations that such a training cannot do without."""
    config = small_config(max_steps=6, validate_every_steps=6, has_profile=True)

    folder = train(prepared, config, tmp_path / "key.partial")

    text = (folder / "profile.txt").read_text()
    assert text.startswith("4 micro-batches after 2")
    assert "aten::addmm" in text
    assert "Optimizer.step#AdamW.step" in text
    assert (
        f"profile of 4 micro-batches: {tmp_path / 'key' / 'profile.txt'}" in capsys.readouterr().err
    )


def test_training_too_short_for_a_profile_says_so(
    prepared: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(prepared, small_config(max_steps=2, has_profile=True), tmp_path / "model")

    assert "warning: no profile: fewer than 3 micro-batches" in capsys.readouterr().err
