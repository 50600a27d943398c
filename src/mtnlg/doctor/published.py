"""Published numbers and signatures: which settings they agree with, and whether ours does.

Agreement is no proof, so a verdict names all settings that agree. Where a claim is made of outputs,
a number that does not agree is an error: most often these are other outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from mtnlg.doctor.settings import FAMILIES, Reading, read_settings
from mtnlg.doctor.values import ours
from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts, find_metric

NAMES = {"chrf2": "chrf"}
"""sacreBLEU's names of metrics, as it prints them before a signature -> ours."""
LONG_NAMES = {
    **{"#": "nrefs", "c": "case", "e": "eff", "s": "smooth", "v": "version"},
    **{"t": "test", "l": "lang", "o": "origlang", "S": "subset", "rs": "seed"},
    **{"numrefs": "nrefs", "numchars": "nc"},
}
"""Parts of a signature as `sacrebleu --short` names them, and as releases before 2.0 did."""
NOT_THE_VALUE = ("version", "bs", "ar", "seed", "test", "lang", "origlang", "subset")
"""Parts that do not change the value, or only in ways that the rows or the number show."""
REASONS = {
    "tok": "other tokens give other numbers",
    "case": "lower-cased texts agree more often",
    "nrefs": "more references give higher numbers",
    "stem": "a stemmer makes more words equal",
}
"""Part of a signature -> why it matters, in words."""
MANY_SETTINGS = 30
"""More settings than the metrics of one task have: one of them may well fit by chance."""
REMEDY = "`mtnlg doctor` shows these outputs under the common settings side by side"


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """A number whose decimals say how precise it is."""

    value: Decimal

    def agrees(self, value: float, *, tolerance: float = 0.0) -> bool:
        """Whether a value that is at most so far away rounds, up or down, to this number."""
        half = Decimal((0, (5,), int(self.value.as_tuple().exponent) - 1))
        return abs(Decimal(repr(value)) - self.value) <= half + Decimal(repr(tolerance))

    @property
    def of_hundred(self) -> PublishedNumber:
        """The number times a hundred, for one on a scale of 0 to 1."""
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


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A published number and the settings that could have given it."""

    metric: str
    """What it was published as; empty if that is not known."""
    given: PublishedNumber
    number: PublishedNumber
    """On a scale of 0 to 100."""
    readings: tuple[Reading, ...]
    """Settings that have a value, the nearest first."""

    @property
    def agreeing(self) -> tuple[Reading, ...]:
        """The settings whose value rounds to the number: first those of its metric, and of them
        those with an exact value.
        """
        family = FAMILIES.get(self.metric, (self.metric,))
        rows = [
            row
            for row in self.readings
            if self.number.agrees(_value(row), tolerance=row.value.tolerance)
        ]
        rows.sort(key=lambda row: (row.setting.metric not in family, row.value.tolerance))
        return tuple(rows)

    @property
    def text(self) -> str:
        """The verdict in sentences."""
        read = "" if self.number is self.given else f" (read as {self.number} of 100)"
        start = f"{self.metric} {self.given}{read} agrees with".lstrip()
        total = f"the {len(self.readings)} settings"
        if not self.readings:
            return f"{start} nothing: no setting has a value here"
        agreeing = self.agreeing
        if not agreeing:
            nearest = self.readings[0]
            return (
                f"{start} none of {total}; the nearest is {_value(nearest):.4f}, "
                f"{setting_text(nearest)}. It may have been measured in a way that is not among "
                "these, on texts that were changed, as by a tokenizer, or on other outputs or "
                "references"
            )
        names = "; ".join(map(setting_text, agreeing))
        sentence = f"{start} {len(agreeing)} of {total}: {names}"
        metric = agreeing[0].setting.metric
        if self.metric and metric not in FAMILIES.get(self.metric, (self.metric,)):
            sentence += f". So it is a number of {metric} rather than of {self.metric}"
        if len(agreeing) == 1:
            if len(self.readings) > MANY_SETTINGS:
                return f"{sentence}. It may be so, or by chance: {len(self.readings)} were tried"
            return f"{sentence}. It was probably measured so"
        values = list(dict.fromkeys(f"{_value(row):.4f}" for row in agreeing))
        return f"{sentence}. They give {', '.join(values)}: the number fits all of them"


def judge(readings: Sequence[Reading], metric: str, given: PublishedNumber) -> Verdict:
    """The settings of all metrics by their distance to the number. A number up to 1 with
    two decimals or more is on a scale of 0 to 1.
    """
    is_share = 0 < given.value <= 1 and int(given.value.as_tuple().exponent) <= -2
    number = given.of_hundred if is_share else given
    known = [row for row in readings if row.value.value is not None]
    known.sort(key=lambda row: abs(_value(row) - float(number.value)))
    return Verdict(metric=metric, given=given, number=number, readings=tuple(known))


def setting_text(reading: Reading) -> str:
    """Metric, setting, how far a number may be off, and who measures so."""
    users, tolerance = ", ".join(reading.setting.users), reading.value.tolerance
    range_text = f", within {tolerance:.2f}" if tolerance else ""
    named = f"{reading.setting.metric}, {reading.setting.words}{range_text}"
    return named + (f" ({users})" if users else "")


def _value(reading: Reading) -> float:
    assert reading.value.value is not None, reading
    return reading.value.value


@dataclass(frozen=True, slots=True)
class Claim:
    """A metric and its published number."""

    metric: str
    number: PublishedNumber


def parse_published(word: str) -> Claim:
    """The claim in a word such as `bleu=25.3`; raises ConfigError if it is not one."""
    name, _, text = word.partition("=")
    metric = find_metric(name.strip(), key="--published")
    number = parse_number(text)
    if number is None:
        raise ConfigError(
            f"--published {word}: must be a metric, =, and the number as it was published, such as "
            "bleu=25.3"
        )
    return Claim(metric.name, number)


def parse_signature(word: str, *, default_metric: str) -> tuple[str, dict[str, str]]:
    """The metric of a signature in sacreBLEU's form, which may begin with its name, and its parts
    by their long names. Releases before 2.0 wrote `BLEU+case.mixed+numrefs.1`.

    Raises ConfigError for anything else.
    """
    mark, separator = ("|", ":") if "|" in word or ":" in word else ("+", ".")
    pieces = [piece.strip() for piece in word.split(mark)]
    name = default_metric
    if separator not in pieces[0]:
        given = pieces.pop(0).lower()
        name = find_metric(NAMES.get(given, given), key="--signature").name
    parts = {}
    for piece in pieces or [word]:
        key, colon, value = piece.partition(separator)
        if not colon or not key or not value:
            raise ConfigError(
                f"--signature {word}: {piece!r} is no part of a signature; it must look like "
                "nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:2.6.0"
            )
        parts[LONG_NAMES.get(key, key)] = value
    return name, parts


def check_signature(
    word: str, *, metric: str, parts: Mapping[str, str], our_signature: str
) -> None:
    """Raise ConfigError if a part that changes the value differs from ours."""
    our_parts = dict(piece.split(":", 1) for piece in our_signature.split("|"))
    odd = [
        key
        for key, value in parts.items()
        if key not in NOT_THE_VALUE
        and value != our_parts.get(key)
        and (key, value) != ("nrefs", "all")  # what WMT writes for as many as there are
    ]
    if not odd:
        return
    differences = ", ".join(
        f"{key}:{parts[key]} against {key}:{our_parts[key]}"
        if key in our_parts
        else f"{key}:{parts[key]}, which ours does not have"
        for key in odd
    )
    reasons = [REASONS[key] for key in odd if key in REASONS]
    raise ConfigError(
        f"--signature {word}: {metric} of this board has the signature {our_signature}; they "
        f"differ by {differences}{': ' if reasons else ''}{'; '.join(reasons)}; {REMEDY}"
    )


def check_published(claims: Sequence[Claim], texts: Texts) -> None:
    """Raise ConfigError for the first number that our value does not round to."""
    for claim in claims:
        value = ours(claim.metric)(texts)
        assert value.value is not None, value
        if not claim.number.agrees(value.value):
            raise ConfigError(
                f"--published {claim.metric}={claim.number}: these outputs have {claim.metric} "
                f"{value.value:.4f} ({value.signature}); {_likely_reason(claim, texts)}; {REMEDY}"
            )


def _likely_reason(claim: Claim, texts: Texts) -> str:
    """The peer settings under which these outputs have the number."""
    readings = read_settings(texts, FAMILIES.get(claim.metric, (claim.metric,)))
    agreeing = judge(readings, claim.metric, claim.number).agreeing
    if not agreeing:
        return "these are other outputs, or it was measured in another way"
    if agreeing[0].difference == 0:
        return "it is on a scale of 0 to 1, and ours is 0 to 100"
    return f"it is what these give: {'; '.join(map(setting_text, agreeing))}"
