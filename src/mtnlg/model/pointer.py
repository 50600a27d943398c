"""The pointer-generator (See et al. 2017): the next token comes from the vocabulary or is copied.

A decoder has no encoder, so all tokens so far can be copied, source and target alike (as in the
pointer sentinel mixture, Merity et al. 2016).

Legend: B batch, T time (queries), S time (all tokens a query may see), E model width, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mtnlg.model.key_value_cache import KeyValueCache


@dataclass(frozen=True, slots=True)
class Pointing:
    """What queries copy; the leading shape is (B, T) or (N,)."""

    shares: Tensor
    """(..., S) float32, how the probability of copying is divided; they sum to one."""
    generated: Tensor
    """(..., 1) float32, probability that the token comes from the vocabulary."""
    ids: Tensor
    """(..., S) int64, the tokens to copy."""

    def at(self, index: object) -> Pointing:
        return Pointing(self.shares[index], self.generated[index], self.ids[index])  # type: ignore[index]

    def flatten(self) -> Pointing:
        """(B, T) as (B * T)."""
        return Pointing(
            self.shares.flatten(0, 1), self.generated.flatten(0, 1), self.ids.flatten(0, 1)
        )


class Pointer(nn.Module):
    """One head of attention over the final states, and a gate (See et al. 2017, eq. 8)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden_size, hidden_size, bias=False)
        self.key = nn.Linear(hidden_size, hidden_size, bias=False)
        self.gate = nn.Linear(hidden_size, 1)

    def forward(
        self,
        hidden: Tensor,
        ids: Tensor,
        visible: Tensor | None,
        cache: KeyValueCache | None = None,
    ) -> Pointing:
        """Where each token points, given final states `hidden` (B, T, E) and `ids` (B, T). With a
        cache, they are written to it, and all its tokens can be copied.

        `visible` broadcasts to (B, T, S) bool; None: everything.
        """
        keys = self.key(hidden)
        if cache is not None:
            assert cache.pointer_keys is not None
            assert cache.pointer_ids is not None
            keys = cache.write(cache.pointer_keys[0], keys[:, None])[:, 0]  # (B, S, E)
            ids = cache.write(cache.pointer_ids[0], ids[:, None, :, None])[:, 0, :, 0]  # (B, S)
        scores = self.query(hidden) @ keys.transpose(1, 2) / math.sqrt(hidden.shape[-1])
        if visible is not None:
            scores = scores.masked_fill(~visible, -torch.inf)
        return Pointing(
            shares=scores.float().softmax(dim=-1),
            generated=self.gate(hidden).float().sigmoid(),
            ids=ids[:, None].expand(scores.shape),
        )


def mix(logits: Tensor, pointing: Pointing) -> Tensor:
    """Log-probabilities (..., V) float32 of generating and copying (See et al. 2017, eq. 9)."""
    generated = logits.float().softmax(dim=-1) * pointing.generated
    copied = pointing.shares * (1 - pointing.generated)
    mixed = generated.scatter_add(-1, pointing.ids, copied)
    return mixed.clamp_min(torch.finfo(mixed.dtype).tiny).log()
