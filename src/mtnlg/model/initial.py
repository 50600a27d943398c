"""What a training does to a new model first: it copies other weights and freezes some."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch

from mtnlg.config import ModelConfig
from mtnlg.errors import ConfigError, suggestion
from mtnlg.model.folder import WEIGHTS_FILE, read_weights, weights_of
from mtnlg.model.transformer import Transformer

BY_TOKEN = ("token_embedding.weight", "unembedding.weight")
"""Weights with a row per token."""


def start_from(model: Transformer, folder: Path) -> None:
    """Copy a model folder's weights into the model. New tokens, which come last, keep their random
    rows.

    Raises ConfigError with the first weight whose shape differs.
    """
    state, fresh = read_weights(folder / WEIGHTS_FILE), weights_of(model)
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


def freeze(model: Transformer, patterns: Sequence[str]) -> list[str]:
    """Turn off the gradients of all parameters that match a pattern; returns their names.

    A pattern is a full name, the part of a name before a dot (`blocks.0`), or has shell wildcards.
    Raises ConfigError if a pattern matches nothing, or if nothing is left to train.
    """
    parameters = dict(model.named_parameters())
    frozen: set[str] = set()
    for pattern in patterns:
        matches = {name for name in parameters if _is_named(name, pattern)}
        if not matches:
            raise ConfigError(_unknown(pattern, list(parameters)))
        frozen |= matches
    if frozen == set(parameters):
        raise ConfigError(f"trainer.frozen={list(patterns)}: nothing would be left to train")
    for name in frozen:
        parameters[name].requires_grad_(False)
    return sorted(frozen)


def check_frozen(config: ModelConfig, patterns: Sequence[str]) -> None:
    """Raise what `freeze` would raise, without allocating weights."""
    with torch.device("meta"):
        freeze(Transformer(config, 1), patterns)


def _is_named(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)


def _unknown(pattern: str, names: list[str]) -> str:
    parts = {".".join(name.split(".")[: depth + 1]) for name in names for depth in range(5)}
    known = dict.fromkeys(
        ".".join(name.split(".")[: 2 if name.startswith("blocks.") else 1]) for name in names
    )
    inner = ", ".join(name for name in names if name.startswith("blocks.0."))
    return (
        f"trainer.frozen has {pattern!r}, which names no parameter"
        f"{suggestion(pattern, sorted(parts))}; known: {', '.join(known)}; "
        f"in each block as in {inner}"
    )
