"""Which settings a published number agrees with. Agreement is no proof, so the verdict names all
settings that agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtnlg.doctor.published import PublishedNumber
from mtnlg.doctor.settings import FAMILIES, Reading


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A published number and the settings by its distance to them."""

    metric: str
    given: PublishedNumber
    number: PublishedNumber
    """On a scale of 0 to 100."""
    readings: tuple[Reading, ...]
    """Settings that have a value, the nearest first."""

    @property
    def agreeing(self) -> tuple[Reading, ...]:
        """The settings whose value rounds to the number."""
        return tuple(row for row in self.readings if self.number.agrees(_value(row)))

    @property
    def text(self) -> str:
        """The verdict in sentences."""
        read = "" if self.number is self.given else f" (read as {self.number} of 100)"
        start = f"{self.metric} {self.given}{read} agrees with"
        total = f"the {len(self.readings)} settings"
        agreeing = self.agreeing
        if not agreeing:
            if not self.readings:
                return f"{start} nothing: no setting has a value here"
            nearest = self.readings[0]
            return (
                f"{start} none of {total}; the nearest is {_value(nearest):.4f}, "
                f"{setting_text(nearest)}. The outputs or references are probably others, or it "
                "was measured in a way that is not among these"
            )
        names = "; ".join(map(setting_text, agreeing))
        sentence = f"{start} {len(agreeing)} of {total}: {names}"
        if len(agreeing) == 1:
            return f"{sentence}. It was probably measured so"
        values = list(dict.fromkeys(f"{_value(row):.4f}" for row in agreeing))
        return f"{sentence}. They give {', '.join(values)}: the number fits all of them"


def judge(readings: Sequence[Reading], metric: str, given: PublishedNumber) -> Verdict:
    """The settings of the metric, and of metrics published under its name, by their distance to the
    number. A number up to 1 with two decimals or more is on a scale of 0 to 1.
    """
    is_share = 0 < given.value <= 1 and int(given.value.as_tuple().exponent) <= -2
    number = given.of_hundred if is_share else given
    family = FAMILIES.get(metric, (metric,))
    known = [
        row for row in readings if row.setting.metric in family and row.value.value is not None
    ]
    known.sort(key=lambda row: abs(_value(row) - float(number.value)))
    return Verdict(metric=metric, given=given, number=number, readings=tuple(known))


def setting_text(reading: Reading) -> str:
    """Metric, setting and who measures so."""
    users = ", ".join(reading.setting.users)
    return f"{reading.setting.metric}, {reading.setting.words}" + (f" ({users})" if users else "")


def _value(reading: Reading) -> float:
    assert reading.value.value is not None, reading
    return reading.value.value
