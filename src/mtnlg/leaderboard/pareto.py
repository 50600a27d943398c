"""The systems that no other beats in both cost and quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One system: its cost, its quality with interval, and the short and the long name."""

    name: str
    details: str
    right: float
    up: float
    low: float | None
    high: float | None


def pareto_front(
    marks: Sequence[Mark], *, is_less_cost: bool = True, is_more_quality: bool = True
) -> list[Mark]:
    """The marks that no other equals or beats in both and beats in one, cheapest first."""
    cost, quality = (1 if is_less_cost else -1), (-1 if is_more_quality else 1)
    costs = [(cost * mark.right, quality * mark.up) for mark in marks]
    kept = [
        index
        for index, (right, up) in enumerate(costs)
        if not any(
            other_right <= right and other_up <= up and (other_right, other_up) != (right, up)
            for other_right, other_up in costs
        )
    ]
    return [marks[index] for index in sorted(kept, key=lambda index: (*costs[index], index))]
