"""Names that make the systems of one board unique, no longer than necessary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

LIST = re.compile(r"(.*=\[[^,\[\]{}]*),([^\[\]{}]*)\]", re.DOTALL)
"""An override with a list of several words: all up to the end of the first, and the others."""

FRACTION = re.compile(r"(?<==)-?\d*\.\d+(?:e[-+]?\d+)?(?=$|\s)")
"""The value of an override, if it is one."""


class Identity(NamedTuple):
    """Everything by which two systems of one name may differ, in the order in which it is shown."""

    system: str
    decoding: str | None = None
    overrides: tuple[str, ...] = ()
    kind: str = ""
    seeds: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()


def distinct_labels(items: Sequence[Identity]) -> list[str]:
    """One label each: the name, and of decoding, overrides, kind, seeds and runs what distinguishes
    systems of one name.
    """
    labels = [item.system for item in items]
    for members in _grouped(range(len(items)), key=lambda index: items[index].system):
        _extend(labels, items, members)
    return labels


def parse_override(override: str) -> tuple[str, str]:
    """The name and the value of the setting in an override, such as `+model=tiny`."""
    name, _, value = override.lstrip("+~").partition("=")
    return name, value


def without_seed(overrides: Iterable[str]) -> tuple[str, ...]:
    """The overrides without those of the seed, sorted, so that order makes no difference."""
    kept = [text for text in overrides if parse_override(text)[0] != "seed"]
    return tuple(sorted(kept))


def with_short_numbers(texts: Sequence[str]) -> list[str]:
    """The overrides of several systems with four digits of each longer fraction, as of a searched
    learning rate; those that would then look like others stay whole.
    """
    short = {text: FRACTION.sub(_four_digits, text) for text in texts}
    counts = Counter(short.values())
    return [short[text] if counts[short[text]] == 1 else text for text in texts]


def _four_digits(match: re.Match[str]) -> str:
    digits = match[0].partition("e")[0]
    is_long = len(digits.replace(".", "").lstrip("-0")) > 4
    return f"{float(match[0]):.4g}" if is_long else match[0]


NUM_ASPECTS = 5


def _aspects(item: Identity, shared: frozenset[str]) -> tuple[str, ...]:
    """What a label may say of a system, in that order, without the overrides that all share."""
    particular = [text for text in without_seed(item.overrides) if text not in shared]
    return (
        item.decoding or "",
        " ".join(map(_with_short_list, particular)),
        item.kind,
        f"seed {', '.join(map(str, item.seeds))}" if item.seeds else "",
        f"run {', '.join(item.runs)}" if item.runs else "",
    )


def _with_short_list(override: str) -> str:
    """A list by its first word and how many follow, as of the tasks of a joint model; where that
    is not enough to distinguish two systems, their runs do.
    """
    match = LIST.fullmatch(override)
    return override if match is None else f"{match[1]}, +{match[2].count(',') + 1}]"


def _extend(
    labels: list[str], items: Sequence[Identity], members: Sequence[int], *, aspect: int = 0
) -> None:
    """Lengthen the labels of members that are still equal, by the first aspect in which they
    differ, and so on.
    """
    if len(members) < 2 or aspect == NUM_ASPECTS:
        return
    shared = frozenset.intersection(*(frozenset(items[index].overrides) for index in members))
    texts = with_short_numbers([_aspects(items[index], shared)[aspect] for index in members])
    words = dict(zip(members, texts, strict=True))
    if len(set(words.values())) > 1:
        for index in members:
            labels[index] += f" · {words[index]}" if words[index] else ""
    for group in _grouped(members, key=words.__getitem__):
        _extend(labels, items, group, aspect=aspect + 1)


def _grouped(indexes: Iterable[int], key: Callable[[int], str]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for index in indexes:
        groups.setdefault(key(index), []).append(index)
    return list(groups.values())
