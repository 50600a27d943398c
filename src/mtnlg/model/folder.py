"""A model as a folder: config.json and model.safetensors, nothing that could be executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from mtnlg.config import ModelConfig
from mtnlg.config.model import without_unused
from mtnlg.errors import ArtifactError
from mtnlg.model.transformer import Transformer
from mtnlg.records.codec import decode_settings
from mtnlg.records.files import read_json, write_json, write_text

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
MODEL_TYPE = "megatron_turing"


def save_model(folder: Path, model: Transformer) -> None:
    """Write config.json and model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "model_type": MODEL_TYPE,
        "vocabulary_size": model.vocabulary_size,
        "model": without_unused(msgspec.to_builtins(model.config)),
    }
    write_json(folder / CONFIG_FILE, document)
    save_file(weights_of(model), folder / WEIGHTS_FILE, metadata={"format": "pt"})


def weights_of(model: Transformer) -> dict[str, torch.Tensor]:
    """The weights, contiguous and on the CPU; a tied weight has only its first name."""
    state = model.state_dict()
    if model.config.is_embedding_tied:
        del state["unembedding.weight"]
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def read_license(folder: Path) -> str | None:
    """The license at the head of a folder's model card, as the hub has it; None without one."""
    card = folder / CARD_FILE
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    try:
        fields = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        return None
    name = fields.get("license") if isinstance(fields, dict) else None
    return name if isinstance(name, str) else None


def write_license(folder: Path, name: str | None) -> None:
    """Write the head of a model card, or nothing where no license is known."""
    if name is not None:
        text = yaml.safe_dump({"license": name}, allow_unicode=True)
        write_text(folder / CARD_FILE, f"---\n{text}---\n")


def load_model(folder: Path) -> Transformer:
    """The model in evaluation mode; raises ArtifactError, with file and cause, if the folder is not
    one of ours.
    """
    path = folder / CONFIG_FILE
    document = read_json(path)
    model_type, vocabulary_size = document.get("model_type"), document.get("vocabulary_size")
    if model_type != MODEL_TYPE:
        raise ArtifactError(f"{path}: model_type is {model_type!r}, not {MODEL_TYPE!r}")
    if not isinstance(vocabulary_size, int):
        raise ArtifactError(f"{path}: vocabulary_size is {vocabulary_size!r}, not a whole number")
    try:
        config = decode_settings(document.get("model"), ModelConfig)
    except ArtifactError as error:
        raise ArtifactError(
            f"{path}: not a model configuration of this version ({error})"
        ) from None
    _check_shapes(config, vocabulary_size, folder / WEIGHTS_FILE)
    model = Transformer(config, vocabulary_size)
    load_weights(model, folder / WEIGHTS_FILE)
    return model.eval()


def _check_shapes(config: ModelConfig, vocabulary_size: int, path: Path) -> None:
    """Raise ArtifactError for sizes that the weights do not have, before any memory is taken."""
    try:
        with safe_open(path, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{path}: cannot be read ({error})") from None
    blocks = {name.split(".")[1] for name in shapes if name.startswith("blocks.")}
    if len(blocks) != config.num_layers:
        num_layers = f"num_layers is {config.num_layers}, and the weights have {len(blocks)}"
        raise ArtifactError(f"{path}: does not fit {CONFIG_FILE} beside it; {num_layers}")
    try:
        with torch.device("meta"):
            state = Transformer(config, vocabulary_size).state_dict()
    except (RuntimeError, TypeError, OverflowError) as error:
        cause = str(error).splitlines()[0]
        raise ArtifactError(
            f"{path.with_name(CONFIG_FILE)}: sizes that no tensor has ({cause}); it is damaged"
        ) from None
    if config.is_embedding_tied:
        del state["unembedding.weight"]
    _check_fit(path, shapes, {name: tuple(tensor.shape) for name, tensor in state.items()})


def _check_fit(
    path: Path, shapes: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> None:
    wrong = [name for name, _ in sorted({*shapes.items()} ^ {*expected.items()})]
    if wrong:
        raise ArtifactError(
            f"{path}: does not fit {CONFIG_FILE} beside it; names or shapes differ: "
            f"{[*dict.fromkeys(wrong)][:5]}"
        )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file; raises ArtifactError if it cannot be read."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{path}: cannot be read ({error})") from None


def load_weights(model: Transformer, path: Path) -> None:
    """Copy a safetensors file into the model; raises ArtifactError if names or shapes differ."""
    state, expected = read_weights(path), weights_of(model)
    shapes, wanted = (
        {name: tuple(tensor.shape) for name, tensor in weights.items()}
        for weights in (state, expected)
    )
    _check_fit(path, shapes, wanted)
    model.load_state_dict(state, strict=not model.config.is_embedding_tied)
