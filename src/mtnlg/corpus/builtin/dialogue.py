"""The dialogue task of the built-in corpus: turns of two speakers, and the next response.

A response repeats something from a turn (a price, a place, a name, a time), so it cannot be guessed
without the context. Where two things are named, the last turn decides between them.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtnlg.corpus.builtin.filling import Dice, Draft, combine, fill, render_english

_GREETING_CHANCE = 0.3
_MAX_TURNS_TO_GREET = 3

GREETINGS = (
    ("Good morning.", "Good morning."),
    ("Hello.", "Hello, nice to see you."),
    ("Good evening.", "Good evening, how nice to see you."),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation of two people."""

    keys: tuple[str, ...]
    """The slots whose fillers decide the split together."""
    turns: tuple[str, ...]
    """The context, in which the speakers alternate."""
    response: str


def draw_dialogue(dice: Dice) -> Draft:
    """A random scene, sometimes after a greeting, with a line for each turn."""
    scene = dice.pick(dice.pick(SCENES))
    filling = fill((*scene.turns, scene.response), dice=dice)
    turns = [render_english(turn, filling) for turn in scene.turns]
    if len(turns) <= _MAX_TURNS_TO_GREET and dice.is_below(_GREETING_CHANCE):
        turns = [*dice.pick(GREETINGS), *turns]
    return Draft(
        "\n".join(turns),
        render_english(scene.response, filling),
        combine(scene.keys, filling),
    )


def _scene(keys: str, *lines: str) -> Scene:
    """A scene whose last line is the response."""
    return Scene(tuple(keys.split()), lines[:-1], lines[-1])


def _ask_price(index: int) -> Scene:
    thing, price = ("thing", "thing2", "thing3")[index], ("price", "price2", "price3")[index]
    return _scene(
        f"{thing} {price}",
        "What do you sell today?",
        "{thing_one} is {price}, {thing2_one} is {price2} and {thing3_one} is {price3}.",
        f"How much is {{{thing}_one}}?",
        f"{{{thing}_one}} costs {{{price}}}.",
    )


def _ask_stock(index: int) -> Scene:
    good = ("good", "good2", "good3")[index]
    return _scene(
        f"{good} number",
        "Welcome. Today we have {good_plural}, {good2_plural} and {good3_plural}.",
        f"Can I have {{number}} {{{good}_plural}}, please?",
        f"Here are your {{number}} {{{good}_plural}}.",
    )


_SHOP = (
    tuple(_ask_price(index) for index in range(3)),
    tuple(_ask_stock(index) for index in range(3)),
    (
        _scene(
            "good good2",
            "Welcome. Today we have {good_plural}, {good2_plural} and {good3_plural}.",
            "Can I have {number} {good4_plural}, please?",
            "Sorry, we only have {good_plural}, {good2_plural} and {good3_plural}.",
        ),
    ),
    (
        _scene(
            "drinks2 foods",
            "What would you like?",
            "{foods} and {drinks}, please.",
            "Sorry, we have no {drinks_liquid} today.",
            "Then I will have {drinks2}.",
            "All right, {drinks2} and {foods}.",
        ),
        _scene(
            "drinks foods2",
            "What would you like?",
            "{foods} and {drinks}, please.",
            "Sorry, we have no {foods_plural} today.",
            "Then I will have {foods2}.",
            "All right, {drinks} and {foods2}.",
        ),
    ),
)

_PLANS = (
    (
        _scene(
            "place clock",
            "Can we meet at {place} on {day}?",
            "I am busy on {day}, but I am free on {day2}.",
            "What time is good for you?",
            "{clock} is fine.",
            "See you at {place} at {clock} on {day2}.",
        ),
        _scene(
            "place2 clock",
            "Shall we meet at {place} at {clock} on {day}?",
            "{place} is too far for me. What about {place2}?",
            "See you at {place2} at {clock} on {day}.",
        ),
    ),
    (
        _scene(
            "person thing",
            "It is {person}'s birthday on {day}.",
            "What can we give {person_object}?",
            "{person_pronoun} has no {thing}, but {person_pronoun} has {things2}.",
            "Let us buy {person} {thing_one} before {day}.",
        ),
    ),
    (
        _scene(
            "person city",
            "Where are you going, {person}?",
            "I am going to {city} to see {person2}.",
            "How long will you stay there?",
            "I will stay for {days}.",
            "Enjoy your {days} in {city}, {person}, and greet {person2}.",
        ),
    ),
)

_FACTS = (
    (
        _scene(
            "person city",
            "Do you know {person} and {person2}?",
            "{person} is {job_one} from {city}, and {person2} is {job2_one} from {city2}.",
            "Where is {person} from?",
            "{person} comes from {city}.",
        ),
        _scene(
            "person2 city2",
            "Do you know {person} and {person2}?",
            "{person} is {job_one} from {city}, and {person2} is {job2_one} from {city2}.",
            "Where is {person2} from?",
            "{person2} comes from {city2}.",
        ),
        _scene(
            "person job",
            "Do you know {person} and {person2}?",
            "{person} is {job_one} from {city}, and {person2} is {job2_one} from {city2}.",
            "What does {person} do?",
            "{person} is {job_one}.",
        ),
        _scene(
            "person2 job2",
            "Do you know {person} and {person2}?",
            "{person} is {job_one} from {city}, and {person2} is {job2_one} from {city2}.",
            "What does {person2} do?",
            "{person2} is {job2_one}.",
        ),
    ),
    (
        _scene(
            "thing surface",
            "Where did you put my {thing} and my {thing2}?",
            "The {thing} is on the {surface}, and the {thing2} is on the {surface2}.",
            "I cannot see the {thing}.",
            "I put the {thing} on the {surface}.",
        ),
        _scene(
            "thing2 surface2",
            "Where did you put my {thing} and my {thing2}?",
            "The {thing} is on the {surface}, and the {thing2} is on the {surface2}.",
            "I cannot see the {thing2}.",
            "I put the {thing2} on the {surface2}.",
        ),
    ),
    (
        _scene(
            "place dawn2",
            "When does {place} open?",
            "It opens at {dawn}, but on {day} it opens at {dawn2}.",
            "I will go there on {day}.",
            "{place} opens at {dawn2} on {day}.",
        ),
        _scene(
            "place dawn",
            "When does {place} open?",
            "It opens at {dawn}, but on {day} it opens at {dawn2}.",
            "I will go there on {day2}.",
            "{place} opens at {dawn} on {day2}.",
        ),
    ),
)

_WAYS = (
    (
        _scene(
            "place number",
            "Can I walk to {place}?",
            "No, but bus {number} goes to {place} and bus {number2} goes to {place2}.",
            "Thank you, I will take bus {number} to {place}.",
        ),
        _scene(
            "place2 number2",
            "Can I walk to {place2}?",
            "No, but bus {number} goes to {place} and bus {number2} goes to {place2}.",
            "Thank you, I will take bus {number2} to {place2}.",
        ),
        _scene(
            "place minutes",
            "Where is {place}?",
            "It is {way} {place2}.",
            "Can I walk there?",
            "Yes, it takes {minutes}.",
            "Thank you, I will walk {minutes} to {place}.",
        ),
    ),
    (
        _scene(
            "city clock",
            "How can I get to {city} on {day}?",
            "There is a {transport} at {clock} and a {transport2} at {clock2}.",
            "I will take the {transport}.",
            "One ticket for the {clock} {transport} to {city}.",
        ),
        _scene(
            "city clock2",
            "How can I get to {city} on {day}?",
            "There is a {transport} at {clock} and a {transport2} at {clock2}.",
            "I will take the {transport2}.",
            "One ticket for the {clock2} {transport2} to {city}.",
        ),
    ),
)

_TROUBLES = (
    (
        _scene(
            "ware place",
            "I lost my {ware} yesterday.",
            "What color is it?",
            "It is {color}.",
            "Where did you see it last?",
            "At {place}, I think.",
            "We will look for your {color} {ware} at {place}.",
        ),
    ),
    (
        _scene(
            "person clock",
            "Can I speak to {person}, please?",
            "Sorry, {person_pronoun} is at {place} now.",
            "This is {person2}. I will come at {clock}.",
            "I will tell {person} that {person2} will come at {clock}.",
        ),
    ),
    (
        _scene(
            "person2 place",
            "{person}, you look {trouble}.",
            "I waited at {place} for {person2} and {person3}, but only {person3} came.",
            "Sorry that {person2} did not come to {place}, {person}.",
        ),
        _scene(
            "person3 place",
            "{person}, you look {trouble}.",
            "I waited at {place} for {person2} and {person3}, but only {person2} came.",
            "Sorry that {person3} did not come to {place}, {person}.",
        ),
    ),
    (
        _scene(
            "supplies city",
            "{person}, I brought you {supplies} from {city}.",
            "How nice! Did you go there with {person2}?",
            "No, I went with {person3}.",
            "Thank you and {person3} for the {supplies} from {city}.",
        ),
    ),
)

SCENES = (*_SHOP, *_PLANS, *_FACTS, *_WAYS, *_TROUBLES)
"""Groups of scenes that begin alike; a group is drawn, then a scene of it."""
