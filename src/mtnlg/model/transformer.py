"""The whole transformer, from ids to logits: the GPT decoder of MT-NLG and its modern descendants,
chosen by the fields of ModelConfig.

Reads top to bottom: model, block, attention, feed-forward, rotary positions, initial weights. Knows
no text, no loss, no search.

Legend: B batch, T time (new tokens), S time (all tokens a query may see), H query heads,
G key-value heads, D head width, E model width, F inner width of the feed-forward, V vocabulary,
L layers, N positions to compute logits for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mtnlg.config import FeedForward, ModelConfig, Normalization, PositionEncoding
from mtnlg.model.functions import RMSNorm, gelu_tanh, rotate
from mtnlg.model.key_value_cache import KeyValueCache
from mtnlg.model.pointer import Pointer, Pointing, mix


@dataclass(frozen=True, slots=True)
class States:
    """What logits are computed from, at all positions (B, T) or at N of them."""

    hidden: Tensor
    """(B, T, E) or (N, E)"""
    pointing: Pointing | None = None
    """What each position copies, if the model has a pointer."""

    def at(self, index: object) -> States:
        """The states at some positions, by an index of the leading dimensions."""
        pointing = None if self.pointing is None else self.pointing.at(index)
        return States(self.hidden[index], pointing)  # type: ignore[index]

    def flatten(self) -> States:
        """(B, T) as (B * T)."""
        pointing = None if self.pointing is None else self.pointing.flatten()
        return States(self.hidden.flatten(0, 1), pointing)


class Transformer(nn.Module):
    """A decoder with normalization before each sublayer (MT-NLG, arXiv 2201.11990, sec. 2)."""

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocabulary_size = vocabulary_size
        self.token_embedding = nn.Embedding(vocabulary_size, config.hidden_size)
        has_learned_positions = config.position_encoding is PositionEncoding.learned
        self.position_embedding = (
            nn.Embedding(config.context_length, config.hidden_size)
            if has_learned_positions
            else None
        )
        embedding_dropout = config.embedding_dropout
        self.dropout = nn.Dropout(
            config.dropout if embedding_dropout is None else embedding_dropout
        )
        self.recomputes_blocks = False  # how gradients are computed, not what the model is
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.final_norm = build_norm(config)
        self.unembedding = nn.Linear(config.hidden_size, vocabulary_size, bias=False)
        if config.is_embedding_tied:
            self.unembedding.weight = self.token_embedding.weight
        self.pointer = Pointer(config.hidden_size) if config.has_pointer else None
        initialize(self)

    def forward(
        self,
        ids: Tensor,
        *,
        prefix_lengths: Tensor | None = None,
        label_index: Tensor | None = None,
    ) -> Tensor:
        """Logits of each next token, (B, T, V), or (N, V) at `label_index`. Arguments as in
        `states`.
        """
        return self.logits(self.states(ids, prefix_lengths=prefix_lengths, label_index=label_index))

    def logits(self, states: States) -> Tensor:
        """(..., V); with a pointer, log-probabilities that include copying."""
        logits: Tensor = self.unembedding(states.hidden)
        return logits if states.pointing is None else mix(logits, states.pointing)

    def states(
        self,
        ids: Tensor,
        *,
        prefix_lengths: Tensor | None = None,
        label_index: Tensor | None = None,
    ) -> States:
        """The states of (B, T), or of (N,) at `label_index`, positions in the flattened (B * T).

        `ids` (B, T) int64, padded on the right with any id. `prefix_lengths` (B,) int64: leading
        tokens of each row that see one another, if the configuration has a bidirectional prefix.
        Raises ValueError beyond the context.
        """
        length = ids.shape[1]
        if length > self.config.context_length:
            raise ValueError(
                f"{length} tokens do not fit model.context_length={self.config.context_length}"
            )
        positions = torch.arange(length, device=ids.device)
        mask = None
        if self.config.is_prefix_bidirectional and prefix_lengths is not None:
            mask = prefix_mask(prefix_lengths, length)
        hidden = self.embed(ids, positions)
        rotation = self.rotation(positions)
        for block in self.kept_blocks():
            if self.recomputes_blocks and torch.is_grad_enabled():
                hidden = checkpoint(
                    block, hidden, mask=mask, rotation=rotation, use_reentrant=False
                )
            else:
                hidden = block(hidden, mask=mask, rotation=rotation)
        hidden = self.final_norm(hidden)
        pointing = None
        if self.pointer is not None:
            visible = causal_mask(length, ids.device) if mask is None else mask[:, 0]
            pointing = self.pointer(hidden, ids, visible)
        states = States(hidden, pointing)
        return states if label_index is None else states.flatten().at(label_index)

    def extend(
        self, ids: Tensor, cache: KeyValueCache, *, positions: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Read new tokens into the cache and return the logits after the last of them, (B, V).

        `ids`, `positions` (B, T) int64; `mask` (B, 1, T, S) bool, true where a query may look, with
        S the cache's length after this call. None, for rows without padding: new tokens see the
        whole cache and the new tokens before them (all of them, with a bidirectional prefix).
        """
        states = self.read(ids, cache, positions=positions, mask=mask)
        return self.logits(states.at((slice(None), -1)))

    def extend_each(
        self, ids: Tensor, cache: KeyValueCache, *, positions: Tensor, mask: Tensor
    ) -> Tensor:
        """As `extend`, but returns the logits after each new token, (B, T, V)."""
        return self.logits(self.read(ids, cache, positions=positions, mask=mask))

    def read(
        self, ids: Tensor, cache: KeyValueCache, *, positions: Tensor, mask: Tensor | None
    ) -> States:
        """As `extend`, but returns the states of (B, T)."""
        hidden = self.embed(ids, positions)
        rotation = self.rotation(positions)
        added = None
        if mask is not None:  # here once and not in each layer
            added = torch.zeros_like(mask, dtype=hidden.dtype).masked_fill_(~mask, -torch.inf)
        for layer, block in enumerate(self.blocks):
            hidden = block(hidden, mask=added, rotation=rotation, cache=cache, layer=layer)
        hidden = self.final_norm(hidden)
        pointing = None
        if self.pointer is not None:
            visible = None if mask is None else mask[:, 0]
            if mask is None and not self.config.is_prefix_bidirectional and ids.shape[1] > 1:
                visible = causal_mask(ids.shape[1], ids.device)
            pointing = self.pointer(hidden, ids, visible, cache)
        if cache.slots is None:
            cache.length += ids.shape[1]
        return States(hidden, pointing)

    def allocate_cache(self, num_rows: int, length: int) -> KeyValueCache:
        """An empty cache for sequences of up to `length` tokens."""
        config, weight = self.config, self.token_embedding.weight
        shape = (config.num_layers, num_rows, config.key_value_heads, length, config.head_size)
        cache = KeyValueCache(weight.new_zeros(shape), weight.new_zeros(shape))
        if self.pointer is not None:
            cache.pointer_keys = weight.new_zeros(1, num_rows, 1, length, config.hidden_size)
            cache.pointer_ids = torch.zeros_like(cache.pointer_keys[..., :1], dtype=torch.int64)
        return cache

    def kept_blocks(self) -> list[nn.Module]:
        """The blocks of one pass. In training, layer dropout skips some (Fan et al. 2019)."""
        share = self.config.layer_dropout
        if not share or not self.training:
            return list(self.blocks)
        draws = torch.rand(len(self.blocks)).tolist()
        return [block for block, draw in zip(self.blocks, draws, strict=True) if draw >= share]

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Token plus position, (B, T, E); `positions` is (T,) or (B, T)."""
        hidden = self.token_embedding(ids)
        if self.position_embedding is not None:
            hidden = hidden + self.position_embedding(positions)
        dropped: Tensor = self.dropout(hidden)
        return dropped

    def rotation(self, positions: Tensor) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines for rotary positions, or None where positions are learned."""
        if self.position_embedding is not None:
            return None
        dtype = self.token_embedding.weight.dtype
        return rotary_angles(positions, self.config.head_size, self.config.rotary_base, dtype)


class Block(nn.Module):
    """Attention, then feed-forward, each with a normalization before and a residual connection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = build_norm(config)
        self.attention = Attention(config)
        self.feed_forward_norm = build_norm(config)
        is_gated = config.feed_forward is FeedForward.swiglu
        self.feed_forward = (GatedFeedForward if is_gated else PlainFeedForward)(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        hidden: Tensor,
        *,
        mask: Tensor | None,
        rotation: tuple[Tensor, Tensor] | None,
        cache: KeyValueCache | None = None,
        layer: int = 0,
    ) -> Tensor:
        attended = self.attention(
            self.attention_norm(hidden), mask=mask, rotation=rotation, cache=cache, layer=layer
        )
        hidden = hidden + self.dropout(attended)
        added: Tensor = hidden + self.dropout(self.feed_forward(self.feed_forward_norm(hidden)))
        return added


class Attention(nn.Module):
    """Self-attention (Vaswani et al. 2017, eq. 1); key-value heads may be fewer, and shared."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width = (config.num_heads + 2 * config.key_value_heads) * config.head_size
        has_bias = config.has_bias or config.has_query_key_value_bias
        self.query_key_value = nn.Linear(config.hidden_size, width, bias=has_bias)
        self.query_norm = self.key_norm = None
        if config.has_query_key_norm:
            self.query_norm = RMSNorm(config.head_size, eps=config.norm_epsilon)
            self.key_norm = RMSNorm(config.head_size, eps=config.norm_epsilon)
        width = config.num_heads * config.head_size
        self.output = nn.Linear(width, config.hidden_size, bias=config.has_bias)

    def forward(
        self,
        hidden: Tensor,
        *,
        mask: Tensor | None,
        rotation: tuple[Tensor, Tensor] | None,
        cache: KeyValueCache | None,
        layer: int,
    ) -> Tensor:
        config = self.config
        num_rows, num_new, _ = hidden.shape
        heads = self.query_key_value(hidden).view(num_rows, num_new, -1, config.head_size)
        groups = (config.num_heads, config.key_value_heads)
        # Queries and keys (B, H + G, T, D), values (B, G, T, D)
        pair, value = heads.transpose(1, 2).split((sum(groups), config.key_value_heads), dim=1)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = pair.split(groups, dim=1)
            pair = torch.cat([self.query_norm(query), self.key_norm(key)], dim=1)
        if rotation is not None:
            pair = rotate(pair, rotation)
        query, key = pair.split(groups, dim=1)
        is_causal = mask is None and num_new > 1
        if cache is not None:
            key = cache.write(cache.keys[layer], key)  # (B, G, S, D)
            value = cache.write(cache.values[layer], value)
            is_causal = is_causal and not config.is_prefix_bidirectional
            assert not is_causal or cache.length == 0, (
                f"a mask is needed to extend {cache.length} cached tokens"
            )
        attended = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=config.attention_dropout if self.training else 0.0,
            is_causal=is_causal,
            enable_gqa=config.key_value_heads != config.num_heads,
        )
        projected: Tensor = self.output(attended.transpose(1, 2).reshape(num_rows, num_new, -1))
        return projected


def causal_mask(length: int, device: torch.device) -> Tensor:
    """Who may look at whom, (T, T) bool: each token at itself and at the past."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def prefix_mask(prefix_lengths: Tensor, length: int) -> Tensor:
    """As `causal_mask`, but all tokens of a prefix see one another, (B, 1, T, T) bool."""
    positions = torch.arange(length, device=prefix_lengths.device)
    causal = causal_mask(length, prefix_lengths.device)
    in_prefix = positions[None, :] < prefix_lengths[:, None]  # (B, T)
    both = in_prefix[:, :, None] & in_prefix[:, None, :]  # (B, T, T)
    return (causal | both)[:, None]


class GatedFeedForward(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_and_up = nn.Linear(
            config.hidden_size, 2 * config.inner_size, bias=config.has_bias
        )
        self.output = nn.Linear(config.inner_size, config.hidden_size, bias=config.has_bias)

    def forward(self, hidden: Tensor) -> Tensor:
        gate, up = self.gate_and_up(hidden).chunk(2, dim=-1)  # (B, T, F) twice
        projected: Tensor = self.output(F.silu(gate) * up)
        return projected


class PlainFeedForward(nn.Module):
    """Two linear layers with a GELU between them (Hendrycks and Gimpel 2016)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(config.hidden_size, config.inner_size, bias=config.has_bias)
        self.output = nn.Linear(config.inner_size, config.hidden_size, bias=config.has_bias)
        self.activation = gelu_tanh if config.feed_forward is FeedForward.gelu_tanh else F.gelu

    def forward(self, hidden: Tensor) -> Tensor:
        projected: Tensor = self.output(self.activation(self.inner(hidden)))
        return projected


def build_norm(config: ModelConfig) -> nn.Module:
    """The normalization that the configuration names, over E."""
    if config.normalization is Normalization.rms_norm:
        return RMSNorm(config.hidden_size, eps=config.norm_epsilon)
    return nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)


def rotary_angles(
    positions: Tensor, head_size: int, base: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (T, D) or (B, 1, T, D), in Llama's layout (Su et al. 2021)."""
    exponents = (
        torch.arange(0, head_size, 2, device=positions.device, dtype=torch.float32) / head_size
    )
    angles = positions.float()[..., None] * base**-exponents  # (..., T, D / 2)
    angles = torch.cat([angles, angles], dim=-1)
    if positions.dim() == 2:
        angles = angles[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


@torch.no_grad()
def initialize(model: Transformer) -> None:
    """Normal weights; those that write to the residual stream shrink with depth (GPT-2)."""
    deviation = model.config.initial_deviation
    residual_deviation = deviation / math.sqrt(2 * model.config.num_layers)
    for name, parameter in model.named_parameters():
        if parameter.dim() < 2:
            parameter.fill_(1.0) if name.endswith("norm.weight") else parameter.zero_()
        else:
            writes_residual = name.endswith(
                ("attention.output.weight", "feed_forward.output.weight")
            )
            parameter.normal_(0.0, residual_deviation if writes_residual else deviation)
