"""The model folder that a training starts from: its identity, its fit, its tokenizer."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from mtnlg.artifacts.store import RECORD_FILE, file_sha256, verify_artifact
from mtnlg.config import Config, DistillationKind, ModelConfig, PositionEncoding, plain_settings
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.records.files import JsonObject, read_json
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

logger = logging.getLogger(__name__)

CONFIG_FILE = "config.json"
FILES = (CONFIG_FILE, "model.safetensors", TOKENIZER_FILE)
MAY_DIFFER = ("name", "initial_deviation", "is_prefix_bidirectional")
"""Settings, beside dropout, that two models with the same weights need not share."""


def initial_inputs(config: Config) -> JsonObject:
    """The files of the initial model in a key, by content, and its adapters; empty where there is
    none.
    """
    if config.initial_model is None:
        return {}
    folder = _existing(config.initial_model)
    inputs: JsonObject = {"initial_model": {name: file_sha256(folder / name) for name in FILES}}
    if config.lora.rank is not None:
        inputs["lora"] = plain_settings(config.lora)
    return inputs


def tokenizer_source(config: Config) -> Path | None:
    """The folder of the tokenizer: the initial model, or a teacher whose logits are learned; None
    where a tokenizer is trained.
    """
    if config.initial_model is not None:
        return _existing(config.initial_model)
    has_teachers = config.distilled is DistillationKind.logits
    return Path(str(config.distillation.teacher)) if has_teachers else None


def initial_tokenizer(config: Config) -> JsonObject:
    """The tokenizer that is taken over in a key, by content; empty where one is trained."""
    source = tokenizer_source(config)
    if source is None:
        return {}
    return {"initial_model": {TOKENIZER_FILE: file_sha256(source / TOKENIZER_FILE)}}


def check_initial_model(config: Config) -> None:
    """Raise ConfigError naming the settings in which the folder's model differs from ours."""
    if config.initial_model is None:
        return
    folder = _existing(config.initial_model)
    if (folder / RECORD_FILE).is_file():
        verify_artifact(folder)
    body = read_json(folder / CONFIG_FILE).get("model")
    if not isinstance(body, dict):
        raise ArtifactError(
            f"{folder / CONFIG_FILE}: no object 'model'; for a model of others use model=pretrained"
        )
    theirs, ours = _settings(body), _settings(_plain(config.our_model))
    differing = [name for name in ours if theirs.get(name) != ours[name]]
    if differing:
        given = ", ".join(f"model.{name}={ours[name]}" for name in differing)
        needed = " ".join(f"model.{name}={theirs.get(name)}" for name in differing)
        raise ConfigError(f"{given}: initial_model={folder} was trained with {needed}; give those")
    dropout = config.trainer.bpe_dropout
    if dropout is not None and not TextTokenizer.load(folder / TOKENIZER_FILE).has_merges:
        raise ConfigError(
            f"trainer.bpe_dropout={dropout}: the tokenizer of initial_model={folder} has no merges "
            "to leave out; use trainer.bpe_dropout=null"
        )
    logger.info(f"tokenizer.*: not used, the tokenizer is that of initial_model={folder}")


def write_initial_tokenizer(source: Path, folder: Path, *, markers: Sequence[str]) -> None:
    """Write the initial model's tokenizer with a new token for each marker that it lacks."""
    tokenizer = TextTokenizer.load(source / TOKENIZER_FILE)
    new = tokenizer.add_markers(markers)
    if new:
        logger.info(f"tokenizer of {source}: tokens added for {', '.join(new)}")
    tokenizer.save(folder / TOKENIZER_FILE)


def _existing(path: str) -> Path:
    folder = Path(path)
    for name in FILES:
        if not (folder / name).is_file():
            raise ConfigError(
                f"initial_model={path}: has no {name}; give a model folder such as "
                "artifacts/model/<key>, or use model=pretrained for a model of others"
            )
    return folder


def _plain(model: ModelConfig) -> JsonObject:
    body = dataclasses.asdict(model)
    return {name: value.name if isinstance(value, Enum) else value for name, value in body.items()}


def _settings(body: JsonObject) -> JsonObject:
    """What must be equal in two models that share their weights, with the defaults filled in."""
    defaults = {field.name: field.default for field in dataclasses.fields(ModelConfig)}
    filled: JsonObject = {
        name: value.name if isinstance(value, Enum) else value
        for name, value in defaults.items()
        if value is not dataclasses.MISSING
    }
    filled |= body
    filled["num_key_value_heads"] = filled["num_key_value_heads"] or filled.get("num_heads")
    if filled["feed_forward_size"] is None and isinstance(width := filled["hidden_size"], int):
        filled["feed_forward_size"] = 4 * width
    if filled["position_encoding"] != PositionEncoding.learned.name:
        del filled["context_length"]
    names = (field.name for field in dataclasses.fields(ModelConfig) if field.name in filled)
    return {
        name: filled[name] for name in names if name not in MAY_DIFFER and "dropout" not in name
    }
