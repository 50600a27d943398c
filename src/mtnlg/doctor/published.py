"""A number as it was published, with its decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """A decimal number; its decimals say how precise it is."""

    value: Decimal

    def agrees(self, value: float) -> bool:
        """Whether the value gives the number when it is rounded, up or down, to its decimals."""
        half = Decimal((0, (5,), int(self.value.as_tuple().exponent) - 1))
        return abs(Decimal(repr(value)) - self.value) <= half

    @property
    def of_hundred(self) -> PublishedNumber:
        """The number on a scale of 0 to 100, if it is on one of 0 to 1."""
        return PublishedNumber(self.value.scaleb(2))

    def __str__(self) -> str:
        return f"{self.value:f}"


def parse_number(text: str) -> PublishedNumber | None:
    """The number, or None if the text is not one."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return PublishedNumber(value) if value.is_finite() else None
