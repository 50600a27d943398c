"""Outputs that a program put into another order are found, and bad outputs are not taken for such.

Oracle: the order that each test makes itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from mtnlg.evaluation import Texts
from mtnlg.evaluation.line_order import Finding, find_order

SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u")]
NUM_LINES = 150


def sentences(seed: int) -> list[str]:
    chance = random.Random(seed)
    words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(400)]
    return [" ".join(chance.choices(words, k=chance.randint(5, 12))) for _ in range(NUM_LINES)]


REFERENCES = sentences(1)
OUTPUTS = [" ".join(text.split()[1:]) for text in REFERENCES]


def find(outputs: Sequence[str], *, is_quick: bool = True) -> Finding | None:
    texts = Texts(outputs, [(text,) for text in REFERENCES], language="en")
    return find_order(texts, is_quick=is_quick)


def in_order(key: Callable[[int], object]) -> list[str]:
    return [OUTPUTS[index] for index in sorted(range(NUM_LINES), key=key)]  # type: ignore[arg-type]


MOVED: dict[str, tuple[list[str], str]] = {
    "halves": ([*OUTPUTS[50:], *OUTPUTS[:50]], "most of them 50 lines later"),
    "far": ([*OUTPUTS[-14:], *OUTPUTS[:-14]], "most of them 14 lines earlier"),
    "numbers as text": (in_order(str), "as that of line"),
    "by length": (in_order(lambda index: len(OUTPUTS[index])), "as that of line"),
    "by worker": (in_order(lambda index: index % 4), "as that of line"),
    "shuffled": (random.Random(2).sample(OUTPUTS, NUM_LINES), "as that of line"),
}


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize("is_quick", [True, False])
def test_outputs_in_another_order_are_found(name: str, is_quick: bool) -> None:
    outputs, expected = MOVED[name]

    finding = find(outputs, is_quick=is_quick)

    assert finding is not None
    assert finding.name == "order"
    assert expected in finding.what
    assert all(outputs[index] != OUTPUTS[index] for index in finding.positions)


def test_an_example_names_the_line_that_fits() -> None:
    outputs = random.Random(2).sample(OUTPUTS, NUM_LINES)

    finding = find(outputs)

    assert finding is not None
    first = finding.positions[0]
    assert f"line {first + 1}, which fits line {OUTPUTS.index(outputs[first]) + 1}" in finding.what


@pytest.mark.parametrize("num_late", [8, 20])
@pytest.mark.parametrize("is_quick", [True, False])
def test_few_lines_at_the_end_that_are_late_are_found(num_late: int, is_quick: bool) -> None:
    first = NUM_LINES - num_late
    outputs = [*OUTPUTS[:first], *OUTPUTS[first + 1 :], OUTPUTS[first]]

    finding = find(outputs, is_quick=is_quick)

    assert finding is not None
    assert "outputs fit the references 1 line later" in finding.what
    assert finding.positions == tuple(range(first, NUM_LINES))


@pytest.mark.parametrize(
    "outputs",
    [
        OUTPUTS,
        sentences(5),
        [*OUTPUTS[:70], OUTPUTS[71], OUTPUTS[70], *OUTPUTS[72:]],
        ["We do not know."] * NUM_LINES,
        [text[:12] for text in REFERENCES],
        [f"{REFERENCES[index // 2 * 2][:9]} and so on" for index in range(NUM_LINES)],
    ],
)
def test_outputs_of_their_lines_are_not_taken_for_moved(outputs: list[str]) -> None:
    assert find(outputs) is None
    assert find(outputs, is_quick=False) is None
