"""The baselines.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from mtnlg.config import TaskKind
from mtnlg.errors import DataError
from mtnlg.evaluation import baselines_for
from mtnlg.evaluation.baselines import BASELINES, BaselineRows, split_first_sentence, split_lead
from mtnlg.records.rows import Row

TRAIN = [
    Row("1", "the cat sat on the mat", ("die Katze",)),
    Row("2", "a dog ran in the park", ("ein Hund", "der Hund")),
    Row("3", "the cat sat on the mat", ("der Hund",)),
    Row("4", "zebra zebra", ("ein Zebra",)),
]


def rows(*sources: str) -> list[Row]:
    return [Row(str(index), source, ("-",)) for index, source in enumerate(sources)]


def outputs(name: str, *sources: str, kind: str = "translation") -> list[str]:
    return BASELINES[name](BaselineRows(TRAIN, rows(*sources), TaskKind(kind), "en"))


def test_copy_source_gives_the_source_and_in_a_dialogue_the_last_turn() -> None:
    text = "How are you?\nFine.\nGood to hear!\n"

    assert outputs("copy_source", text) == [text]
    assert outputs("copy_source", text, kind="dialogue") == ["Good to hear!"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One is 3.14 now. Two.", "One is 3.14 now."),
        ("She said “go!” Then left.", "She said “go!”"),
        ("\n A title\nThen a text.", "A title"),
        ("今天很好。明天呢？", "今天很好。"),
        ("他说：“走吧！”然后走了。", "他说：“走吧！”"),
        ("Really?! Yes.", "Really?!"),
        ("no mark at all", "no mark at all"),
        ("नमस्ते। कैसे हो?", "नमस्ते।"),
        ("မိုးရွာ။နေပူ။", "မိုးရွာ။"),
        ("ភ្លៀង។ ក្តៅ។", "ភ្លៀង។"),
        ("", ""),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert split_first_sentence(text) == sentence
    assert outputs("first_sentence", text, kind="summarization") == [sentence]


def test_most_frequent_target_counts_every_reference() -> None:
    assert outputs("most_frequent_target", "x", "y") == ["der Hund", "der Hund"]


def test_most_frequent_target_among_equals_is_the_first() -> None:
    texts = BASELINES["most_frequent_target"](
        BaselineRows(TRAIN[:2], rows("x"), TaskKind.dialogue, "en")
    )

    assert texts == ["die Katze"]


def test_nearest_training_source_gives_its_target_and_the_first_of_equals() -> None:
    texts = outputs(
        "nearest_training_source", "A cat on a mat?", "the park dog", "zebra", "unknown words", ""
    )

    assert texts == ["die Katze", "ein Hund", "ein Zebra", "die Katze", "die Katze"]


def test_nearest_training_source_of_chinese_goes_by_characters() -> None:
    train = [Row("1", "今天天气很好", ("weather",)), Row("2", "我喜欢吃苹果", ("apples",))]

    texts = BASELINES["nearest_training_source"](
        BaselineRows(train, rows("苹果好吃"), TaskKind.translation, "zh")
    )

    assert texts == ["apples"]


def test_nearest_training_source_equals_cosines_in_full() -> None:
    """Oracle: dictionaries and loops, with ties to the lower index."""
    generator = np.random.default_rng(11)
    vocabulary = np.array([f"w{number}" for number in range(30)])
    weights = 1 / np.arange(1, 31) / (1 / np.arange(1, 31)).sum()

    def write() -> str:
        return " ".join(generator.choice(vocabulary, size=generator.integers(1, 9), p=weights))

    train = [Row(str(index), write(), (str(index),)) for index in range(80)]
    test = rows(*(write() for _ in range(40)))

    texts = BASELINES["nearest_training_source"](
        BaselineRows(train, test, TaskKind.translation, "en")
    )

    assert texts == [str(nearest_in_full(row.source, train)) for row in test]


def nearest_in_full(query: str, train: list[Row]) -> int:
    bags = [Counter(row.source.split()) for row in train]
    frequency = Counter(word for bag in bags for word in bag)
    idf = {word: math.log((1 + len(bags)) / (1 + count)) + 1 for word, count in frequency.items()}
    wanted = Counter(query.split())

    def cosine(bag: Counter[str]) -> float:
        dot = sum(count * wanted[word] * idf[word] ** 2 for word, count in bag.items())
        return round(
            dot / math.sqrt(sum((count * idf[word]) ** 2 for word, count in bag.items())), 11
        )

    cosines = [cosine(bag) for bag in bags]
    return cosines.index(max(cosines))


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("One is 3.14. Two! Three? Four.", "One is 3.14. Two! Three?"),
        ("A title\nThen one. Then two. Then three.", "A title\nThen one. Then two."),
        ("一。二！三？四。", "一。二！三？"),
        ("Only one. And two", "Only one. And two"),
        ("#A#: Hi. Mr. B?\n#B#: Yes.\n#A#: Oh.\n#B#: Bye.", "#A#: Hi. Mr. B?\n#B#: Yes.\n#A#: Oh."),
        ("甲：你好。\n乙：早。\n甲：走吧。\n乙：好。", "甲：你好。\n乙：早。\n甲：走吧。"),
        ("A: Hi. It is me. Yes. No.\nB: Bye.", "A: Hi. It is me. Yes. No.\nB: Bye."),
        ("A: Hi. It is me. Yes. No.", "A: Hi. It is me. Yes."),
        ("A: Hi. It is me.\nYes. No.", "A: Hi. It is me.\nYes."),
        ("", ""),
    ],
)
def test_lead_3_is_three_sentences_and_of_a_dialogue_three_turns(text: str, lead: str) -> None:
    assert split_lead(text, 3) == lead
    assert outputs("lead_3", text, kind="summarization") == [lead]


def opening_of(*targets: str) -> str:
    train = [Row(str(index), "x", (target,)) for index, target in enumerate(targets)]
    (opening,) = set(
        BASELINES["common_opening"](
            BaselineRows(train, rows("x", "y"), TaskKind.summarization, "en")
        )
    )
    return opening


def test_common_opening_grows_by_the_most_common_chunk() -> None:
    assert opening_of("A and B talk", "A and B eat", "A and C", "A or D", "Z") == "A and B"


def test_common_opening_ends_where_most_end() -> None:
    assert opening_of("Yes", "Yes", "Yes", "Yes please", "Yes please") == "Yes"


def test_common_opening_has_a_chunk_even_where_all_differ() -> None:
    assert opening_of("one a", "two b", "three c") == "one"


def test_common_opening_stops_below_the_smallest_share() -> None:
    """Oracle: of 30 targets, two go on alike, which is less than a tenth, and then three."""
    openings = [f"go w{index}" for index in range(28)]

    assert opening_of(*openings, "go on", "go on") == "go"
    assert opening_of(*openings[1:], "go on", "go on", "go on") == "go on"


def test_common_opening_of_chinese_grows_by_characters() -> None:
    assert opening_of("我们去公园", "我们去 Paris", "我们在家", "你好") == "我们去"
    assert opening_of("เราไปวัด", "เราไปบ้าน", "เราอยู่", "แมว") == "เราไป"


def test_random_training_target_depends_on_the_index_alone() -> None:
    targets = {target for row in TRAIN for target in row.references}

    texts = outputs("random_training_target", *"abcdefghijklmnopqrstuvwxyz")

    assert set(texts) == targets, "26 draws of 4 targets"
    assert texts[:7] == outputs("random_training_target", *"tuvwxyz")


NEED_TRAINING_ROWS = [
    *("common_opening", "random_training_target"),
    *("most_frequent_target", "nearest_training_source"),
]


@pytest.mark.parametrize("name", NEED_TRAINING_ROWS)
def test_baseline_without_training_rows_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match=f"baseline {name} needs training rows"):
        BASELINES[name](BaselineRows([], rows("x"), TaskKind.dialogue, "en"))


@pytest.mark.parametrize("kind", [kind.value for kind in TaskKind])
def test_each_kind_has_baselines_that_exist(kind: str) -> None:
    assert set(baselines_for(kind)) <= set(BASELINES)
    assert ("first_sentence" in baselines_for(kind)) == (kind == "summarization")
    assert ("lead_3" in baselines_for(kind)) == (kind == "summarization")
    assert set(NEED_TRAINING_ROWS) <= set(baselines_for(kind))
    assert not set(NEED_TRAINING_ROWS) & set(baselines_for(kind, has_training_rows=False))


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="dialog"):
        baselines_for("dialog")
