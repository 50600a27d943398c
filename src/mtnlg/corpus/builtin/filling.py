"""Fills the slots of templates with words of the world, by repeatable dice.

A template is text with fields such as `{person}`, `{goods2}` or `{person_pronoun}`: a kind of slot,
a digit to distinguish slots of a kind, and a form after an underscore.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import TypeVar

from mtnlg.corpus.builtin.world import WORLD, Filler

Item = TypeVar("Item")
Filling = Mapping[str, Filler]
"""Slot -> its filler."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An example before it is assigned to a split."""

    source: str
    reference: str
    combination: tuple[str, ...]
    """The fillers that decide the split."""


class Dice:
    """Choices that repeat on every Python version, which guarantees only the sequence of
    `random()`.
    """

    def __init__(self, *seeds: str | int) -> None:
        digest = hashlib.sha256("/".join(map(str, seeds)).encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))

    def pick(self, items: Sequence[Item]) -> Item:
        return items[int(self._random.random() * len(items))]

    def is_below(self, chance: float) -> bool:
        """True with this chance, in 0 to 1."""
        return self._random.random() < chance


def fill(templates: Iterable[str], *, dice: Dice) -> dict[str, Filler]:
    """A filler for each slot of the templates; no filler is used twice."""
    filling: dict[str, Filler] = {}
    used: set[str] = set()
    for slot in _slots(tuple(templates)):
        fillers = WORLD[slot.rstrip("0123456789")]
        filler = dice.pick(fillers)
        while filler.key in used:
            filler = dice.pick(fillers)
        used.add(filler.key)
        filling[slot] = filler
    return filling


def render_english(template: str, filling: Filling) -> str:
    """The template in English, with a capital at the start."""
    text = _render(template, {slot: filler.english for slot, filler in filling.items()})
    return text[:1].upper() + text[1:]


def render_chinese(template: str, filling: Filling) -> str:
    """The template in Chinese."""
    return _render(template, {slot: filler.chinese for slot, filler in filling.items()})


def combine(slots: Iterable[str], filling: Filling) -> tuple[str, ...]:
    """The keys of the fillers in these slots."""
    return tuple(filling[slot].key for slot in slots)


def _render(template: str, forms: Mapping[str, Mapping[str, str]]) -> str:
    text = ""
    for literal, field in _parsed(template):
        slot, _, form = field.partition("_")
        text += literal + (forms[slot][form] if field else "")
    return text


@cache
def _parsed(template: str) -> tuple[tuple[str, str], ...]:
    """The literals of a template, each with the field after it."""
    return tuple((literal, field or "") for literal, field, _, _ in Formatter().parse(template))


@cache
def _slots(templates: tuple[str, ...]) -> tuple[str, ...]:
    """The slots of the templates, in order of first use."""
    fields = (field for template in templates for _, field in _parsed(template) if field)
    return tuple(dict.fromkeys(field.partition("_")[0] for field in fields))
