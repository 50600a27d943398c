"""Published numbers and signatures of a system, and whether our scores agree with them.

A claim that does not agree is an error: most often these are other outputs, or they were measured
in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtnlg.doctor.published import PublishedNumber, parse_number
from mtnlg.doctor.settings import FAMILIES, read_settings
from mtnlg.doctor.values import ours
from mtnlg.doctor.verdict import judge, setting_text
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
"""Parts that do not change the value, or that the rows themselves show. A change by a version shows
in the number.
"""
REASONS = {
    "tok": "other tokens give other numbers",
    "case": "lower-cased texts agree more often",
    "nrefs": "more references give higher numbers",
    "stem": "a stemmer makes more words equal",
}
"""Part of a signature -> why it matters, in words."""
REMEDY = "`mtnlg doctor` shows these outputs under the common settings side by side"


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
    """The metric that a signature in sacreBLEU's form is of, which may stand before it, and its
    parts by their long names; raises ConfigError where there is none. Releases before 2.0 wrote
    `BLEU+case.mixed+numrefs.1`.
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
    word: str, *, metric: str, parts: Mapping[str, str], own_signature: str
) -> None:
    """Raise ConfigError if a part that changes the value differs from ours."""
    our_parts = dict(piece.split(":", 1) for piece in own_signature.split("|"))
    odd = [
        key
        for key in dict.fromkeys((*parts, *our_parts))
        if key not in NOT_THE_VALUE and key in parts and parts[key] != our_parts.get(key)
    ]
    if odd:
        differences = ", ".join(
            f"{key}:{parts[key]} against {key}:{our_parts[key]}"
            if key in our_parts
            else f"{key}:{parts[key]}, which ours does not have"
            for key in odd
        )
        reasons = [REASONS[key] for key in odd if key in REASONS]
        raise ConfigError(
            f"--signature {word}: {metric} of this board has the signature {own_signature}; they "
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
