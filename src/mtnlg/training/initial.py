"""The weights of another run as the start of this one."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.model import Transformer
from mtnlg.model.folder import WEIGHTS_FILE, weights_of

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
