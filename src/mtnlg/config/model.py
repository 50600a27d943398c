"""The shape of the transformer: MT-NLG's GPT decoder, or a modern descendant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from mtnlg.config.checks import Count, Positive, Share, check_fields, require

OF_OTHERS = ("attention_head_size", "has_query_key_value_bias", "has_query_key_norm")
"""Settings that only models of others need; off, they are in no file and no run id."""


def without_unused(settings: dict[str, Any]) -> dict[str, Any]:
    """The plain settings of a model without those of OF_OTHERS that are off."""
    return {name: value for name, value in settings.items() if value or name not in OF_OTHERS}


class Normalization(Enum):
    """How activations are scaled before each sublayer."""

    layer_norm = "layer_norm"
    """Ba et al. 2016."""
    rms_norm = "rms_norm"
    """Zhang and Sennrich 2019."""


class PositionEncoding(Enum):
    """How order enters the model."""

    learned = "learned"
    """A vector for each position, as in GPT-2."""
    rotary = "rotary"
    """Queries and keys turned by their position (Su et al. 2021)."""


class FeedForward(Enum):
    """The non-linearity between the two halves of the feed-forward sublayer."""

    gelu = "gelu"
    """Hendrycks and Gimpel 2016."""
    gelu_tanh = "gelu_tanh"
    """Its approximation by tanh, as in GPT-2."""
    swiglu = "swiglu"
    """A gated SiLU (Shazeer 2020)."""


@dataclass(kw_only=True)
class ModelConfig:
    """Defaults are MT-NLG's (arXiv 2201.11990, sec. 2); sizes define the run and have none."""

    name: str
    """The row's name on a board; not part of any key."""
    num_layers: Count
    """Blocks of attention and feed-forward sublayer."""
    hidden_size: Count
    """Width of the states between blocks; a multiple of num_heads, unless attention_head_size is
    set.
    """
    num_heads: Count
    """Attention heads of a block."""
    num_key_value_heads: Count | None = None
    """Grouped-query attention (Ainslie et al. 2023); None: as many as query heads."""
    attention_head_size: Count | None = None
    """Width of a head, as Qwen3 and Mistral Nemo set it; None: hidden_size / num_heads."""
    feed_forward_size: Count | None = None
    """Inner width; None: four times the hidden size."""
    context_length: Count = 2048
    """Longest sequence in tokens, source and target together."""
    normalization: Normalization = Normalization.layer_norm
    """What scales activations before each sublayer."""
    norm_epsilon: Positive = 1e-5
    """Added to the variance before its root is taken."""
    position_encoding: PositionEncoding = PositionEncoding.learned
    """How order enters the model."""
    rotary_base: Positive = 10_000.0
    """Wavelength base of rotary positions (Su et al. 2021)."""
    feed_forward: FeedForward = FeedForward.gelu_tanh
    """Non-linearity of the feed-forward sublayer."""
    has_bias: bool = True
    """Biases in the linear layers."""
    has_query_key_value_bias: bool = False
    """Biases of the queries, keys and values although has_bias is false, as in Qwen2."""
    has_query_key_norm: bool = False
    """RMSNorm on the queries and keys of each head (Henry et al. 2020), as in Qwen3."""
    is_embedding_tied: bool = True
    """The output projection shares the token embedding."""
    is_prefix_bidirectional: bool = False
    """The source attends to itself in both directions (prefix LM, Raffel et al. 2020, sec. 3.2)."""
    has_pointer: bool = False
    """The next token can also be a copy of an earlier one (pointer-generator, See et al. 2017)."""
    dropout: Share = 0.1
    """On the embeddings and on each sublayer's output."""
    attention_dropout: Share = 0.0
    """On the attention weights."""
    embedding_dropout: Share | None = None
    """On the embeddings; None: as `dropout`."""
    layer_dropout: Share | None = None
    """Probability of skipping a block in a training pass (LayerDrop, Fan et al. 2019); None: 0."""
    initial_deviation: Positive = 0.02
    """Standard deviation of the initial weights; MT-NLG 530B has 0.004."""

    def __post_init__(self) -> None:
        check_fields(self, "model.")
        allowed = f"a divisor of model.hidden_size={self.hidden_size}"
        is_divided = self.attention_head_size is None
        is_whole = self.hidden_size % self.num_heads == 0
        require(is_whole or not is_divided, "model.num_heads", self.num_heads, allowed)
        if self.num_key_value_heads is not None:
            require(
                self.num_heads % self.num_key_value_heads == 0,
                "model.num_key_value_heads",
                self.num_key_value_heads,
                f"a divisor of model.num_heads={self.num_heads}",
            )
        if self.position_encoding is PositionEncoding.rotary:
            allowed = "such that the head size is even"
            name = "num_heads" if is_divided else "attention_head_size"
            require(self.head_size % 2 == 0, f"model.{name}", getattr(self, name), allowed)

    @property
    def is_random_in_training(self) -> bool:
        """Whether two training passes over a batch may differ."""
        shares = (self.dropout, self.attention_dropout, self.embedding_dropout, self.layer_dropout)
        return any(shares)

    @property
    def head_size(self) -> int:
        return self.attention_head_size or self.hidden_size // self.num_heads

    @property
    def key_value_heads(self) -> int:
        return self.num_key_value_heads or self.num_heads

    @property
    def inner_size(self) -> int:
        return self.feed_forward_size or 4 * self.hidden_size
