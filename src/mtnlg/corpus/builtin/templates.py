"""The three tasks of the built-in corpus: how an example is drawn from the sentences of
templates.yaml.

In translation, Chinese puts time and place before the verb and marks aspect with 了, 过, 正在 and
会, so a model must reorder words and not only look them up. A summary has facts that no single
sentence of its report has. A response repeats something from a turn of its dialogue, so it cannot
be guessed without the context; where two things are named, the last turn decides between them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import TypeVar

from mtnlg.corpus.builtin.world import WORLD, Filler, read_data

Item = TypeVar("Item")
Filling = Mapping[str, Filler]
"""Slot -> its filler."""

OPENING_CHANCE = 0.85
MIDDLE_CHANCE = 0.7
CLOSING_CHANCE = 0.6
GREETING_CHANCE = 0.3
MAX_TURNS_TO_GREET = 3


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


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence in both languages, an event with its summary, or a scene with its response."""

    keys: tuple[str, ...]
    """The slots whose fillers decide the split together."""
    source: tuple[str, ...]
    """Sentences or turns."""
    target: str


@dataclass(frozen=True)
class _Templates:
    """The content of templates.yaml."""

    translation: dict[str, str]
    summarization: dict[str, str]
    openings: str
    middles: str
    closings: str
    dialogue: list[dict[str, str]]
    greetings: list[str]


def draw_translation(dice: Dice) -> Draft:
    """A sentence of a random pattern with random fillers."""
    pattern = dice.pick(SENTENCES)
    filling = _fill(pattern.source, dice=dice)
    return Draft(
        _render_english(pattern.source[0], filling),
        _render_chinese(pattern.target, filling),
        _combine(pattern.keys, filling),
    )


def draw_summarization(dice: Dice) -> Draft:
    """A report of a random event with random fillers and asides."""
    event = dice.pick(EVENTS)
    sentences = _report(event, dice)
    filling = _fill((*event.source, *sentences), dice=dice)
    return Draft(
        " ".join(_render_english(sentence, filling) for sentence in sentences),
        _render_english(event.target, filling),
        _combine(event.keys, filling),
    )


def draw_dialogue(dice: Dice) -> Draft:
    """A random scene, sometimes after a greeting, with a line for each turn."""
    scene = dice.pick(dice.pick(SCENES))
    filling = _fill((*scene.source, scene.target), dice=dice)
    turns = [_render_english(turn, filling) for turn in scene.source]
    if len(turns) <= MAX_TURNS_TO_GREET and dice.is_below(GREETING_CHANCE):
        turns = [*dice.pick(GREETINGS), *turns]
    return Draft(
        "\n".join(turns),
        _render_english(scene.target, filling),
        _combine(scene.keys, filling),
    )


def _report(event: Pattern, dice: Dice) -> list[str]:
    """The facts between asides; asides in the middle name no people, so that pronouns are clear."""
    sentences = list(event.source)
    has_opening = dice.is_below(OPENING_CHANCE)
    if dice.is_below(MIDDLE_CHANCE):
        sentences.insert(dice.pick(range(1, len(sentences))), dice.pick(MIDDLES))
    if dice.is_below(CLOSING_CHANCE) or not has_opening:
        sentences.append(dice.pick(CLOSINGS))
    return [dice.pick(OPENINGS), *sentences] if has_opening else sentences


def _fill(templates: Iterable[str], *, dice: Dice) -> dict[str, Filler]:
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


def _render_english(template: str, filling: Filling) -> str:
    """The template in English, with a capital at the start."""
    text = _render(template, {slot: filler.english for slot, filler in filling.items()})
    return text[:1].upper() + text[1:]


def _render_chinese(template: str, filling: Filling) -> str:
    """The template in Chinese."""
    return _render(template, {slot: filler.chinese for slot, filler in filling.items()})


def _combine(slots: Iterable[str], filling: Filling) -> tuple[str, ...]:
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


def _sentences(groups: dict[str, str]) -> Iterator[Pattern]:
    for keys, text in groups.items():
        lines = text.splitlines()
        for english, chinese in zip(lines[::2], lines[1::2], strict=True):
            yield Pattern(tuple(keys.split()), (english,), chinese)


def _events(groups: dict[str, str]) -> Iterator[Pattern]:
    for keys, text in groups.items():
        summary, *wordings = text.strip().split("\n\n")
        for wording in wordings:
            yield Pattern(tuple(keys.split()), tuple(wording.splitlines()), summary)


def _scene(keys: str, text: str) -> Pattern:
    *turns, response = text.splitlines()
    return Pattern(tuple(keys.split()), tuple(turns), response)


_TEMPLATES = read_data(__file__, _Templates)

SENTENCES = tuple(_sentences(_TEMPLATES.translation))
EVENTS = tuple(_events(_TEMPLATES.summarization))
"""Every event in each of its wordings, drawn with equal chance."""
OPENINGS, MIDDLES, CLOSINGS = (
    text.splitlines() for text in (_TEMPLATES.openings, _TEMPLATES.middles, _TEMPLATES.closings)
)
SCENES = [[_scene(*item) for item in group.items()] for group in _TEMPLATES.dialogue]
"""Groups of scenes that begin alike; a group is drawn, then a scene of it."""
GREETINGS = [greeting.splitlines() for greeting in _TEMPLATES.greetings]
