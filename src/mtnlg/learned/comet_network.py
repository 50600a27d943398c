"""The network of COMET: layers of an encoder, mixed and pooled to one vector for each text.

Names of the parts are those of its checkpoints; the arithmetic is that of unbabel-comet 2.2.7.
Shapes: B texts, T tokens, L layers with the embeddings, E width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from mtnlg.errors import ConfigError

POOLS = ("avg", "cls", "max", "default")
"""Average of tokens, first token, maximum of tokens; the first token of the last layer."""
TRANSFORMATIONS = ("softmax", "sparsemax")


@dataclass(frozen=True, kw_only=True)
class CometSettings:
    """What hparams.yaml says of the network."""

    class_identifier: str
    encoder_model: str = "XLM-RoBERTa"
    pretrained_model: str = ""
    """The encoder's name in the hub."""
    layer: str | int = "mix"
    """Index of a layer, 0 for the embeddings; mix: a weighted sum of all."""
    layer_transformation: str = "softmax"
    """What makes weights of the layers' scores."""
    layer_norm: bool = True
    """Each layer is normalized over all tokens of a text before it is mixed."""
    pool: str = "avg"
    hidden_sizes: Sequence[int] = (3072, 1024)
    activations: str = "Tanh"
    final_activation: str | None = None
    input_segments: Sequence[str] = ("mt", "src", "ref")
    """Of a unified metric: what its training joined."""

    def __post_init__(self) -> None:
        allowed = (("pool", POOLS), ("layer_transformation", TRANSFORMATIONS))
        for name, values in allowed:
            if getattr(self, name) not in values:
                value = getattr(self, name)
                raise ConfigError(
                    f"hparams.yaml has {name}={value!r}: must be one of {', '.join(values)}"
                )

    def __str__(self) -> str:
        mix = f"|mix:{self.layer_transformation}" if self.layer == "mix" else ""
        return f"layer:{self.layer}{mix}|pool:{self.pool}"


class CometNetwork(nn.Module):
    """Token ids and mask (B, T) to vectors (B, E)."""

    def __init__(self, encoder: Any, settings: CometSettings, padding: int) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"model": encoder})
        self.settings, self.padding = settings, padding
        num_layers, width = encoder.config.num_hidden_layers + 1, encoder.config.hidden_size
        if settings.layer == "mix":
            self.layerwise_attention = LayerMix(num_layers, settings)
        elif settings.layer not in range(num_layers):
            raise ConfigError(
                f"hparams.yaml has layer={settings.layer!r}: must be mix or below {num_layers}"
            )
        is_unified = settings.class_identifier == "unified_metric"
        sizes = [width * (1 if is_unified else 6), *settings.hidden_sizes]
        parts: list[nn.Module] = []
        for size, next_size in pairwise(sizes):
            parts += [nn.Linear(size, next_size), _activation(settings.activations), nn.Dropout()]
        parts.append(nn.Linear(sizes[-1], 1))
        if settings.final_activation is not None:
            parts.append(_activation(settings.final_activation))
        self.estimator = nn.ModuleDict({"ff": nn.Sequential(*parts)})

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        outputs = self.encoder["model"](ids, attention_mask=mask, output_hidden_states=True)
        layers = outputs.hidden_states
        if self.settings.layer == "mix":
            states = self.layerwise_attention(layers, mask)
        else:
            states = layers[self.settings.layer]
        is_padding = (ids == self.padding)[..., None]  # also of a <pad> within a text
        if self.settings.pool == "max":
            return torch.amax(states.masked_fill(is_padding, -torch.inf), dim=1)
        if self.settings.pool == "avg":
            return torch.as_tensor(
                states.masked_fill(is_padding, 0).sum(1) / mask.sum(1, keepdim=True)
            )
        return torch.as_tensor((layers[-1] if self.settings.pool == "default" else states)[:, 0])

    def estimate(self, vectors: Tensor) -> Tensor:
        """The scores (B,) of vectors (B, E), or of joined ones of a regression (B, 6 E)."""
        return torch.as_tensor(self.estimator["ff"](vectors)[:, 0])


class LayerMix(nn.Module):
    """A weighted sum of layers, each (B, T, E)."""

    def __init__(self, num_layers: int, settings: CometSettings) -> None:
        super().__init__()
        self.scalar_parameters = nn.ParameterList(
            [nn.Parameter(torch.zeros(1)) for _ in range(num_layers)]
        )
        self.gamma = nn.Parameter(torch.ones(1))
        self.settings = settings

    def forward(self, layers: Sequence[Tensor], mask: Tensor) -> Tensor:
        scores = torch.cat(list(self.scalar_parameters))
        is_sparse = self.settings.layer_transformation == "sparsemax"
        weights = sparsemax(scores) if is_sparse else torch.softmax(scores, 0)
        if self.settings.layer_norm:
            layers = [_normalized(layer, mask[..., None]) for layer in layers]
        mixed = torch.stack([weight * layer for weight, layer in zip(weights, layers, strict=True)])
        return self.gamma * mixed.sum(0)


def sparsemax(scores: Tensor) -> Tensor:
    """Weights (L,) with the least distance from the scores, many 0 (Martins and Astudillo 2016)."""
    ordered = scores.sort(descending=True).values
    excess = ordered.cumsum(0) - 1
    counts = torch.arange(1, len(scores) + 1, device=scores.device)
    num_kept = int((ordered * counts > excess).sum())
    return (scores - excess[num_kept - 1] / num_kept).clamp(min=0)


def join(hypotheses: Tensor, references: Tensor, sources: Tensor) -> Tensor:
    """The features (B, 6 E) of a regression, of vectors (B, E)."""
    parts = [hypotheses, references]
    for vectors in (references, sources):
        parts += [hypotheses * vectors, (hypotheses - vectors).abs()]
    return torch.cat(parts, dim=1)


def _normalized(layer: Tensor, mask: Tensor) -> Tensor:
    """A layer (B, T, E) of mean 0 and variance 1 over the tokens of each text."""
    count = mask.sum((1, 2), keepdim=True) * layer.shape[-1]
    mean = (layer * mask).sum((1, 2), keepdim=True) / count
    variance = (((layer - mean) * mask) ** 2).sum((1, 2), keepdim=True) / count
    return (layer - mean) / torch.sqrt(variance + 1e-12)


def _activation(name: str) -> nn.Module:
    kind = getattr(nn, name.title(), None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise ConfigError(
            f"hparams.yaml has activations={name!r}: must be one of torch.nn, such as Tanh"
        )
    return kind()
