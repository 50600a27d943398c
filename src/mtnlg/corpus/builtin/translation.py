"""The translation task of the built-in corpus: English sentences in Simplified Chinese.

A pattern is a sentence in both languages with the same slots. Chinese puts time and place before
the verb and marks aspect with 了, 过, 正在 and 会, so a model must reorder words and not only look
them up.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtnlg.corpus.builtin.filling import Dice, Draft, combine, fill, render_chinese, render_english


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence in both languages."""

    english: str
    chinese: str
    keys: tuple[str, ...]
    """The slots whose fillers decide the split together."""


def draw_translation(dice: Dice) -> Draft:
    """A sentence of a random pattern with random fillers."""
    pattern = dice.pick(PATTERNS)
    filling = fill((pattern.english,), dice=dice)
    return Draft(
        render_english(pattern.english, filling),
        render_chinese(pattern.chinese, filling),
        combine(pattern.keys, filling),
    )


def _patterns(keys: str, *sentences: tuple[str, str]) -> tuple[Pattern, ...]:
    """Patterns whose split is decided by the same slots."""
    return tuple(Pattern(english, chinese, tuple(keys.split())) for english, chinese in sentences)


_BUYING = _patterns(
    "person goods",
    ("{person} bought {goods} at {shop} {past}.", "{person}{past}在{shop}买了{goods}。"),
    ("{person} wants to buy {goods} at {shop} {future}.", "{person}想{future}去{shop}买{goods}。"),
    ("{person} gave {person2} {goods} {past}.", "{person}{past}送了{person2}{goods}。"),
    ("{person} has already bought {goods}.", "{person}已经买了{goods}。"),
    (
        "{person} went to {shop} {vehicle} {past} and bought {goods}.",
        "{person}{past}{vehicle}去{shop}买了{goods}。",
    ),
    (
        "{person} and {person2} bought {goods} together at {shop} {past}.",
        "{person}和{person2}{past}一起在{shop}买了{goods}。",
    ),
)

_ASKING_FOR_GOODS = (
    *_patterns(
        "person good",
        (
            "Where did {person} buy this {good}?",
            "{person}在哪里买的这{good_classifier}{good}？",
        ),
        (
            "How many {good_plural} did {person} buy at {shop}?",
            "{person}在{shop}买了几{good_classifier}{good}？",
        ),
        (
            "The {good} was too expensive, so {person} did not buy it.",
            "那{good_classifier}{good}太贵了，所以{person}没买。",
        ),
    ),
    *_patterns(
        "shop thing",
        ("How much is one {thing} at {shop}?", "{shop}的{thing}多少钱一{thing_classifier}？"),
        (
            "One {thing} costs {price} at {shop}.",
            "{shop}的{thing}一{thing_classifier}{price}。",
        ),
    ),
    *_patterns(
        "shop food",
        ("One {food} costs {fee} at {shop}.", "{shop}的{food}一{food_classifier}{fee}。"),
    ),
    *_patterns("person shop", ("What did {person} buy at {shop}?", "{person}在{shop}买了什么？")),
)

_OWNING = (
    *_patterns(
        "person thing",
        ("{person} does not have {thing_one}.", "{person}没有{thing}。"),
        ("Where is {person}'s {thing}?", "{person}的{thing}在哪里？"),
        ("Is this {person}'s {thing}?", "这是{person}的{thing}吗？"),
        (
            "{person} lost {thing_one} at {place} {past}.",
            "{person}{past}在{place}丢了{thing_one}。",
        ),
        ("{person} gave the {thing} to {person2}.", "{person}把{thing}给了{person2}。"),
        ("Please take the {thing} to {person}.", "请把{thing}带给{person}。"),
    ),
    *_patterns(
        "color ware",
        (
            "This {color} {ware} costs {price}.",
            "这{ware_classifier}{color}的{ware}{price}。",
        ),
        (
            "How much is that {color} {ware}?",
            "那{ware_classifier}{color}的{ware}多少钱？",
        ),
        ("{person} likes this {color} {ware}.", "{person}喜欢这{ware_classifier}{color}的{ware}。"),
    ),
    *_patterns(
        "things surface",
        ("There {things_be} {things} on the {surface}.", "{surface}上有{things}。"),
    ),
    *_patterns(
        "thing surface",
        ("{person} put the {thing} on the {surface}.", "{person}把{thing}放在{surface}上了。"),
    ),
    *_patterns(
        "thing thing2",
        (
            "This {thing} is {cheaper} than that {thing2}.",
            "这{thing_classifier}{thing}比那{thing2_classifier}{thing2}{cheaper}。",
        ),
    ),
)

_EATING = (
    *_patterns(
        "person foods",
        ("{person} ate {foods} {past}.", "{person}{past}吃了{foods}。"),
        ("{person} wants to eat {foods} now.", "{person}现在想吃{foods}。"),
    ),
    *_patterns(
        "person drinks",
        (
            "{person} drank {drinks} at {person2}'s home {past}.",
            "{person}{past}在{person2}家喝了{drinks}。",
        ),
        ("{person} wants to drink {drinks}.", "{person}想喝{drinks}。"),
    ),
    *_patterns(
        "person drink",
        ("{person} never drinks {drink_liquid}.", "{person}从来不喝{drink}。"),
        ("Does {person} like to drink {drink_liquid}?", "{person}喜欢喝{drink}吗？"),
    ),
)

_ANIMALS = (
    *_patterns(
        "person animals",
        ("{person} has {animals}.", "{person}有{animals}。"),
        (
            "{person} saw {animals} in {yard} {past}.",
            "{person}{past}在{yard}里看见了{animals}。",
        ),
    ),
    *_patterns(
        "animals yard", ("There {animals_be} {animals} in {yard}.", "{yard}里有{animals}。")
    ),
    *_patterns("pet surface", ("The {pet} is {side} the {surface}.", "{pet}在{surface}{side}。")),
)

_GOING = (
    *_patterns(
        "person place",
        ("{person} did not go to {place} {past}.", "{person}{past}没去{place}。"),
        (
            "{person} will go to {place} {vehicle} {future}.",
            "{person}{future}会{vehicle}去{place}。",
        ),
        ("Will {person} go to {place} {future}?", "{person}{future}会去{place}吗？"),
        ("What is {person} doing at {place}?", "{person}在{place}做什么？"),
        (
            "{person} and {person2} went to {place} together {past}.",
            "{person}和{person2}{past}一起去了{place}。",
        ),
        (
            "Because {storm}, {person} did not go to {place} {daytime}.",
            "因为{storm}，所以{person}{daytime}没去{place}。",
        ),
        (
            "Although {person} was very {trouble}, {person_pronoun} still went to {place}.",
            "虽然{person}很{trouble}，但是{person_pronoun}还是去了{place}。",
        ),
        (
            "If it {weather_is} {coming}, {person} will go to {place}.",
            "如果{coming}{weather}，{person}就去{place}。",
        ),
    ),
    *_patterns(
        "place vehicle",
        ("{person} goes to {place} {vehicle} every day.", "{person}每天{vehicle}去{place}。"),
    ),
    *_patterns(
        "place place2",
        (
            "It takes {minutes} to get from {place} to {place2} {vehicle}.",
            "从{place}{vehicle}到{place2}要{minutes}。",
        ),
        ("{place} is {way} {place2}.", "{place}在{place2}{way}。"),
    ),
)

_TRAVELLING = (
    *_patterns(
        "person city",
        ("{person} has been to {city} {times}.", "{person}去过{times}{city}。"),
        ("Has {person} been to {city}?", "{person}去过{city}吗？"),
        ("{person} has never been to {city}.", "{person}从来没去过{city}。"),
        ("{person} has lived in {city} for {years}.", "{person}在{city}住了{years}了。"),
        (
            "{person} will go to {city} {journey} {future} and stay for {days}.",
            "{person}{future}会{journey}去{city}，在那里住{days}。",
        ),
    ),
    *_patterns(
        "city clock",
        (
            "The {transport} to {city} leaves at {clock}.",
            "去{city}的{transport}{clock}{transport_leave}。",
        ),
    ),
    *_patterns(
        "transport city",
        (
            "What time does the {transport} to {city} leave?",
            "去{city}的{transport}几点{transport_leave}？",
        ),
    ),
    *_patterns(
        "weather city",
        ("It {weather_was} in {city} {daytime}.", "{city}{daytime}{weather_was}。"),
        ("It will {weather} in {city} {coming}.", "{city}{coming}会{weather}。"),
    ),
)

_DOING = (
    *_patterns(
        "person action",
        ("{person} is {action_doing} at {place} now.", "{person}现在正在{place}{action}。"),
        (
            "When {person2} came, {person} was {action_doing}.",
            "{person2}来的时候，{person}正在{action}。",
        ),
    ),
    *_patterns(
        "person hobby",
        ("{person} likes {hobby_doing}.", "{person}喜欢{hobby}。"),
        ("Does {person} like {hobby_doing}?", "{person}喜欢{hobby}吗？"),
        ("{person} does not like {hobby_doing} at {place}.", "{person}不喜欢在{place}{hobby}。"),
    ),
    *_patterns(
        "person dawn",
        ("{person} {routine} at {dawn} every morning.", "{person}每天早上{dawn}{routine}。"),
    ),
    *_patterns(
        "place clock",
        ("Please ask {person} to come to {place} at {clock}.", "请让{person}{clock}来{place}。"),
    ),
    *_patterns(
        "place early",
        (
            "{person} and {person2} will meet at {place} on {day} afternoon at {early}.",
            "{person}和{person2}{day}下午{early}在{place}见面。",
        ),
    ),
)

_BEING = (
    *_patterns(
        "person job",
        ("{person} is {job_one}.", "{person}是{job_one}。"),
        ("{person}'s {relative} is {job_one}.", "{person}的{relative}是{job_one}。"),
        ("Is {person}'s {relative} {job_one}?", "{person}的{relative}是{job}吗？"),
        ("{person} wants to be {job_one}.", "{person}想当{job_one}。"),
    ),
    *_patterns(
        "person mood",
        ("{person} was very {mood} {daytime}.", "{person}{daytime}很{mood}。"),
        ("Is {person} {mood} today?", "{person}今天{mood}吗？"),
        ("{person}'s {relative} is not {mood} today.", "{person}的{relative}今天不{mood}。"),
    ),
    *_patterns(
        "person person2",
        ("{person} is {taller} than {person2}.", "{person}比{person2}{taller}。"),
        ("{person} is {years} older than {person2}.", "{person}比{person2}大{years_age}。"),
    ),
)

PATTERNS = (
    *_BUYING,
    *_ASKING_FOR_GOODS,
    *_OWNING,
    *_EATING,
    *_ANIMALS,
    *_GOING,
    *_TRAVELLING,
    *_DOING,
    *_BEING,
)
"""Every sentence pattern, drawn with equal chance."""
