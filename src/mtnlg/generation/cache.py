"""Reading prompts into a cache, and taking rows out of it.

Legend: B rows, T prompt width, S slots, V vocabulary, L layers, G key-value heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.model import KeyValueCache, Transformer


@dataclass(frozen=True, slots=True)
class PromptReading:
    """What the model knows after the prompts."""

    logits: Tensor
    """(B, V) float32, of the first new token."""
    cache: KeyValueCache
    lengths: Tensor
    """(B,) int64, tokens of each prompt."""
    is_real: Tensor
    """(B, T) bool, false at the padding on the left."""


def read_prompts(
    model: Transformer,
    prompts: list[list[int]],
    *,
    num_new_slots: int,
    prefix_length: int | None = None,
) -> PromptReading:
    """Read all prompts, padded on the left, into a cache with `num_new_slots` more. Their first
    `prefix_length` tokens (None: all) see one another where the model's prefix is bidirectional.

    Raises ValueError where the model's logits are not finite.
    """
    device = model.token_embedding.weight.device
    width = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts], device=device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    positions = torch.arange(width, device=device) - (width - lengths)[:, None]  # (B, T)
    is_real = positions >= 0
    is_padded = any(len(prompt) < width for prompt in prompts)
    is_bidirectional = model.config.is_prefix_bidirectional
    mask = None
    if is_padded or (is_bidirectional and prefix_length is not None):
        mask = prompt_mask(is_real, is_bidirectional, prefix_length=prefix_length)
    cache = model.allocate_cache(len(prompts), width + num_new_slots)
    logits = model.extend(ids, cache, positions=positions.clamp(min=0), mask=mask).float()
    if not bool(logits.isfinite().all()):
        raise ValueError("the model's logits are not finite; its weights are broken")
    return PromptReading(logits, cache, lengths, is_real)


def prompt_mask(
    is_real: Tensor, is_bidirectional: bool, *, prefix_length: int | None = None
) -> Tensor:
    """Who may look at whom, (B, 1, T, T) bool; padding sees itself too."""
    width = is_real.shape[1]
    itself = torch.eye(width, dtype=torch.bool, device=is_real.device)
    may_look = is_real[:, None, :].expand(-1, width, -1)
    if not is_bidirectional:
        may_look = may_look.tril()
    elif prefix_length is not None:
        in_prefix = is_real & (is_real.cumsum(dim=1) <= prefix_length)  # (B, T)
        both = in_prefix[:, :, None] & in_prefix[:, None, :]
        may_look = may_look.tril() | both
    return (may_look | itself)[:, None]


def repeat_rows(cache: KeyValueCache, copies: int) -> None:
    """Have each row `copies` times, side by side."""
    cache.change(lambda stored: stored.repeat_interleave(copies, dim=1))


def drop_rows(cache: KeyValueCache, is_over: Tensor) -> Tensor:
    """Take the rows where `is_over` (B,) out of the cache.

    Gives the old places of the rows that stay, in their new order: the last rows move
    into the holes, so that as little as possible is copied.
    """
    kept = (~is_over).nonzero()[:, 0]
    num_kept = len(kept)
    order = torch.arange(num_kept, device=is_over.device)
    holes = is_over[:num_kept].nonzero()[:, 0]
    order[holes] = moved = kept[num_kept - len(holes) :]
    for stored in cache.stored:
        stored[:, holes, :, : cache.length] = stored[:, moved, :, : cache.length]
    cache.change(lambda stored: stored[:, :num_kept])
    return order


def reserve(cache: KeyValueCache, num_slots: int) -> None:
    """Make room for `num_slots` in all, and some more where the cache has to grow."""
    capacity = cache.keys.shape[3]
    if num_slots > capacity:
        growth = max(num_slots, capacity + capacity // 2) - capacity
        cache.change(lambda stored: F.pad(stored, (0, 0, 0, growth)))


def forbid(logits: Tensor, forbidden_ids: list[int]) -> Tensor:
    """Logits (..., V) float32 with minus infinity at the forbidden ids, changed in place."""
    logits = logits.float()
    if forbidden_ids:
        logits[..., forbidden_ids] = -torch.inf
    return logits


def widen(visible: Tensor, num_slots: int) -> Tensor:
    """Visibility (..., S) bool with `num_slots` more slots that are seen."""
    return F.pad(visible, (0, num_slots), value=True)
