"""Sheets are balanced, shuffled and overlap, whatever their sizes.

Oracle: counts over the plan, which are whole numbers by construction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

from mtnlg.ratings.key import Entry
from mtnlg.ratings.plan import plan_sheets, shared_sources


def made_sources(num_sources: int, num_systems: int) -> list[tuple[int, ...]]:
    """Sources of which every system has its own output: number source * S + system."""
    return [
        tuple(range(source * num_systems, (source + 1) * num_systems))
        for source in range(num_sources)
    ]


def planned(
    num_sources: int = 31,
    num_systems: int = 5,
    num_raters: int = 3,
    raters_per_item: int = 2,
    num_repeated: int = 0,
    seed: int = 1,
) -> dict[str, tuple[Entry, ...]]:
    return plan_sheets(
        made_sources(num_sources, num_systems),
        raters=[f"r{place}" for place in range(num_raters)],
        raters_per_item=raters_per_item,
        num_repeated=num_repeated,
        seed=seed,
    )


def outputs(entries: Sequence[Entry]) -> list[int]:
    return [entry.output for entry in entries]


SIZES = [(31, 5, 3, 2), (7, 3, 2, 2), (50, 4, 7, 3), (13, 2, 5, 1), (1, 3, 3, 2)]


@pytest.mark.parametrize(("sources", "systems", "raters", "per_item"), SIZES)
def test_each_output_goes_to_as_many_raters_as_asked(
    sources: int, systems: int, raters: int, per_item: int
) -> None:
    sheets = planned(sources, systems, raters, per_item)

    counts = Counter(output for entries in sheets.values() for output in outputs(entries))

    assert counts == dict.fromkeys(range(sources * systems), per_item)
    assert all(len(set(outputs(one))) == len(one) for one in sheets.values()), "once by each"


@pytest.mark.parametrize(("sources", "systems", "raters", "per_item"), SIZES)
def test_each_rater_has_every_system_equally_often(
    sources: int, systems: int, raters: int, per_item: int
) -> None:
    sheets = planned(sources, systems, raters, per_item)

    for entries in sheets.values():
        counts = Counter(output % systems for output in outputs(entries))
        assert len(set(counts.values())) <= 1


@pytest.mark.parametrize(("sources", "systems", "raters", "per_item"), SIZES)
def test_raters_have_as_many_sources_as_each_other_but_for_one(
    sources: int, systems: int, raters: int, per_item: int
) -> None:
    sizes = [len(one) // systems for one in planned(sources, systems, raters, per_item).values()]

    assert max(sizes) - min(sizes) <= 1


def test_each_pair_of_raters_shares_its_part_of_the_sources() -> None:
    sheets = planned(num_sources=30, num_systems=4)

    shared = shared_sources(sheets, [str(output // 4) for output in range(30 * 4)])

    assert set(shared.values()) == {10}


def test_each_round_of_a_sheet_has_every_system_equally_often_but_for_one() -> None:
    """So has, but for the round that it ends in, whatever part of a sheet a rater finishes."""
    for entries in planned().values():
        size = len(entries) // 5
        for start in range(0, len(entries), size):
            of_round = outputs(entries[start : start + size])
            counts = Counter(output % 5 for output in of_round)
            assert len({output // 5 for output in of_round}) == size, "each source once"
            assert max(counts.values()) - min(counts.values()) <= 1


def test_outputs_of_one_source_never_follow_each_other() -> None:
    for seed in range(20):
        for entries in planned(seed=seed).values():
            sources = [output // 5 for output in outputs(entries)]
            assert all(one != other for one, other in pairwise(sources))


def test_sheets_are_in_different_orders_and_not_that_of_the_systems() -> None:
    first, second, _ = planned(raters_per_item=3).values()

    assert outputs(first) != outputs(second)
    assert outputs(first) != sorted(outputs(first))


def test_plan_depends_on_the_seed_alone() -> None:
    assert planned(seed=3) == planned(seed=3)
    assert planned(seed=3) != planned(seed=4)


def test_repeats_are_of_the_first_third_and_come_in_the_last() -> None:
    for entries in planned(num_repeated=5).values():
        repeats = [place for place, entry in enumerate(entries) if entry.is_repeat]
        firsts = [outputs(entries).index(entries[place].output) for place in repeats]

        assert len(repeats) == 5
        assert len({entries[place].output for place in repeats}) == 5
        third = (len(entries) - 5) // 3
        assert max(firsts) < third
        assert min(repeats) >= 2 * third


def test_short_sheet_repeats_nothing() -> None:
    sheets = planned(num_sources=3, num_systems=2, num_raters=2, num_repeated=5)

    assert not any(entry.is_repeat for entries in sheets.values() for entry in entries)


def test_equal_outputs_are_on_a_sheet_once() -> None:
    sheets = plan_sheets(
        [(0, 0, 1), (2, 3, 2)], raters=["r1"], raters_per_item=1, num_repeated=0, seed=1
    )

    assert sorted(outputs(sheets["r1"])) == [0, 1, 2, 3]
