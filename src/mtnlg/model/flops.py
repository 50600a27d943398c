"""What a forward and backward pass costs, counted from the shapes."""

from __future__ import annotations

from mtnlg.config import ModelConfig
from mtnlg.config.model import FeedForward

BACKWARD_AND_FORWARD = 3
"""A backward pass costs two forward passes."""


def count_flops(
    config: ModelConfig, vocabulary_size: int, *, lengths: list[int], num_labels: int
) -> float:
    """Model FLOPs of one training pass over sequences of these lengths, without padding and
    recomputation.

    Narayanan et al. 2021 (arXiv 2104.04473), appendix, 72-form, with logits only at the labels, and
    with as many layers as layer dropout leaves on average.
    """
    width, head_size = config.hidden_size, config.head_size
    attention = width * (config.num_heads + 2 * config.key_value_heads) * head_size + width * width
    halves = 3 if config.feed_forward is FeedForward.swiglu else 2
    layers = config.num_layers * (1 - (config.layer_dropout or 0.0))
    per_token = 2 * layers * (attention + halves * width * config.inner_size)
    scores = 4 * layers * width * sum(length * length for length in lengths)
    logits = 2 * width * vocabulary_size * num_labels
    if config.has_pointer:  # queries, keys and the scores of one head
        per_token += 4 * width * width
        scores += 2 * width * sum(length * length for length in lengths)
    return float(BACKWARD_AND_FORWARD * (per_token * sum(lengths) + scores + logits))
