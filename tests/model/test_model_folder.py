"""A model's folder gives the same model back, and anything else is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtnlg.config import FeedForward, ModelConfig, Normalization, PositionEncoding
from mtnlg.errors import ArtifactError
from mtnlg.model import Transformer, load_model, save_model

IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


def tied() -> Transformer:
    config = ModelConfig(name="gpt", num_layers=2, hidden_size=21, num_heads=3, context_length=13)
    return Transformer(config, 37).eval()


def untied() -> Transformer:
    config = ModelConfig(
        name="modern",
        num_layers=1,
        hidden_size=60,
        num_heads=6,
        num_key_value_heads=2,
        context_length=13,
        normalization=Normalization.rms_norm,
        position_encoding=PositionEncoding.rotary,
        feed_forward=FeedForward.swiglu,
        has_bias=False,
        is_embedding_tied=False,
    )
    return Transformer(config, 37).eval()


@pytest.mark.parametrize("make", [tied, untied])
@torch.inference_mode()
def test_loaded_model_has_equal_logits(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model = make()
    save_model(tmp_path, model)

    loaded = load_model(tmp_path)

    assert loaded.config == model.config
    assert not loaded.training
    assert torch.equal(loaded(IDS), model(IDS))


def test_tied_weight_is_stored_once(tmp_path: Path) -> None:
    save_model(tmp_path, tied())

    assert "unembedding.weight" not in load_file(tmp_path / "model.safetensors")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path, tied())
    path = tmp_path / "model.safetensors"
    state = load_file(path)
    state["final_norm.weight"] = torch.ones(22)
    save_file(state, path)

    with pytest.raises(ArtifactError, match=r"model\.safetensors.*final_norm\.weight"):
        load_model(tmp_path)


def test_missing_weight_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path, tied())
    path = tmp_path / "model.safetensors"
    state = load_file(path)
    del state["blocks.1.attention.output.bias"]
    save_file(state, path)

    with pytest.raises(ArtifactError, match=r"blocks\.1\.attention\.output\.bias"):
        load_model(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_weights_are_refused(share: float, tmp_path: Path) -> None:
    save_model(tmp_path, tied())
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(ArtifactError, match=r"model\.safetensors: cannot be read"):
        load_model(tmp_path)


def test_pickle_in_place_of_weights_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path, tied())
    torch.save({"weight": torch.ones(3)}, tmp_path / "model.safetensors")

    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"vocabulary_size": "many"}, "vocabulary_size is 'many'"),
        ({"schema_version": 999}, "999 is newer"),
        ({"model": {"num_layers": 2}}, "not a model configuration"),
        ({"model": None}, "not a model configuration"),
    ],
)
def test_configuration_that_is_not_ours_is_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    save_model(tmp_path, tied())
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(ArtifactError, match=message):
        load_model(tmp_path)


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"config\.json: no such file"):
        load_model(tmp_path)
