"""Words of the built-in world with their forms in English and Chinese.

Form "" is the plain form. A Chinese noun has its measure word, so that no sentence needs to know
that hats are counted with 顶 and fish with 条.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filler:
    """One word or phrase of the world."""

    key: str
    """The word without number or form: `three books` and `a book` are both `book`."""
    english: Mapping[str, str]
    """Form -> text."""
    chinese: Mapping[str, str]
    """Form -> text."""


NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COUNTS = "一两三四五六七八九十"
"""Numbers before a measure word, where two is 两 and never 二."""


def add_article(words: str) -> str:
    """The words with `a` or `an` by spelling, which suits all nouns of this world."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def fillers(make: Callable[..., Filler], rows: str) -> tuple[Filler, ...]:
    """A filler for each row; a comma separates rows, and `=` the arguments of `make`."""
    return tuple(make(*row.split("=")) for row in rows.split(", "))


def make_word(english: str, chinese: str) -> Filler:
    """A word that never changes."""
    return Filler(english, {"": english}, {"": chinese})


def add_unit(number: Filler, english: str, chinese: str) -> Filler:
    """A number of some unit."""
    return make_word(f"{number.english['']} {english}", number.chinese[""] + chinese)


def make_person(name: str, chinese: str, pronoun: str) -> Filler:
    is_female = pronoun == "she"
    forms = {"": name, "pronoun": pronoun, "object": "her" if is_female else "him"}
    return Filler(name, forms, {"": chinese, "pronoun": "她" if is_female else "他"})


def make_noun(english: str, classifier: str, chinese: str, plural: str = "") -> Filler:
    """A countable noun; an empty plural is regular."""
    forms = {"": english, "one": add_article(english), "plural": plural or f"{english}s"}
    single = f"一{classifier}{chinese}"
    return Filler(english, forms, {"": chinese, "one": single, "classifier": classifier})


def make_drink(vessel: str, english: str, classifier: str, chinese: str) -> Filler:
    """A drink, which is counted by its vessel."""
    plural = "glasses" if vessel == "glass" else f"{vessel}s"
    noun = make_noun(f"{vessel} of {english}", classifier, chinese, f"{plural} of {english}")
    return Filler(english, {**noun.english, "liquid": english}, noun.chinese)


def make_place(english: str, chinese: str) -> Filler:
    forms = {"": f"the {english}", "bare": english, "one": add_article(english)}
    return Filler(english, forms, {"": chinese})


def make_clocks(hours: range) -> tuple[Filler, ...]:
    """The full and the half hours; hours are from 1 to 12."""
    words, numbers = (*NUMBERS, "eleven", "twelve"), (*COUNTS, "十一", "十二")
    return tuple(
        clock
        for hour in hours
        for clock in (
            make_word(f"{words[hour - 1]} o'clock", f"{numbers[hour - 1]}点"),
            make_word(f"half past {words[hour - 1]}", f"{numbers[hour - 1]}点半"),
        )
    )


def make_weather(
    infinitive: str, present: str, past: str, chinese: str, chinese_past: str
) -> Filler:
    forms = {"": infinitive, "is": present, "was": past}
    return Filler(infinitive, forms, {"": chinese, "was": chinese_past})


def make_activity(infinitive: str, doing: str, chinese: str) -> Filler:
    return Filler(infinitive, {"": infinitive, "doing": doing}, {"": chinese})


def make_transport(english: str, chinese: str, leave: str) -> Filler:
    """A means of transport; `leave` is the Chinese verb of its departure."""
    return Filler(english, {"": english}, {"": chinese, "leave": leave})


def make_spans(unit: str, chinese: str, chinese_age: str) -> tuple[Filler, ...]:
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


def count_nouns(nouns: Iterable[Filler], counts: range = range(1, 11)) -> tuple[Filler, ...]:
    """Each noun once for each count."""
    return tuple(_count(noun, count) for noun in nouns for count in counts)


def select(fillers: Iterable[Filler], keys: str) -> tuple[Filler, ...]:
    """The fillers with these keys, separated by commas; raises KeyError for an unknown one."""
    by_key = {filler.key: filler for filler in fillers}
    return tuple(by_key[key] for key in keys.split(", "))


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
