"""Small transformers of two families, and ids for them."""

from __future__ import annotations

import torch
from torch import Tensor

from mtnlg.config import FeedForward, ModelConfig, Normalization, PositionEncoding
from mtnlg.model import Transformer

VOCABULARY_SIZE = 37


def build(*, seed: int = 0, **fields: object) -> Transformer:
    torch.manual_seed(seed)
    values: dict[str, object] = {
        "name": "tiny",
        "num_layers": 2,
        "hidden_size": 21,
        "num_heads": 3,
        "context_length": 13,
        "initial_deviation": 0.2,
    }
    config = ModelConfig(**{**values, **fields})  # type: ignore[arg-type]
    return Transformer(config, VOCABULARY_SIZE).eval()


def modern(**fields: object) -> Transformer:
    shape = {"hidden_size": 60, "num_heads": 6, "num_key_value_heads": 2, "feed_forward_size": 35}
    return build(
        normalization=Normalization.rms_norm,
        position_encoding=PositionEncoding.rotary,
        feed_forward=FeedForward.swiglu,
        has_bias=False,
        is_embedding_tied=False,
        **{**shape, **fields},
    )


def random_ids(*shape: int, seed: int = 3) -> Tensor:
    return torch.randint(VOCABULARY_SIZE, shape, generator=torch.Generator().manual_seed(seed))
