"""Names that make the systems of one board unique, no longer than they need to be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

LIST = re.compile(r"(.*=\[[^,\[\]{}]*),([^\[\]{}]*)\]", re.DOTALL)
"""An override that gives a list of several words: all up to the end of the first, and the others.
"""


class Identity(NamedTuple):
    """Everything by which two systems of one name may differ, in the order in which it is shown."""

    system: str
    decoding: str | None = None
    overrides: tuple[str, ...] = ()
    kind: str = ""
    seeds: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()


def distinct_labels(items: Sequence[Identity]) -> list[str]:
    """One label each: the name, then of decoding, overrides, kind, seeds and runs what differs
    among equals.
    """
    labels = [item.system for item in items]
    for members in _grouped(range(len(items)), key=lambda index: items[index].system):
        _extend(labels, items, members, remaining=ASPECTS)
    return labels


def parse_override(override: str) -> tuple[str, str]:
    """The name and the value of the setting in an override, such as `+model=tiny`."""
    name, _, value = override.lstrip("+~").partition("=")
    return name, value


def without_seed(overrides: Iterable[str]) -> tuple[str, ...]:
    """The overrides that are not about the seed, sorted, so that order makes no difference."""
    kept = [text for text in overrides if parse_override(text)[0] != "seed"]
    return tuple(sorted(kept))


Aspect = Callable[[Identity, frozenset[str]], str]


def _decoding(item: Identity, _: frozenset[str]) -> str:
    return item.decoding or ""


def _overrides(item: Identity, shared: frozenset[str]) -> str:
    particular = [text for text in without_seed(item.overrides) if text not in shared]
    return " ".join(map(_with_short_list, particular))


def _with_short_list(override: str) -> str:
    """Of a list the first word and how many follow, as of the tasks of a joint model; where that
    is not enough to distinguish two systems, their runs do.
    """
    match = LIST.fullmatch(override)
    return override if match is None else f"{match[1]}, +{match[2].count(',') + 1}]"


def _kind(item: Identity, _: frozenset[str]) -> str:
    return item.kind


def _seeds(item: Identity, _: frozenset[str]) -> str:
    return "seed " + ", ".join(map(str, item.seeds)) if item.seeds else ""


def _runs(item: Identity, _: frozenset[str]) -> str:
    return "run " + ", ".join(item.runs) if item.runs else ""


ASPECTS: tuple[Aspect, ...] = (_decoding, _overrides, _kind, _seeds, _runs)


def _extend(
    labels: list[str],
    items: Sequence[Identity],
    members: Sequence[int],
    *,
    remaining: Sequence[Aspect],
) -> None:
    """Lengthen the labels of members that are still equal, by the first aspect in which they
    differ, and so on.
    """
    if len(members) < 2 or not remaining:
        return
    shared = frozenset.intersection(*(frozenset(items[index].overrides) for index in members))
    words = {index: remaining[0](items[index], shared) for index in members}
    if len(set(words.values())) > 1:
        for index in members:
            labels[index] += f" · {words[index]}" if words[index] else ""
    for group in _grouped(members, key=words.__getitem__):
        _extend(labels, items, group, remaining=remaining[1:])


def _grouped(indexes: Iterable[int], key: Callable[[int], str]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for index in indexes:
        groups.setdefault(key(index), []).append(index)
    return list(groups.values())
