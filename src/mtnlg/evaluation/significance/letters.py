"""Compact letter display: systems that share a letter are not significantly different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from string import ascii_lowercase

from mtnlg.evaluation.significance.comparison import Comparison


def group_letters(num_systems: int, comparisons: Sequence[Comparison]) -> list[str]:
    """One text of letters for each of S systems: two share a letter if and only if they are not
    told apart. `a` is a group of the first.

    A compact letter display (Piepho 2004) as a cover of the graph of undecided pairs by cliques
    (Gramm et al. 2008), grown in the order of the ranking. Not by intervals of the ranking: tests
    of pairs with different spreads may tell neighbours apart and not those around them. Not by
    insertion and absorption, which may need exponentially many letters before they are swept.
    """
    is_apart = {(one.better, one.worse) for one in comparisons if one.is_significant}
    letters = [""] * num_systems
    for place, group in enumerate(_cover_by_cliques(num_systems, is_apart)):
        for system in group:
            letters[system] += _letter(place)
    return letters


def _cover_by_cliques(
    num_systems: int, is_apart: set[tuple[int, int]]
) -> Iterator[tuple[int, ...]]:
    """Groups without a pair that is apart, such that each other pair is within one; every system is
    in one.
    """

    def is_tied(one: int, other: int) -> bool:
        return (min(one, other), max(one, other)) not in is_apart

    covered: set[tuple[int, int]] = set()
    for system in range(num_systems):
        partners = [one for one in range(num_systems) if one != system and is_tied(one, system)]
        if not partners:
            yield (system,)
        for partner in partners:
            if partner < system or (system, partner) in covered:
                continue
            group = [system, partner]
            for other in range(num_systems):
                if other not in group and all(is_tied(other, member) for member in group):
                    group.append(other)
            yield tuple(sorted(group))
            covered.update(combinations(sorted(group), 2))


def _letter(place: int) -> str:
    """a to z, then a1 to z1 and so on."""
    round_number, letter = divmod(place, len(ascii_lowercase))
    return ascii_lowercase[letter] + (str(round_number) if round_number else "")
