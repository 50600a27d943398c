"""The number of parameters against Narayanan et al. 2021 (arXiv 2104.04473), table 1."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from mtnlg.config import ModelConfig
from mtnlg.model import Transformer

VOCABULARY_SIZE = 51_200
CONTEXT_LENGTH = 2_048
PUBLISHED = [
    ("1.7", 24, 2304, 24),
    ("3.6", 30, 3072, 32),
    ("7.5", 36, 4096, 32),
    ("18.4", 40, 6144, 48),
    ("39.1", 48, 8192, 64),
    ("76.1", 60, 10240, 80),
    ("145.6", 80, 12288, 96),
    ("310.1", 96, 16384, 128),
    ("529.6", 105, 20480, 128),
    ("1008.0", 128, 25600, 160),
]
"""Billions of parameters as printed, layers, hidden size, heads."""


def formula(layers: int, width: int) -> Fraction:
    """P = 12 l h^2 (1 + 13 / 12h + (V + s) / 12lh), equation 2 there: without the last norm."""
    share = 1 + Fraction(13, 12 * width)
    share += Fraction(VOCABULARY_SIZE + CONTEXT_LENGTH, 12 * layers * width)
    return 12 * layers * width**2 * share


@pytest.mark.parametrize(("billions", "layers", "width", "heads"), PUBLISHED)
def test_parameter_count_equals_the_published_table(
    billions: str, layers: int, width: int, heads: int
) -> None:
    config = ModelConfig(
        name=f"{billions}B",
        num_layers=layers,
        hidden_size=width,
        num_heads=heads,
        context_length=CONTEXT_LENGTH,
    )
    with torch.device("meta"):
        model = Transformer(config, VOCABULARY_SIZE)

    count = sum(parameter.numel() for parameter in model.parameters())

    final_norm = 2 * width
    assert count - final_norm == formula(layers, width)
    assert f"{count / 1e9:.1f}" == billions
