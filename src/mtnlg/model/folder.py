"""A model as a folder: config.json and model.safetensors, nothing that could be executed."""

from __future__ import annotations

import dataclasses
from enum import Enum
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mtnlg.config import FeedForward, ModelConfig, Normalization, PositionEncoding
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.model.transformer import Transformer
from mtnlg.records.files import JsonObject, read_json, write_json

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
MODEL_TYPE = "megatron_turing"
ENUMS: dict[str, type[Enum]] = {
    "normalization": Normalization,
    "position_encoding": PositionEncoding,
    "feed_forward": FeedForward,
}


def save_model(folder: Path, model: Transformer) -> None:
    """Write config.json and model.safetensors; tied weights are stored once."""
    folder.mkdir(parents=True, exist_ok=True)
    body = {name: _plain(value) for name, value in dataclasses.asdict(model.config).items()}
    document = {"model_type": MODEL_TYPE, "vocabulary_size": model.vocabulary_size, "model": body}
    write_json(folder / CONFIG_FILE, document)
    save_file(weights_of(model), folder / WEIGHTS_FILE, metadata={"format": "pt"})


def weights_of(model: Transformer) -> dict[str, torch.Tensor]:
    """The state dict without the second name of a tied weight, contiguous, on the CPU."""
    state = model.state_dict()
    if model.config.is_embedding_tied:
        del state["unembedding.weight"]
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def load_model(folder: Path) -> Transformer:
    """The model in evaluation mode; raises ArtifactError naming file and cause where the folder is
    not one of ours.
    """
    document = read_json(folder / CONFIG_FILE)
    if document.get("model_type") != MODEL_TYPE:
        raise ArtifactError(
            f"{folder / CONFIG_FILE}: model_type is {document.get('model_type')!r}, "
            f"not {MODEL_TYPE!r}"
        )
    vocabulary_size = document.get("vocabulary_size")
    if not isinstance(vocabulary_size, int):
        raise ArtifactError(
            f"{folder / CONFIG_FILE}: vocabulary_size is {vocabulary_size!r}, not a whole number"
        )
    model = Transformer(_model_config(folder, document), vocabulary_size)
    load_weights(model, folder / WEIGHTS_FILE)
    return model.eval()


def load_weights(model: Transformer, path: Path) -> None:
    """Copy a safetensors file into the model; raises ArtifactError where names or shapes differ."""
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{path}: cannot be read ({error})") from None
    expected = weights_of(model)
    wrong = sorted(
        name
        for name in {*state, *expected}
        if name not in state or name not in expected or state[name].shape != expected[name].shape
    )
    if wrong:
        raise ArtifactError(
            f"{path}: does not fit {CONFIG_FILE} beside it; names or shapes differ: {wrong[:5]}"
        )
    model.load_state_dict(state, strict=not model.config.is_embedding_tied)


def _model_config(folder: Path, document: JsonObject) -> ModelConfig:
    body = document.get("model")
    try:
        assert isinstance(body, dict), "no 'model' object"
        values = {
            name: ENUMS[name][str(value)] if name in ENUMS else value
            for name, value in body.items()
        }
        return ModelConfig(**values)  # type: ignore[arg-type]
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{folder / CONFIG_FILE}: not a model configuration of this version ({error})"
        ) from None


def _plain(value: object) -> object:
    return value.name if isinstance(value, Enum) else value


BY_TOKEN = ("token_embedding.weight", "unembedding.weight")
"""Weights with a row for each token."""


def start_from(model: Transformer, folder: Path) -> None:
    """Copy a model folder's weights into the model; tokens that it does not have, which come last,
    keep their random rows.

    Raises ConfigError naming the first weight that differs in shape.
    """
    path = folder / WEIGHTS_FILE
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{path}: cannot be read ({error})") from None
    fresh = weights_of(model)
    for name in BY_TOKEN:
        if name in state and name in fresh and state[name].shape[1:] == fresh[name].shape[1:]:
            state[name] = torch.cat([state[name], fresh[name][len(state[name]) :]])
    for name in sorted({*state, *fresh}):
        theirs, ours = (_shape(weights.get(name)) for weights in (state, fresh))
        if theirs != ours:
            raise ConfigError(
                f"initial_model={folder}: {name} is {theirs} there and {ours} in the model that is "
                "configured; give the same model.*"
            )
    model.load_state_dict(state, strict=not model.config.is_embedding_tied)


def _shape(weight: torch.Tensor | None) -> str:
    return "absent" if weight is None else " x ".join(map(str, weight.shape))
