"""Low-rank adapters: few new weights that are trained instead of those of an initial model."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mtnlg.config.checks import Count, Positive, Share, check_fields, require


@dataclass(kw_only=True)
class LoraConfig:
    """LoRA (Hu et al. 2021) of the linear layers in the blocks."""

    rank: Count | None = None
    """Rank R of the matrices that are added to weights. None: all weights are trained."""
    alpha: Positive = 32.0
    """The matrices are multiplied by alpha / R; 2 R is usual."""
    dropout: Share = 0.0
    """On the inputs of the adapters."""
    targets: list[str] | None = None
    """Layers that are adapted: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj as
    others name them, or our layers as `attention` and `feed_forward.output`. None: all in the
    blocks.
    """
    is_rank_stabilized: bool = False
    """Multiply by alpha / sqrt(R) instead (rsLoRA, Kalajdzievski 2023)."""
    has_magnitude: bool = False
    """Train the norm of each row of a weight beside its direction (DoRA, Liu et al. 2024)."""

    def __post_init__(self) -> None:
        check_fields(self, "lora.")
        if self.targets is not None:
            is_named = bool(self.targets) and all(self.targets)
            require(is_named, "lora.targets", self.targets, "names of layers; null: all")

    @property
    def scale(self) -> float:
        """What the product of the matrices is multiplied by."""
        assert self.rank is not None, "nothing is adapted"
        return self.alpha / (math.sqrt(self.rank) if self.is_rank_stabilized else self.rank)
