"""A COMET model's folder as Unbabel publishes it: its settings, its weights and its encoder.

It holds hparams.yaml, the weights (checkpoints/model.safetensors or model.ckpt) and, in encoder/,
config.json and tokenizer.json of the encoder that hparams.yaml names. No code of it is run.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.learned.comet_network import CometSettings
from mtnlg.learned.encoder import NO_TRANSFORMERS, check_weights
from mtnlg.records.transformers_folder import import_transformers, opened

MODELS = {"regression_metric": "wmt22-comet-da", "unified_metric": "wmt22-cometkiwi-da"}
"""Class of a model, in hparams.yaml, and one of Unbabel's models of it."""
ENCODERS = {"XLM-RoBERTa": "XLMRoberta", "XLM-RoBERTa-XL": "XLMRobertaXL"}
"""Kind of an encoder, in hparams.yaml, and how its classes begin in transformers."""
ENCODER_FOLDER = "encoder"
HPARAMS_FILE = "hparams.yaml"
PREFIX = "encoder.model."
"""How the encoder's weights begin."""
PARTS = (PREFIX, "layerwise_attention.", "estimator.")
"""Beginnings of the weights that a score needs; others tag words."""
UNUSED = (f"{PREFIX}pooler.", f"{PREFIX}embeddings.position_ids", "layerwise_attention.dropout_")
"""Beginnings of those among them that it does not."""
CONVERSION = (
    "import torch; from safetensors.torch import save_file; "
    "save_file(torch.load('model.ckpt', 'cpu', weights_only=False)['state_dict'], "
    "'model.safetensors')"
)
"""Python for a pickle that a user trusts, as it runs what that holds."""


def read_hparams(folder: Path, class_identifier: str) -> dict[str, Any]:
    """What hparams.yaml says; raises ConfigError where the model is of another class."""
    path, name = folder / HPARAMS_FILE, MODELS[class_identifier]
    try:
        hparams: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ArtifactError(
            f"{path} is not there; hf download Unbabel/{name} --local-dir FOLDER writes it"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: is no YAML ({' '.join(str(error).split())[:200]})") from None
    actual = hparams.get("class_identifier") if isinstance(hparams, dict) else None
    if actual != class_identifier:
        raise ConfigError(
            f"{path}: class_identifier is {actual!r}; must be {class_identifier}, as of {name}"
        )
    if "src" not in hparams.get("input_segments", ["src"]):
        raise ConfigError(f"{path}: input_segments lack src; give a model that reads the source")
    return hparams


def make_settings(hparams: Mapping[str, Any], saved: Mapping[str, Any]) -> CometSettings:
    """The settings that the weights were saved with, or else those of hparams.yaml."""
    values = {"class_identifier": hparams["class_identifier"], **(saved or hparams)}
    if values["class_identifier"] == "unified_metric":
        defaults = {"layer_transformation": "sparsemax", "sent_layer": "mix"}
        values = defaults | values
        values |= {"layer": values["sent_layer"], "pool": "cls"}
    if "sparsemax_patch" in (
        hparams.get("layer_transformation"),
        values.get("layer_transformation"),
    ):
        values["layer_transformation"] = "softmax"  # what CometKiwi was trained with; COMET #195
    known = {field.name for field in fields(CometSettings)}
    return CometSettings(**{name: values[name] for name in known & set(values)})


def read_weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any], Path]:
    """The weights of a score, the settings saved with them, which may be none, and the file.

    Raises ArtifactError for a file that is missing, broken, or holds more than weights.
    """
    path = folder / "checkpoints" / "model.safetensors"
    try:
        if path.is_file():
            return _parts(load_file(path)), {}, path
        path = path.with_suffix(".ckpt")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        weights = _parts(checkpoint["state_dict"])
        return weights, dict(checkpoint.get("hyper_parameters") or {}), path
    except FileNotFoundError:
        raise ArtifactError(
            f"{path} is not there, nor is model.safetensors; download the model again"
        ) from None
    except (pickle.UnpicklingError, SafetensorError, KeyError, RuntimeError, EOFError) as error:
        if refused := re.search(r"GLOBAL (\S+)", str(error)):
            raise ArtifactError(
                f"{path}: is a pickle that holds {refused[1]} beside weights, and so could run "
                f'code; if you trust it, convert it once in {path.parent}: python -c "{CONVERSION}"'
            ) from None
        raise ArtifactError(
            f"{path}: holds no weights of COMET ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); download it again"
        ) from None


def read_encoder(
    folder: Path, settings: CometSettings, weights: Mapping[str, Tensor], path: Path
) -> tuple[Tokenizer, Any]:
    """The tokenizer and the encoder, with those of the weights that are its own."""
    transformers, encoder = import_transformers(NO_TRANSFORMERS), folder / ENCODER_FOLDER
    if not (encoder / "config.json").is_file() or not (encoder / "tokenizer.json").is_file():
        name = settings.pretrained_model or "the encoder"
        raise ArtifactError(
            f"{encoder}: needs config.json and tokenizer.json of {name}; "
            f"hf download {name} config.json tokenizer.json --local-dir {encoder} "
            "(the tokenizer.json of InfoXLM is that of FacebookAI/xlm-roberta-large)"
        )
    if settings.encoder_model not in ENCODERS:
        raise ConfigError(
            f"{folder / HPARAMS_FILE}: encoder_model is {settings.encoder_model!r}; known: "
            f"{', '.join(ENCODERS)}"
        )
    kind = ENCODERS[settings.encoder_model]
    part = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in weights.items()
        if name.startswith(PREFIX)
    }

    def load() -> tuple[Tokenizer, Any]:
        config = getattr(transformers, f"{kind}Config").from_pretrained(encoder)
        tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
        return tokenizer, getattr(transformers, f"{kind}Model").from_pretrained(
            None,
            config=config,
            state_dict=part,
            dtype=torch.float32,
            add_pooling_layer=False,
            output_loading_info=True,
        )

    tokenizer, (model, info) = opened(encoder, load)
    check_weights(sorted(info["missing_keys"]), sorted(info["unexpected_keys"]), path)
    ids, config = tokenizer.get_vocab(), model.config
    if (
        ids.get("<pad>") != config.pad_token_id
        or not {"</s>"} <= set(ids)
        or len(ids) > config.vocab_size
    ):
        raise ArtifactError(f"{encoder}: tokenizer.json and config.json are of different encoders")
    return tokenizer, model


def _parts(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor
        for name, tensor in weights.items()
        if name.startswith(PARTS) and not name.startswith(UNUSED)
    }
