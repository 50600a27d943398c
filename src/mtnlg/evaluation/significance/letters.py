"""The compact letter display: systems that share a letter are not significantly different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from string import ascii_lowercase

from mtnlg.evaluation.significance.comparison import Comparison


def compact_letter_display(num_systems: int, comparisons: Sequence[Comparison]) -> list[str]:
    """The letters of each of S systems: two systems share a letter if and only if they are tied,
    which means that they are not significantly different. The first system has `a`.

    A compact letter display (Piepho 2004) is a cover of the graph of tied pairs by cliques (Gramm
    et al. 2008), here built in the order of the ranking. Intervals of the ranking would not do:
    tests of pairs with different spreads may separate neighbors but not the systems around them.
    Insertion and absorption would not do either, as it may need exponentially many letters on the
    way.
    """
    differing = {(pair.better, pair.worse) for pair in comparisons if pair.is_significant}
    letters = [""] * num_systems
    for index, group in enumerate(_cover_by_cliques(num_systems, differing)):
        for system in group:
            letters[system] += _letter(index)
    return letters


def _cover_by_cliques(
    num_systems: int, differing: set[tuple[int, int]]
) -> Iterator[tuple[int, ...]]:
    """Groups of tied systems that contain every system and every tied pair."""

    def is_tied(left: int, right: int) -> bool:
        return (min(left, right), max(left, right)) not in differing

    covered: set[tuple[int, int]] = set()
    for system in range(num_systems):
        partners = [
            partner
            for partner in range(num_systems)
            if partner != system and is_tied(partner, system)
        ]
        if not partners:
            yield (system,)
        for partner in partners:
            if partner < system or (system, partner) in covered:
                continue
            group = [system, partner]
            for candidate in range(num_systems):
                if candidate not in group and all(is_tied(candidate, member) for member in group):
                    group.append(candidate)
            yield tuple(sorted(group))
            covered.update(combinations(sorted(group), 2))


def _letter(index: int) -> str:
    """a to z, then a1 to z1 and so on."""
    round_number, letter = divmod(index, len(ascii_lowercase))
    return ascii_lowercase[letter] + (str(round_number) if round_number else "")
