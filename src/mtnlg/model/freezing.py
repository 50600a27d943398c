"""Which parameters of a model a training leaves as they are."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import torch

from mtnlg.config import ModelConfig
from mtnlg.errors import ConfigError
from mtnlg.model.transformer import Transformer


def freeze(model: Transformer, patterns: Sequence[str]) -> list[str]:
    """Stop the gradients of all parameters that a pattern names, and give their names.

    A pattern is a name, a part of one up to a dot (`blocks.0`), or has shell wildcards. Raises
    ConfigError for a pattern that names nothing, and where nothing would be left to train.
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
    """Raise what `freeze` would, without making the weights."""
    with torch.device("meta"):
        freeze(Transformer(config, 1), patterns)


def _is_named(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)


def _unknown(pattern: str, names: list[str]) -> str:
    parts = {".".join(name.split(".")[: depth + 1]) for name in names for depth in range(5)}
    close = get_close_matches(pattern, sorted(parts), n=1)
    known = dict.fromkeys(
        ".".join(name.split(".")[: 2 if name.startswith("blocks.") else 1]) for name in names
    )
    meant = f" (did you mean {close[0]}?)" if close else ""
    inner = ", ".join(name for name in names if name.startswith("blocks.0."))
    return (
        f"trainer.frozen has {pattern!r}, which names no parameter{meant}; known: "
        f"{', '.join(known)}; in each block as in {inner}"
    )
