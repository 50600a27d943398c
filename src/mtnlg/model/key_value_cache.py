"""What a decoder keeps of the tokens read so far.

Legend: L layers, B batch, G key-value heads, S slots, T new tokens, D head width, E model width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(slots=True)
class KeyValueCache:
    """Keys and values, allocated once for the longest sequence of a batch."""

    keys: Tensor
    """(L, B, G, S, D)"""
    values: Tensor
    """(L, B, G, S, D)"""
    pointer_keys: Tensor | None = None
    """(1, B, 1, S, E), what a pointer looks at, where the model has one."""
    pointer_ids: Tensor | None = None
    """(1, B, 1, S, 1) int64, the tokens that it copies."""
    length: int = 0
    """Slots in use, the same for all rows: shorter rows are padded on the left."""
    slots: Tensor | None = None
    """(B, T) int64, where the next tokens go, below a `length` that the caller sets; None: after
    those in use.
    """

    @property
    def stored(self) -> list[Tensor]:
        """All that is kept, each (_, B, _, S, _)."""
        every = (self.keys, self.values, self.pointer_keys, self.pointer_ids)
        return [tensor for tensor in every if tensor is not None]

    def change(self, change: Callable[[Tensor], Tensor]) -> None:
        """Put another version in place of each stored tensor."""
        self.keys, self.values = change(self.keys), change(self.values)
        if self.pointer_keys is not None and self.pointer_ids is not None:
            self.pointer_keys = change(self.pointer_keys)
            self.pointer_ids = change(self.pointer_ids)

    def write(self, stored: Tensor, new: Tensor) -> Tensor:
        """Put `new` (B, G, T, D) into the new tokens' slots of one layer (B, G, S, D) and give all
        of it that is in use.
        """
        if self.slots is None:
            end = self.length + new.shape[2]
            stored[:, :, self.length : end] = new
        else:
            end = self.length
            rows = torch.arange(len(new), device=new.device)[:, None]
            stored.transpose(1, 2)[rows, self.slots] = new.transpose(1, 2)
        return stored[:, :, :end]
