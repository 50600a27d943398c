"""Contamination signals of small texts.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnlg.contamination import ngrams
from mtnlg.contamination.ngrams import NgramSearch
from mtnlg.contamination.search import RULES, ContaminationSearch, RowSet, records
from mtnlg.records.rows import Row

TRAINING = [Row("0", "a cat", ("eine Katze", "die Katze")), Row("1", "a dog", ("ein Hund",))]
WORDS = [f"word{number}" for number in range(40)]
NEAR = ("train_near_source", "train_near_target", "train_near_pair")


def tags(
    row: Row,
    training: Iterable[Row],
    *,
    is_dialogue: bool = False,
    trained_on_dialogue: bool = False,
) -> set[str]:
    search = ContaminationSearch({"test": RowSet([row], is_dialogue)})
    search.read(RowSet(training, trained_on_dialogue))
    (signals,) = search.signals("test").rows
    return set(signals.tags)


def dialogue(name: str, *turns: str) -> list[Row]:
    return [
        Row(f"{name}:{number}", "\n".join(turns[:number]), (turns[number],))
        for number in range(1, len(turns))
    ]


@pytest.mark.parametrize(
    ("source", "references", "expected"),
    [
        ("a bird", ("ein Vogel",), ""),
        ("a cat", ("ein Vogel",), "source"),
        ("a bird", ("ein Vogel", "die Katze"), "target"),
        ("a cat", ("ein Hund",), "source target"),
        ("a cat", ("x", "die Katze"), "source target pair"),
        ("  a \n dog ", ("ein  Hund",), "source target pair"),
    ],
)
def test_verbatim_signals_say_what_was_seen(
    source: str, references: tuple[str, ...], expected: str
) -> None:
    names = expected.split()

    assert tags(Row("x", source, references), TRAINING) == {
        *(f"train_{name}" for name in names),
        *(f"train_near_{name}" for name in names),
    }


def test_another_case_is_near_and_not_verbatim() -> None:
    assert tags(Row("x", "A cat!", ("Ein, Hund",)), TRAINING) == set(NEAR[:2])


def test_chinese_punctuation_and_width_are_near() -> None:
    training = [Row("0", "我有3只猫，真的。", ("I have 3 cats, really.",))]

    assert tags(Row("x", "我有３只猫 真的!", ("i have 3 cats really",)), training) == {
        *NEAR,
    }


def test_nothing_is_found_without_training_rows() -> None:
    assert tags(TRAINING[0], []) == set()


@given(
    st.lists(st.tuples(st.text("aB.", max_size=2), st.text("aB.", max_size=2)), max_size=20),
    st.tuples(st.text("aB.", max_size=2), st.text("aB.", max_size=2)),
)
def test_verbatim_and_near_equal_plain_set_membership(
    pairs: list[tuple[str, str]], held_out: tuple[str, str]
) -> None:
    """Oracle: sets of texts, and of texts in lower case without full stops; an empty source, that
    of plain text, was seen by nobody, nor was a pair with it.
    """

    def near(text: str) -> str:
        return text.lower().replace(".", "") or text

    names = tags(
        Row("", held_out[0], (held_out[1],)),
        [Row("", source, (target,)) for source, target in pairs],
    )

    for prefix, form in (("train_", str), ("train_near_", near)):
        ours = (form(held_out[0]), form(held_out[1]))
        seen = [(form(source), form(target)) for source, target in pairs]
        expected = {
            *(["source"] if ours[0] and ours[0] in {source for source, _ in seen} else []),
            *(["target"] if ours[1] in {target for _, target in seen} else []),
            *(["pair"] if ours[0] and ours in seen else []),
        }
        for name in ("source", "target", "pair"):
            assert (prefix + name in names) == (name in expected)


def brute_force_share(text: list[str], training: list[list[str]], length: int) -> float | None:
    windows = [tuple(text[i : i + length]) for i in range(len(text) - length + 1)]
    seen = {
        tuple(units[i : i + length]) for units in training for i in range(len(units) - length + 1)
    }
    return sum(window in seen for window in windows) / len(windows) if windows else None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["ab", "甲乙", "a甲"]), st.integers(1, 30))
def test_ngram_shares_equal_brute_force(seed: int, alphabet: str, batch: int) -> None:
    """Oracle: sets of tuples; few units, so that runs are shared; small batches, so that they end
    anywhere.
    """
    draw = random.Random(seed)
    texts = [
        draw.choices(alphabet + "x" * draw.randint(0, 1), k=draw.randint(0, 40)) for _ in "1234"
    ]
    training = [draw.choices(alphabet, k=draw.randint(0, 60)) for _ in range(12)]
    training += [[*text[draw.randint(0, 5) :], "new", *text[:25]] for text in texts]
    search = NgramSearch(texts)

    before, ngrams.BATCH_UNITS = ngrams.BATCH_UNITS, batch
    try:
        for units in training:
            search.read(units)
    finally:
        ngrams.BATCH_UNITS = before

    lengths = [20 if 2 * sum(unit in "甲乙" for unit in text) > len(text) else 13 for text in texts]
    assert search.shares() == [
        brute_force_share(text, training, length)
        for text, length in zip(texts, lengths, strict=True)
    ]


@pytest.mark.parametrize(
    ("num_words", "num_shared", "is_signal"),
    [(25, 18, False), (25, 19, True), (26, 19, True), (27, 19, False), (14, 13, True)],
)
def test_half_of_the_ngrams_is_a_signal(num_words: int, num_shared: int, is_signal: bool) -> None:
    """Oracle: a text has 12 fewer 13-grams than words: 18 words in a row have six of 13, 19 have
    seven of 13, of 14 and of 15, and 13 have one of two.
    """
    text, shared = " ".join(WORDS[:num_words]), " ".join(WORDS[:num_shared])

    signals = tags(Row("x", text, ("y",)), [Row("0", "z", (f"so {shared} and so on",))])

    assert signals == ({"train_ngrams"} if is_signal else set())


def around(text: str, number: int) -> str:
    """A document of three lines, one of which has the text and more."""
    lines = ["one line alone", "a second one", "and the last"]
    lines[number] = f"so {text} and so on"
    return "\n".join(lines)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("part", ["source", "first", "second"])
def test_ngrams_are_found_in_every_line_of_every_text(part: str, number: int) -> None:
    """Oracle: 19 of 25 words in a row are more than half of the 13-grams, wherever they stand."""
    document = around(" ".join(WORDS[:19]), number)
    texts = {"source": "x", "first": "y", "second": "z"} | {part: document}
    training = [Row("0", texts["source"], (texts["first"], texts["second"]))]

    signals = tags(Row("t", " ".join(WORDS[:25]), ("w",)), training)

    assert signals == {"train_ngrams"}


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_ngrams_are_found_in_every_turn_of_a_dialogue(turn: int) -> None:
    """Oracle: the dialogue as one text that is searched by hand; its last turn is a response."""
    turns = around(" ".join(WORDS[:19]), turn).split("\n")

    signals = tags(
        Row("t", " ".join(WORDS[:25]), ("w",)), dialogue("d", *turns), trained_on_dialogue=True
    )

    assert signals == {"train_ngrams"}


def test_ngrams_run_over_the_ends_of_lines_and_turns() -> None:
    """Oracle: 19 words in a row, ten of them on one line and nine on the next."""
    halves = [" ".join(WORDS[:10]), " ".join(WORDS[10:19])]
    row = Row("t", " ".join(WORDS[:25]), ("w",))

    assert tags(row, [Row("0", "\n".join(halves), ("y",))]) == {"train_ngrams"}
    assert tags(row, dialogue("d", *halves), trained_on_dialogue=True) == {"train_ngrams"}
    assert tags(row, [Row("0", halves[0], (halves[1],))]) == set(), "two texts are not one"


@pytest.mark.parametrize("index", [1, 2])
@pytest.mark.parametrize("turn", [0, 1])
def test_further_references_of_a_training_dialogue_are_searched(turn: int, index: int) -> None:
    """Oracle: the text stands in no turn, only among the further references of one response."""
    text = around(" ".join(WORDS[:19]), 1)
    sentence = "We go to the station at noon ."
    rows = dialogue("d", "Hello", "Hi", "Bye")
    for held_out, reference, expected in (
        (" ".join(WORDS[:25]), text, {"train_ngrams"}),
        (sentence, f"Well\n{sentence}", {"train_lines"}),
    ):
        references = [rows[turn].references[0], "Yes", "No"]
        references[index] = reference
        changed = [*rows]
        changed[turn] = Row(rows[turn].id, rows[turn].source, tuple(references))

        assert tags(Row("t", held_out, ("w",)), changed, trained_on_dialogue=True) == expected


@pytest.mark.parametrize("number", [0, 1, 2])
def test_lines_are_found_on_every_line_of_a_text(number: int) -> None:
    """Oracle: the sentence stands alone on one of three lines."""
    sentence = "We go to the station at noon ."
    lines = ["a", "b", "c"]
    lines[number] = sentence
    for training in (
        Row("0", "\n".join(lines), ("y",)),
        Row("0", "x", ("\n".join(lines),)),
        Row("0", "x", ("y", "\n".join(lines))),
    ):
        assert tags(Row("t", sentence, ("w",)), [training]) == {"train_lines"}


@pytest.mark.parametrize("turns", [("two", "three"), ("One", "two"), ("three", "four")])
def test_every_exchange_of_a_document_is_found(turns: tuple[str, str]) -> None:
    """Oracle: the pairs of neighboring lines, written out."""
    document = [Row("0", "One\nTwo\nThree\nFour", ("A summary",))]

    signals = tags(dialogue("t", "Zero", *turns)[-1], document, is_dialogue=True)

    assert signals == {"train_exchange"}


def test_shares_are_of_the_source_and_of_the_best_reference() -> None:
    """Oracle: counted by hand: of 25 words 13 windows, seven and two of them in training."""
    seven, two = " ".join(WORDS[:19]), " ".join(["new", *WORDS[20:34]])
    source = " ".join(WORDS[:25])
    weak = " ".join([*WORDS[20:34], *(f"other{number}" for number in range(11))])
    search = ContaminationSearch(
        {"test": RowSet([Row("t", source, ("short", weak, source))], False)}
    )

    search.read(RowSet([Row("0", seven, (two,))], False))

    (row,) = search.signals("test").rows
    assert row.to_json() == {
        "id": "t",
        "tags": ["train_ngrams"],
        "source_ngrams": round(7 / 13, 4),
        "target_ngrams": round(7 / 13, 4),
    }
    counts = search.signals("test").counts()
    assert (counts["any_ngram"], counts["train_ngrams"], counts["flagged"]) == (1, 1, 1)


def test_share_below_half_is_counted_and_no_signal() -> None:
    """Oracle: two of 13 windows, written out; a text of 12 words has none."""
    rows = [Row("a", "x", (" ".join(WORDS[:25]),)), Row("b", " ".join(WORDS[:12]), ("y",))]
    search = ContaminationSearch({"test": RowSet(rows, False)})

    search.read(RowSet([Row("0", " ".join(WORDS[:14]), ("z",))], False))

    signals = search.signals("test")
    assert [(row.source_ngrams, row.target_ngrams) for row in signals.rows] == [
        (None, 2 / 13),
        (None, None),
    ]
    counts = signals.counts()
    assert (counts["checked"], counts["any_ngram"], counts["flagged"]) == (2, 1, 0)


def test_line_is_found_anywhere_in_any_data_set() -> None:
    """A labeled turn of a dialogue repeats a sentence of a translation."""
    sentence = "We go to the station at noon ."
    training = [Row("0", f"#Person1#: Hi.\n#Person2#: {sentence.upper()}", ("A summary",))]

    assert tags(Row("x", sentence, ("Wir gehen",)), training) == {"train_lines"}
    assert tags(Row("x", "We go now .", ("Hi .",)), training) == set()


@pytest.mark.parametrize(
    ("line", "is_long"),
    [
        ("one two three four five", False),
        ("one two three four five six", True),
        ("一只红猫看见一条", False),
        ("一只红猫看见一条狗", True),
    ],
)
def test_line_counts_from_six_words_or_nine_characters_on(line: str, is_long: bool) -> None:
    """Oracle: counted by hand."""
    training = [Row("0", "x", (f"Something else\n{line}",))]

    assert tags(Row("t", line, ("w",)), training) == ({"train_lines"} if is_long else set())


def test_turns_are_lines_of_several_words() -> None:
    """Oracle: the pairs of neighboring turns by hand; two words of one turn are no exchange."""
    training = dialogue("d", "Hello there", "How are you", "Fine, thanks", "Good bye then")

    def found(*turns: str) -> set[str]:
        row = dialogue("t", "Something else", *turns)[-1]
        return tags(row, training, is_dialogue=True, trained_on_dialogue=True)

    assert "train_exchange" in found("Hello there", "How are you")
    assert "train_exchange" in found("how are you?", "fine thanks")
    assert "train_exchange" in found("Fine, thanks", "Good bye then")
    assert "train_exchange" not in found("Hello", "there")
    assert "train_exchange" not in found("Good", "bye")
    assert "train_exchange" not in found("there", "How")


def test_half_of_the_longer_lines_is_a_signal() -> None:
    lines = [f"this is line {name} of the text" for name in "abcd"]
    training = [Row("0", lines[0], ("x",)), Row("1", "y", ("x", lines[3]))]

    assert tags(Row("t", "\n".join(lines), ("z",)), training) == {"train_lines"}
    assert (
        tags(Row("t", "\n".join([*lines, "and one line more than there was"]), ("z",)), training)
        == set()
    )


def test_whole_dialogue_is_found_whatever_its_punctuation() -> None:
    ours = dialogue("test-0", "Hello!", "Hi, how are you?", "Fine.")
    theirs = dialogue("train-7", "hello", "Hi , how are you ?", "Fine")
    longer = dialogue("train-8", "hello", "Hi , how are you ?", "Fine", "And you?")

    assert whole_dialogues(ours, theirs) == [True]
    assert whole_dialogues(ours, longer) == [False]
    assert whole_dialogues(ours, theirs[:1]) == [False]


def whole_dialogues(test: list[Row], training: list[Row]) -> list[bool]:
    search = ContaminationSearch({"test": RowSet(test, is_dialogue=True)})
    search.read(RowSet(training, is_dialogue=True))
    signals = search.signals("test")
    assert search.num_dialogues_seen == sum(signals.dialogues)
    for row in signals.rows:
        assert ("train_dialogue" in row.tags) == signals.dialogues[0]
    return signals.dialogues


def test_whole_dialogue_is_found_in_a_document_of_another_data_set() -> None:
    test = dialogue("test-0", "Hello !", "Hi , how are you ?", "Fine .")
    document = "#Person1#: Hello!\n#Person2#: Hi, how are you?\n#Person1#: Fine."
    search = ContaminationSearch({"test": RowSet(test, is_dialogue=True)})

    search.read(RowSet([Row("s-1", document, ("They greet.",))], is_dialogue=False))

    signals = search.signals("test")
    assert signals.dialogues == [True]
    assert all({"train_exchange", "train_dialogue"} <= set(row.tags) for row in signals.rows)
    assert signals.counts()["whole_dialogues"] == 1


def test_exchange_is_the_last_turn_with_the_response() -> None:
    training = dialogue("train-0", "One", "Two", "Three")

    def exchanges(*turns: str) -> set[str]:
        row = dialogue("test-0", *turns)[-1]
        return tags(row, training, is_dialogue=True, trained_on_dialogue=True)

    assert "train_exchange" in exchanges("Something else", "two", "three!")
    assert "train_exchange" not in exchanges("Something else", "One", "Three")


def test_rows_of_one_dialogue_stay_together_and_others_apart() -> None:
    rows = [
        *dialogue("a", "1", "2", "3"),
        *dialogue("b", "1", "2"),
        Row("c:1", "1", ("2",)),
        Row("c:2", "other", ("3",)),
        Row("train-5", "1", ("2",)),
        Row("train-6", "2", ("3",)),
    ]

    together = [[row.id for row in record] for record in records(RowSet(rows, is_dialogue=True))]

    assert together == [["a:1", "a:2"], ["b:1"], ["c:1"], ["c:2"], ["train-5"], ["train-6"]]
    assert len(list(records(RowSet(rows, is_dialogue=False)))) == len(rows)


def test_rows_with_little_context_are_one_dialogue_too() -> None:
    """Oracle: each row has the turn before alone as its source, as with max_context_turns=1; a row
    that does not begin with the response before is another dialogue.
    """
    rows = [
        *(Row(f"a:{number}", f"turn {number}", (f"turn {number + 1}",)) for number in (1, 2, 3)),
        Row("a:4", "something else", ("turn 5",)),
        Row("b:1", "turn 5", ("turn 6",)),
        Row("b:2", "not turn 6", ("turn 7",)),
    ]

    together = [[row.id for row in record] for record in records(RowSet(rows, is_dialogue=True))]

    assert together == [["a:1", "a:2", "a:3"], ["a:4"], ["b:1"], ["b:2"]]


def test_all_test_sets_are_searched_in_one_pass() -> None:
    """The training rows are a stream that can only be read once."""
    stream = iter(TRAINING)
    test_sets = {"a": RowSet([TRAINING[0]], False), "b": RowSet([TRAINING[1]], False)}
    search = ContaminationSearch(test_sets)

    search.read(RowSet(stream, False))

    for name in test_sets:
        counts = search.signals(name).counts()
        assert (counts["checked"], counts["flagged"], counts["train_pair"]) == (1, 1, 1)
        assert "train_dialogue" not in counts


def test_memory_does_not_grow_with_the_training_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: tracemalloc; ten times the rows, the same peak but for noise."""
    monkeypatch.setattr(ngrams, "BATCH_UNITS", 1000)

    def rows(number: int) -> Iterator[Row]:
        for index in range(number):
            text = " ".join(WORDS[(index + step) % 40] + str(index % 7) for step in range(15))
            yield Row(str(index), text, (text,))

    def peak(number: int) -> int:
        search = ContaminationSearch({"test": RowSet(rows(50), False)})
        tracemalloc.start()
        search.read(RowSet(rows(number), False))
        search.signals("test")
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(2000) < 1.5 * peak(200)


def test_every_signal_has_a_rule() -> None:
    assert all(tag.startswith("train_") and rule for tag, rule in RULES.items())
