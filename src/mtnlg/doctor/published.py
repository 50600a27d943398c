"""A number as somebody published it, with its decimals.

Refuses to know: what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """A decimal number; its decimals say how exact it is."""

    value: Decimal

    def agrees(self, value: float) -> bool:
        """Whether the value gives the number when it is rounded, up or down, to its decimals."""
        half = Decimal((0, (5,), int(self.value.as_tuple().exponent) - 1))
        return abs(Decimal(repr(value)) - self.value) <= half

    @property
    def of_hundred(self) -> PublishedNumber:
        """The number, were it given on a scale of 0 to 1."""
        return PublishedNumber(self.value.scaleb(2))

    def __str__(self) -> str:
        return f"{self.value:f}"


def parse_number(text: str) -> PublishedNumber | None:
    """The number, or None where the text is none."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return PublishedNumber(value) if value.is_finite() else None
