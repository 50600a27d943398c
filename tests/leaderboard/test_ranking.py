"""Metrics that can rank systems, and which systems are worth their cost.

Expected values are written out by hand where a test names no other oracle.
"""

from __future__ import annotations

import random

import pytest

from mtnlg.errors import ConfigError
from mtnlg.leaderboard.ranking import Mark, find_main_metric, pareto_front


def mark(name: str, right: float, up: float) -> Mark:
    return Mark(name, name, right, up, None, None)


def names(marks: list[Mark]) -> str:
    return "".join(mark.name for mark in marks)


def test_front_has_the_systems_that_no_other_beats() -> None:
    """By hand: c costs more than b and is worse; d costs as much as b and is worse."""
    marks = [mark("e", 9, 40), mark("d", 2, 20), mark("c", 3, 25), mark("b", 2, 30)]
    marks.append(mark("a", 1, 10))

    assert names(pareto_front(marks)) == "abe"


def test_equal_marks_are_both_on_the_front() -> None:
    assert names(pareto_front([mark("b", 1, 5), mark("a", 1, 5), mark("c", 1, 4)])) == "ba"


@pytest.mark.parametrize("is_less_cost", [True, False])
@pytest.mark.parametrize("is_more_quality", [True, False])
def test_front_is_that_of_brute_force(is_less_cost: bool, is_more_quality: bool) -> None:
    """Oracle: a mark is off the front if another mark with other numbers is at least as good in
    both.
    """
    draw = random.Random(5)
    for _ in range(50):
        marks = [mark(str(index), draw.randrange(5), draw.randrange(5)) for index in range(7)]

        def is_beaten(system: Mark, marks: list[Mark] = marks) -> bool:
            return any(
                (rival.right <= system.right if is_less_cost else rival.right >= system.right)
                and (rival.up >= system.up if is_more_quality else rival.up <= system.up)
                and (rival.right, rival.up) != (system.right, system.up)
                for rival in marks
            )

        front = pareto_front(marks, is_less_cost=is_less_cost, is_more_quality=is_more_quality)

        assert {mark.name for mark in front} == {mark.name for mark in marks if not is_beaten(mark)}
        costs = [mark.right if is_less_cost else -mark.right for mark in front]
        assert costs == sorted(costs)


def test_main_metric_is_one_of_which_more_or_less_is_better() -> None:
    assert find_main_metric("ter", key="tasks.t.main_metric").name == "ter"
    with pytest.raises(ConfigError) as caught:
        find_main_metric("length_ratio", key="tasks.t.main_metric")

    message = str(caught.value)
    assert message.startswith("tasks.t.main_metric has 'length_ratio', of which neither more nor")
    names = message.rpartition(": ")[2].split(", ")
    assert {"bleu", "ter", "exact_match"} <= set(names)
    assert not {"length_ratio", "novel1", "copy_rate"} & set(names)
