"""Which settings a published number agrees with.

Refuses to know: how it is shown. Agreement is no proof: it is told how many settings agree, and
what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtnlg.doctor.published import PublishedNumber
from mtnlg.doctor.settings import FAMILIES, Reading


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A number, and the settings that it may be of."""

    metric: str
    given: PublishedNumber
    number: PublishedNumber
    """As it is read: of a hundred."""
    readings: tuple[Reading, ...]
    """All that have a value, the nearest first."""

    @property
    def agreeing(self) -> tuple[Reading, ...]:
        """Those whose value rounds to the number."""
        return tuple(one for one in self.readings if self.number.agrees(_value(one)))

    @property
    def text(self) -> str:
        """The verdict in sentences."""
        read = "" if self.number is self.given else f" (read as {self.number} of 100)"
        start = f"{self.metric} {self.given}{read} agrees with"
        total = f"the {len(self.readings)} settings"
        found = self.agreeing
        if not found:
            if not self.readings:
                return f"{start} nothing: no setting has a value here"
            nearest = self.readings[0]
            return (
                f"{start} none of {total}; the nearest is {_value(nearest):.4f}, "
                f"{setting_text(nearest)}. The outputs or references are probably others, or it "
                "was measured in a way that is not among these"
            )
        names = "; ".join(map(setting_text, found))
        sentence = f"{start} {len(found)} of {total}: {names}"
        if len(found) == 1:
            return f"{sentence}. It was probably measured so"
        values = list(dict.fromkeys(f"{_value(one):.4f}" for one in found))
        return f"{sentence}. They give {', '.join(values)}: the number does not tell them apart"


def judge(readings: Sequence[Reading], metric: str, given: PublishedNumber) -> Verdict:
    """The readings of the metric, or of others that are published under its name, by their distance
    to the number; one of at most 1 that has two decimals or more is on a scale of 0 to 1.
    """
    is_share = 0 < given.value <= 1 and int(given.value.as_tuple().exponent) <= -2
    number = given.of_hundred if is_share else given
    family = FAMILIES.get(metric, (metric,))
    known = [
        one for one in readings if one.setting.metric in family and one.value.value is not None
    ]
    known.sort(key=lambda one: abs(_value(one) - float(number.value)))
    return Verdict(metric=metric, given=given, number=number, readings=tuple(known))


def setting_text(reading: Reading) -> str:
    """Metric, setting and who measures so."""
    users = ", ".join(reading.setting.users)
    return f"{reading.setting.metric}, {reading.setting.words}" + (f" ({users})" if users else "")


def _value(reading: Reading) -> float:
    assert reading.value.value is not None, reading
    return reading.value.value
