"""Greedy search: always the likeliest token, the lower id where two are equal."""

from __future__ import annotations

from torch import Tensor

from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import Batch, Output
from mtnlg.generation.ranking import largest
from mtnlg.generation.rows import decode_rows
from mtnlg.model import Transformer


def decode_greedily(model: Transformer, batch: Batch, config: DecodingConfig) -> list[list[Output]]:
    """One output for each prompt."""
    return [[output] for output in decode_rows(model, batch, likeliest)]


def likeliest(logits: Tensor, numbers: Tensor, step: int) -> Tensor:
    """The id of the largest logit of each row of (B, V)."""
    return largest(logits, 1)[1][:, 0]
