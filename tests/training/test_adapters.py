"""Training adapters of an initial model: what moves, what is written, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from made_training import curve, record_of, small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, LoraConfig
from mtnlg.errors import ConfigError
from mtnlg.experiment.preflight import _check_adapters
from mtnlg.model import Transformer, load_model, save_model
from mtnlg.model.initial import start_from
from mtnlg.model.lora import load_adapters
from mtnlg.training.objective import count_flops

OPTIONS: dict[str, dict[str, object]] = {
    "plain": {},
    "moving average": {"ema_decay": 0.9},
    "mean of the last": {"average_last": 2, "validate_every_steps": 2},
    "recomputed blocks": {"activation_checkpointing": True},
}


@pytest.fixture
def start(prepared: Any, tmp_path: Path) -> Path:
    """A model folder with random weights, and three tokens fewer."""
    torch.manual_seed(31)
    size = prepared.tokenizer.vocabulary_size - 3
    save_model(tmp_path / "start", Transformer(prepared.config.model, size))
    return tmp_path / "start"


def adapting(start: Path, *, rank: int = 2, **trainer: object) -> Config:
    config = small_config(**trainer)
    config.initial_model, config.lora = str(start), LoraConfig(rank=rank, dropout=0.2)
    return config


@pytest.mark.parametrize("option", OPTIONS)
def test_model_folder_is_the_initial_model_with_its_adapters(
    prepared: Any, start: Path, tmp_path: Path, option: str
) -> None:
    """Oracle: the initial weights with the adapters of the folder beside them."""
    folder = train(prepared, adapting(start, **OPTIONS[option]), tmp_path / "model")

    merged = load_model(folder)
    unmerged = load_model(folder)
    start_from(unmerged, start)  # the rows of new tokens stay
    load_adapters(folder, unmerged)
    ids = torch.tensor([[5, 9, 4, 7], [3, 8, 6, 11]])
    torch.testing.assert_close(unmerged.eval()(ids), merged(ids), atol=1e-5, rtol=1e-5)
    trained, initial = merged.state_dict(), load_file(start / "model.safetensors")
    for name, weight in initial.items():
        is_adapted = name.startswith("blocks.") and name.endswith(".weight") and "norm" not in name
        assert torch.equal(trained[name][: len(weight)], weight) is not is_adapted, name


@pytest.mark.parametrize("option", OPTIONS)
def test_stopped_training_of_adapters_ends_as_an_undisturbed_one(
    prepared: Any, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """Oracle: an undisturbed training, bit for bit."""
    config = adapting(start, **OPTIONS[option])
    whole = train(prepared, config, tmp_path / "whole")
    train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=5)
    resumed = train(prepared, config, tmp_path / "resumed")

    for name in ("model.safetensors", "adapter.safetensors", "adapter.json"):
        assert file_sha256(resumed / name) == file_sha256(whole / name), name
    assert record_of(resumed) == record_of(whole)


def test_cost_counts_adapters_apart(prepared: Any, start: Path, tmp_path: Path) -> None:
    """Oracle: R (I + O) by hand, and the FLOPs of all weights."""
    folder = train(prepared, adapting(start), tmp_path / "adapted")
    full = small_config()
    full.initial_model = str(start)
    whole = record_of(train(prepared, full, tmp_path / "full"))

    record = record_of(folder)

    per_block = 2 * (3 * (12 + 12) + (12 + 12) + (12 + 48) + (48 + 12))
    assert record["trained_parameters"] == 2 * per_block
    assert whole["trained_parameters"] == whole["parameters"] == record["parameters"]
    settings = {"lengths": [7, 5], "num_labels": 4}
    model, size = prepared.config.model, prepared.tokenizer.vocabulary_size
    once = count_flops(model, size, **settings)  # type: ignore[arg-type]
    scores = 3 * 4 * model.num_layers * model.hidden_size * (7**2 + 5**2)
    expected = scores + (once - scores) * 2 / 3 + 6 * 2 * per_block * 12
    adapted = count_flops(model, size, num_adapted=2 * per_block, **settings)  # type: ignore[arg-type]
    assert adapted == pytest.approx(expected)
    assert float(str(record["training_flops"])) < float(str(whole["training_flops"]))


def test_first_loss_is_that_of_the_initial_model(
    prepared: Any, start: Path, tmp_path: Path
) -> None:
    """Oracle: the first loss where all weights are trained; adapters begin at nothing."""
    full = small_config()
    full.initial_model, full.model.dropout = str(start), 0.0
    config = adapting(start)
    config.lora.dropout, config.model.dropout = 0.0, 0.0

    adapted = curve(train(prepared, config, tmp_path / "adapted"))
    whole = curve(train(prepared, full, tmp_path / "full"))

    assert float(adapted[0]["train_loss"]) == pytest.approx(float(whole[0]["train_loss"]), abs=2e-4)
    assert adapted[-2]["train_loss"] != whole[-2]["train_loss"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial_model": None}, r"initial_model=null: lora\.rank=2 adapts .* give its folder"),
        ({"frozen": ["blocks.0"]}, r"trainer\.frozen=\['blocks\.0'\]: with lora\.rank=2 all but"),
        ({"targets": ["gate_proj"]}, r"lora\.targets has 'gate_proj'"),
    ],
)
def test_what_does_not_go_with_adapters_is_refused(
    start: Path, change: dict[str, Any], message: str
) -> None:
    """Oracle: the message by hand."""
    config = adapting(start)
    config.initial_model = change.get("initial_model", str(start))
    config.trainer.frozen, config.lora.targets = change.get("frozen"), change.get("targets")

    with pytest.raises(ConfigError, match=message):
        _check_adapters(config)
