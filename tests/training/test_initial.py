"""Starting from other weights and leaving some as they are: what changes, and what does not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from made_training import small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, TrainerConfig
from mtnlg.errors import ConfigError
from mtnlg.model import Transformer, save_model
from mtnlg.model.folder import read_license, write_license
from mtnlg.model.initial import check_frozen, freeze, start_from
from mtnlg.training.module import build_optimizer


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.fixture
def start(prepared: Any, tmp_path: Path) -> Path:
    """A model folder with random weights of another seed, and three tokens fewer."""
    torch.manual_seed(31)
    model = Transformer(prepared.config.model, prepared.tokenizer.vocabulary_size - 3)
    save_model(tmp_path / "start", model)
    return tmp_path / "start"


def test_weights_are_the_folders_and_new_tokens_keep_their_random_rows(
    prepared: Any, start: Path
) -> None:
    """Oracle: both state dicts."""
    torch.manual_seed(5)
    model = Transformer(prepared.config.model, prepared.tokenizer.vocabulary_size)
    before = model.token_embedding.weight.detach().clone()

    start_from(model, start)

    given = weights(start)
    state = model.state_dict()
    assert torch.equal(state["token_embedding.weight"][:-3], given.pop("token_embedding.weight"))
    assert torch.equal(state["token_embedding.weight"][-3:], before[-3:])
    assert torch.equal(model.unembedding.weight, model.token_embedding.weight)
    assert all(torch.equal(state[name], value) for name, value in given.items())


def test_untied_unembedding_grows_as_well(prepared: Any, tmp_path: Path) -> None:
    config = dataclasses.replace(prepared.config.model, is_embedding_tied=False)
    other = Transformer(config, 11)
    save_model(tmp_path, other)
    model = Transformer(config, 13)

    start_from(model, tmp_path)

    assert torch.equal(model.unembedding.weight[:11], other.unembedding.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_layers": 3}, r"blocks\.2\.attention\.output\.bias is absent there and 12 in"),
        ({"hidden_size": 15}, r"blocks\.0\.attention\.output\.bias is 12 there and 15 in"),
        ({"context_length": 64}, r"position_embedding\.weight is 48 x 12 there and 64 x 12 in"),
    ],
)
def test_weights_of_another_shape_are_refused_by_name(
    prepared: Any, start: Path, changes: dict[str, int], message: str
) -> None:
    config = dataclasses.replace(prepared.config.model, **changes)

    with pytest.raises(ConfigError, match=rf"initial_model=.*start: {message}.*model\.\*"):
        start_from(Transformer(config, prepared.tokenizer.vocabulary_size), start)


def starting(start: Path, **trainer: object) -> Config:
    config = small_config(**trainer)
    config.initial_model = str(start)
    return config


def test_first_step_moves_the_folders_weights_and_no_others(
    prepared: Any, start: Path, tmp_path: Path
) -> None:
    """A step of AdamW moves a weight by the learning rate at most, and by its decay. Their license
    goes with them.
    """
    write_license(start, "CC0: none")
    config = starting(start, max_steps=1)
    config.optimizer.learning_rate = 1e-5

    folder = train(prepared, config, tmp_path / "model")

    trained = weights(folder)
    assert read_license(folder) == "CC0: none"
    for name, value in weights(start).items():
        assert torch.allclose(trained[name][: len(value)], value, rtol=0, atol=1.1e-5)


FROZEN = ["token_embedding", "blocks.0", "*.feed_forward.output.*"]


def is_frozen(name: str) -> bool:
    return name.startswith(("token_embedding.", "blocks.0.")) or ".feed_forward.output." in name


def test_frozen_parameters_stay_bit_for_bit_and_the_others_move(
    prepared: Any, start: Path, tmp_path: Path
) -> None:
    """Oracle: the folder's weights; new tokens' rows are not compared."""
    trained = weights(train(prepared, starting(start, frozen=FROZEN), tmp_path / "model"))

    for name, value in weights(start).items():
        assert torch.equal(trained[name][: len(value)], value) is is_frozen(name), name


def test_resumed_training_with_start_and_frozen_parts_is_bit_for_bit_the_same(
    prepared: Any, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = starting(start, frozen=FROZEN)
    whole = train(prepared, config, tmp_path / "whole")
    train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=5)
    resumed = train(prepared, config, tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")


def test_optimizer_does_not_hold_frozen_parameters(prepared: Any) -> None:
    model = Transformer(prepared.config.model, 11)
    names = {id(parameter): name for name, parameter in model.named_parameters()}

    frozen = freeze(model, FROZEN)

    groups = build_optimizer(model, prepared.config.optimizer).param_groups
    held = {names[id(parameter)] for group in groups for parameter in group["params"]}
    assert set(frozen) == {name for name in names.values() if is_frozen(name)}
    assert held == set(names.values()) - set(frozen)


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["blocks.00"], r"trainer\.frozen has 'blocks\.00'.*did you mean 'blocks\.0'\?"),
        (["blocks.2"], r"known: token_embedding, position_embedding, blocks\.0, blocks\.1, final_"),
        (["block"], r"'block', which names no parameter"),
        (["attention"], r"blocks\.0\.attention\.query_key_value\.weight"),
        (["*"], r"trainer\.frozen=\['\*'\]: nothing would be left to train"),
    ],
)
def test_pattern_that_freezes_nothing_or_everything_is_refused(
    prepared: Any, patterns: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_frozen(prepared.config.model, patterns)


def test_no_pattern_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.frozen=\[\]: must be names of parameters"):
        TrainerConfig(frozen=[])
