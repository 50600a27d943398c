"""The three tasks of the built-in corpus: how an example is drawn from the sentences of
templates.yaml.

In translation, Chinese puts time and place before the verb and marks aspect with 了, 过, 正在 and
会, so a model must reorder words and not only look them up. A summary has facts that no single
sentence of its report has. A response repeats something from a turn of its dialogue, so it cannot
be guessed without the context; where two things are named, the last turn decides between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mtnlg.corpus.builtin.filling import (
    Dice,
    Draft,
    combine,
    fill,
    render_chinese,
    render_english,
)
from mtnlg.corpus.builtin.world import read_data

OPENING_CHANCE = 0.85
MIDDLE_CHANCE = 0.7
CLOSING_CHANCE = 0.6
GREETING_CHANCE = 0.3
MAX_TURNS_TO_GREET = 3


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
    filling = fill(pattern.source, dice=dice)
    return Draft(
        render_english(pattern.source[0], filling),
        render_chinese(pattern.target, filling),
        combine(pattern.keys, filling),
    )


def draw_summarization(dice: Dice) -> Draft:
    """A report of a random event with random fillers and asides."""
    event = dice.pick(EVENTS)
    sentences = _report(event, dice)
    filling = fill((*event.source, *sentences), dice=dice)
    return Draft(
        " ".join(render_english(sentence, filling) for sentence in sentences),
        render_english(event.target, filling),
        combine(event.keys, filling),
    )


def draw_dialogue(dice: Dice) -> Draft:
    """A random scene, sometimes after a greeting, with a line for each turn."""
    scene = dice.pick(dice.pick(SCENES))
    filling = fill((*scene.source, scene.target), dice=dice)
    turns = [render_english(turn, filling) for turn in scene.source]
    if len(turns) <= MAX_TURNS_TO_GREET and dice.is_below(GREETING_CHANCE):
        turns = [*dice.pick(GREETINGS), *turns]
    return Draft(
        "\n".join(turns),
        render_english(scene.target, filling),
        combine(scene.keys, filling),
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
