"""The summarization task of the built-in corpus: a short report and the sentence that matters.

A report gives the facts of an event in several sentences, between asides about other people, places
and times. The summary says who, what, where and when, with facts that no single sentence has.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtnlg.corpus.builtin.filling import Dice, Draft, combine, fill, render_english

_OPENING_CHANCE = 0.85
_MIDDLE_CHANCE = 0.7
_CLOSING_CHANCE = 0.6


@dataclass(frozen=True, slots=True)
class Event:
    """The event of a report."""

    keys: tuple[str, ...]
    """The slots whose fillers decide the split together."""
    summary: str
    facts: tuple[str, ...]
    """Sentences, in the order of the report."""


def draw_summarization(dice: Dice) -> Draft:
    """A report of a random event with random fillers and asides."""
    event = dice.pick(EVENTS)
    sentences = _report(event, dice)
    filling = fill((*event.facts, *sentences), dice=dice)
    return Draft(
        " ".join(render_english(sentence, filling) for sentence in sentences),
        render_english(event.summary, filling),
        combine(event.keys, filling),
    )


def _report(event: Event, dice: Dice) -> list[str]:
    """The facts between asides; asides in the middle name no people, so that pronouns are clear."""
    sentences = list(event.facts)
    has_opening = dice.is_below(_OPENING_CHANCE)
    if dice.is_below(_MIDDLE_CHANCE):
        sentences.insert(dice.pick(range(1, len(sentences))), dice.pick(MIDDLES))
    if dice.is_below(_CLOSING_CHANCE) or not has_opening:
        sentences.append(dice.pick(CLOSINGS))
    return [dice.pick(OPENINGS), *sentences] if has_opening else sentences


def _events(keys: str, summary: str, *wordings: tuple[str, ...]) -> tuple[Event, ...]:
    """An event in several wordings."""
    return tuple(Event(tuple(keys.split()), summary, facts) for facts in wordings)


OPENINGS = (
    "It {weather9_was} in {city9} last week.",
    "{person9} was at home with a cold.",
    "{person9} was {action9_doing} at {place9} as always.",
    "A week before, {person9} bought {goods9} at {shop9}.",
    "Last year {person9} won the {contest9} contest.",
    "Last month {person9} lost {thing9_one} at {place9}.",
    "{city9} is a big city, and {person9} likes to live there.",
    "{person9} and {person8} were in {city9} at the time.",
)

MIDDLES = (
    "It {weather9_was} all day.",
    "Many people were there.",
    "{place8} was closed that day.",
    "The bus from {place8} was full that day.",
    "A cup of tea cost {fee9} there.",
)

CLOSINGS = (
    "{person7} read about it in the newspaper.",
    "{person7} was too busy to come.",
    "{person7} heard about it from {person6}.",
    "{person7} will go to {place7} next week.",
    "In the evening {person7} and {person6} talked about it.",
)

_ABOUT_PEOPLE = (
    *_events(
        "person goods",
        "{person} bought {goods} for {person2} at {shop} on {day}.",
        (
            "{person} needed a present for {person2}.",
            "On {day} {person_pronoun} went to {shop}.",
            "After a long time {person_pronoun} paid {price} for {goods}.",
        ),
        (
            "It was {person2}'s birthday, and {person} wanted to give {person2_object} something.",
            "{shop} was open on {day}, so {person} went in.",
            "There {person_pronoun} chose {goods} and paid {price}.",
        ),
    ),
    *_events(
        "person thing",
        "{person2} found the {thing} that {person} lost at {place} on {day}.",
        (
            "{person} was at {place} on {day}.",
            "On the way home {person_pronoun} could not find the {thing} in the {color} bag.",
            "{person2}, {job_one}, saw the {thing} under a chair and gave it back.",
        ),
        (
            "{person} could not find the {thing} that {person_pronoun} had at {place}.",
            "That was on {day}, and it was already late.",
            "{job_one}, {person2}, brought the {thing} back {days} later.",
        ),
    ),
    *_events(
        "person job2",
        "After {years} as {job_one}, {person} became {job2_one} in {city} on {day}.",
        (
            "{person} was {job_one} for {years}.",
            "This spring {person_pronoun} moved to {city}.",
            "On {day} {person_pronoun} began to work there as {job2_one}.",
        ),
    ),
    *_events(
        "person city",
        "{person} and {person2} went to {city} {journey} on {day} for {days}.",
        (
            "{person} talked with {person2} about {city} for a long time.",
            "At last they left {journey} on {day}.",
            "They will stay for {days} and then come home.",
        ),
    ),
)

_ABOUT_PLACES = (
    *_events(
        "contest place",
        "{person2}, {job_one}, won the {contest} contest at {place} on {day}.",
        (
            "There was a {contest} contest at {place} on {day}.",
            "{crowd} people took part.",
            "{person} came second, and the prize went to {person2}, {job_one}.",
        ),
        (
            "On {day} {crowd} people came to {place} for the {contest} contest.",
            "It began at {clock}.",
            "{person2}, {job_one}, took the prize, and {person} came second.",
        ),
    ),
    *_events(
        "victim place",
        "{person} saved {victim_one} from the river near {place} on {day}.",
        (
            "On {day} {victim_one} fell into the river.",
            "{person} was {action_doing} near {place} and heard a cry.",
            "{person_pronoun} jumped into the cold water at once.",
        ),
        (
            "{person}, {job_one}, goes to {place} by the river every {day}.",
            "This time {person_pronoun} saw {victim_one} in the water.",
            "{person_pronoun} swam fast, and soon the {victim} was safe.",
        ),
    ),
    *_events(
        "place city",
        "The new {place_bare} in {city} opened on {day}, and {person} was the first visitor.",
        (
            "For {years} the people of {city} wanted {place_one}.",
            "On {day} the new {place_bare} opened at {clock}.",
            "{person}, {job_one}, was the first to go in.",
        ),
    ),
    *_events(
        "city late",
        "The {transport} to {city} left at {late} on {day} because of {cause}.",
        (
            "The {transport} to {city} leaves at {early} every day.",
            "On {day} there was {cause}.",
            "The {crowd} people in the {transport} had to wait until {late}.",
        ),
    ),
)

_ABOUT_GOODS = (
    *_events(
        "person things",
        "{person}, {job_one}, gave {things} to {place} on {day}.",
        (
            "{place} had no {things_plural}.",
            "{person}, {job_one}, heard about this from {person2}.",
            "On {day} {person_pronoun} came with {things} and took no money.",
        ),
    ),
    *_events(
        "person good",
        "{person} sold {many} {good_plural} at {shop} on {day}.",
        (
            "{person} has a small table at {shop}.",
            "Most days {person_pronoun} sells {few} {good_plural}.",
            "On {day} {person2} helped, and they sold {many}.",
        ),
        (
            "{person} sells {good_plural} at {shop} every day.",
            "On {day2} {person_pronoun} sold only {few}.",
            "On {day} the number was {many}, and {person_pronoun} was very happy.",
        ),
    ),
    *_events(
        "person animals",
        "{animals} from {person}'s farm near {city} {animals_was} found at {place} on {day}.",
        (
            "{person} has a farm near {city}.",
            "One night {animals} ran away from there.",
            "On {day} {person2} saw the {animals_noun} at {place} and called {person}.",
        ),
    ),
)

EVENTS = (*_ABOUT_PEOPLE, *_ABOUT_PLACES, *_ABOUT_GOODS)
"""Every event in each of its wordings, drawn with equal chance."""
