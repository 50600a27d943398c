"""A small world in English and Chinese: who lives there, what they own, where they go and when.

The words stand in world.yaml; here they get their forms and counts. Form "" is the plain form. A
Chinese noun has its measure word, so that no sentence needs to know that hats are counted with 顶
and fish with 条.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Filler:
    """One word or phrase of the world."""

    key: str
    """The word without number or form: `three books` and `a book` are both `book`."""
    english: Mapping[str, str]
    """Form -> text."""
    chinese: Mapping[str, str]
    """Form -> text."""


Fillers = tuple[Filler, ...]

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COUNTS = "一两三四五六七八九十"
"""Numbers before a measure word, where two is 两 and never 二."""


def read_data(module: str, kind: type[Content]) -> Content:
    """The content of the YAML file beside a module, given as its `__file__`."""
    text = Path(module).with_suffix(".yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), kind)


def _add_article(words: str) -> str:
    """The words with `a` or `an` by spelling, which suits all nouns of this world."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _make_word(english: str, chinese: str) -> Filler:
    return Filler(english, {"": english}, {"": chinese})


def _make_person(name: str, chinese: str, pronoun: str) -> Filler:
    is_female = pronoun == "she"
    forms = {"": name, "pronoun": pronoun, "object": "her" if is_female else "him"}
    return Filler(name, forms, {"": chinese, "pronoun": "她" if is_female else "他"})


def _make_noun(english: str, classifier: str, chinese: str, plural: str = "") -> Filler:
    """A countable noun; an empty plural is regular."""
    forms = {"": english, "one": _add_article(english), "plural": plural or f"{english}s"}
    single = f"一{classifier}{chinese}"
    return Filler(english, forms, {"": chinese, "one": single, "classifier": classifier})


def _make_drink(english: str, vessel: str, classifier: str, chinese: str) -> Filler:
    """A drink, which is counted by its vessel."""
    plural = "glasses" if vessel == "glass" else f"{vessel}s"
    noun = _make_noun(f"{vessel} of {english}", classifier, chinese, f"{plural} of {english}")
    return Filler(english, {**noun.english, "liquid": english}, noun.chinese)


def _make_place(english: str, chinese: str) -> Filler:
    forms = {"": f"the {english}", "bare": english, "one": _add_article(english)}
    return Filler(english, forms, {"": chinese})


def _make_weather(
    infinitive: str, present: str, past: str, chinese: str, chinese_past: str
) -> Filler:
    forms = {"": infinitive, "is": present, "was": past}
    return Filler(infinitive, forms, {"": chinese, "was": chinese_past})


def _make_activity(infinitive: str, doing: str, chinese: str) -> Filler:
    return Filler(infinitive, {"": infinitive, "doing": doing}, {"": chinese})


def _make_transport(english: str, chinese: str, leave: str) -> Filler:
    return Filler(english, {"": english}, {"": chinese, "leave": leave})


MAKERS: Mapping[str, Callable[..., Filler]] = {
    "people": _make_person,
    "nouns": _make_noun,
    "drinks": _make_drink,
    "places": _make_place,
    "weather": _make_weather,
    "activities": _make_activity,
    "transport": _make_transport,
    "words": _make_word,
}
"""Section of world.yaml -> what makes its words."""


def _read_words() -> dict[str, Fillers]:
    """The words of world.yaml, by kind."""
    sections = read_data(__file__, dict[str, dict[str, dict[str, str | list[str]]]])
    selections = sections.pop("selections")
    kinds = {
        kind: tuple(
            MAKERS[section](word, *([forms] if isinstance(forms, str) else forms))
            for word, forms in words.items()
        )
        for section, section_kinds in sections.items()
        for kind, words in section_kinds.items()
    }
    for kind, selection in selections.items():
        [(whole, words)] = selection.items()
        by_key = {filler.key: filler for filler in kinds[whole]}
        kinds[kind] = tuple(by_key[word] for word in words)
    return kinds


def _count_nouns(nouns: Iterable[Filler], counts: range = range(1, 11)) -> Fillers:
    """Each noun once for each count."""
    return tuple(_count(noun, count) for noun in nouns for count in counts)


def _count(noun: Filler, count: int) -> Filler:
    is_one = count == 1
    plural = noun.english["plural"]
    forms = {
        "": noun.english["one"] if is_one else f"{NUMBERS[count - 1]} {plural}",
        "noun": noun.english[""] if is_one else plural,
        "be": "is" if is_one else "are",
        "was": "was" if is_one else "were",
    }
    chinese = COUNTS[count - 1] + noun.chinese["classifier"] + noun.chinese[""]
    return Filler(noun.key, {**noun.english, **forms}, {"": chinese})


def _add_unit(numbers: Iterable[Filler], english: str, chinese: str) -> Fillers:
    """The numbers of some unit."""
    return tuple(
        _make_word(f"{number.english['']} {english}", number.chinese[""] + chinese)
        for number in numbers
    )


def _make_spans(unit: str, chinese: str, chinese_age: str) -> Fillers:
    """One to ten units of time, also as an age."""
    units = [unit] + [f"{unit}s"] * (len(COUNTS) - 1)
    return tuple(
        Filler(
            f"{word} {noun}",
            {"": f"{word} {noun}"},
            {"": count + chinese, "age": count + chinese_age},
        )
        for word, noun, count in zip(NUMBERS, units, COUNTS, strict=True)
    )


def _make_clocks(hours: range) -> Fillers:
    """The full and the half hours; hours are from 1 to 12."""
    words, numbers = (*NUMBERS, "eleven", "twelve"), (*COUNTS, "十一", "十二")
    return tuple(
        clock
        for hour in hours
        for clock in (
            _make_word(f"{words[hour - 1]} o'clock", f"{numbers[hour - 1]}点"),
            _make_word(f"half past {words[hour - 1]}", f"{numbers[hour - 1]}点半"),
        )
    )


def _make_world() -> Mapping[str, Fillers]:
    kinds = _read_words()
    goods = kinds["food"] + kinds["thing"]
    numbers = tuple(map(_make_word, NUMBERS, COUNTS))
    return {
        **kinds,
        "foods": _count_nouns(kinds["food"], range(1, 6)),
        "things": _count_nouns(kinds["thing"]),
        "good": goods,
        "goods": _count_nouns(goods),
        "supplies": _count_nouns(goods, range(2, 11)),
        "animals": _count_nouns(kinds["animal"]),
        "drinks": _count_nouns(kinds["drink"], range(1, 6)),
        "number": numbers[1:],
        "few": numbers[1:5],
        "many": numbers[5:],
        "price": _add_unit(kinds["tens"], "yuan", "块钱"),
        "minutes": _add_unit(kinds["tens"], "minutes", "分钟"),
        "years": _make_spans("year", "年", "岁"),
        "days": _make_spans("day", "天", "天")[1:],
        "clock": _make_clocks(range(1, 13)),
        "early": _make_clocks(range(1, 7)),
        "late": _make_clocks(range(7, 13)),
        "dawn": _make_clocks(range(5, 10)),
    }


WORLD = _make_world()
"""Kind of slot -> its fillers, drawn with equal chance."""
