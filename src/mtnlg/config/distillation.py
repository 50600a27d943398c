"""Distillation: a model that learns from what another one gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from mtnlg.config.checks import Positive, PositiveShareOrAll, between, check_fields


class DistillationKind(Enum):
    """What a student learns from."""

    sequence = "sequence"
    """The teacher's outputs for the training sources, in place of the references (Kim and Rush
    2016).
    """
    logits = "logits"
    """The teacher's distribution at each target token, beside the references (Hinton et al.
    2015).
    """


@dataclass(kw_only=True)
class DistillationConfig:
    """A training with a teacher."""

    teacher: str | None = None
    """A model folder, or a run by its folder or id. None: no teacher."""
    kind: DistillationKind = DistillationKind.sequence
    """What the student learns from. With logits, it has the teacher's tokenizer."""
    num_beams: Annotated[int, between(1, 1_000)] = 5
    """sequence: beams of the search for the teacher's outputs; 1: greedy."""
    temperature: Positive = 2.0
    """logits: divides the logits of both; the divergence is multiplied by its square."""
    weight: PositiveShareOrAll = 0.5
    """logits: share of the divergence in the loss; the rest is the cross-entropy."""

    def __post_init__(self) -> None:
        check_fields(self, "distillation.")
