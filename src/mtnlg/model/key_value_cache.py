"""What a decoder remembers of the tokens read so far.

Legend: L layers, B batch, G key-value heads, S slots, T new tokens, D head width, E model width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(slots=True)
class KeyValueCache:
    """Keys and values, allocated once for the longest sequence of a batch."""

    keys: Tensor
    """(L, B, G, S, D)"""
    values: Tensor
    """(L, B, G, S, D)"""
    pointer_keys: Tensor | None = None
    """(1, B, 1, S, E), keys of the model's pointer, if it has one."""
    pointer_ids: Tensor | None = None
    """(1, B, 1, S, 1) int64, the tokens that it can copy."""
    length: int = 0
    """Slots in use, the same for all rows: shorter rows are padded on the left."""
    slots: Tensor | None = None
    """(B, T) int64, where the next tokens go, if the caller assigns slots and sets `length`; None:
    after those in use.
    """

    @property
    def stored(self) -> list[Tensor]:
        """All stored tensors, each (_, B, _, S, _)."""
        every = (self.keys, self.values, self.pointer_keys, self.pointer_ids)
        return [tensor for tensor in every if tensor is not None]

    def change(self, change: Callable[[Tensor], Tensor]) -> None:
        """Replace each stored tensor."""
        self.keys, self.values = change(self.keys), change(self.values)
        if self.pointer_keys is not None and self.pointer_ids is not None:
            self.pointer_keys = change(self.pointer_keys)
            self.pointer_ids = change(self.pointer_ids)

    def write(self, stored: Tensor, new: Tensor) -> Tensor:
        """Write `new` (B, G, T, D) to the new tokens' slots of one layer (B, G, S, D); returns the
        slots in use.
        """
        if self.slots is None:
            end = self.length + new.shape[2]
            stored[:, :, self.length : end] = new
        else:
            end = self.length
            rows = torch.arange(len(new), device=new.device)[:, None]
            stored.transpose(1, 2)[rows, self.slots] = new.transpose(1, 2)
        return stored[:, :, :end]

    def repeat_rows(self, copies: int) -> None:
        """Repeat each row `copies` times, side by side."""
        self.change(lambda stored: stored.repeat_interleave(copies, dim=1))

    def drop_rows(self, is_over: Tensor) -> Tensor:
        """Remove the rows where `is_over` (B,); returns the old indices of the rows that stay, in
        their new order. The last rows move into the gaps, which copies the least.
        """
        kept = (~is_over).nonzero()[:, 0]
        num_kept = len(kept)
        order = torch.arange(num_kept, device=is_over.device)
        gaps = is_over[:num_kept].nonzero()[:, 0]
        order[gaps] = moved = kept[num_kept - len(gaps) :]
        for stored in self.stored:
            stored[:, gaps, :, : self.length] = stored[:, moved, :, : self.length]
        self.change(lambda stored: stored[:, :num_kept])
        return order

    def reserve(self, num_slots: int) -> None:
        """Make room for `num_slots` in all; a cache that grows does so by half at least."""
        capacity = self.keys.shape[3]
        if num_slots > capacity:
            growth = max(num_slots, capacity + capacity // 2) - capacity
            self.change(lambda stored: F.pad(stored, (0, 0, 0, growth)))
