"""Which rater rates what, and in which order.

A source goes to its raters with the outputs of all systems, so that each rater has every system
equally often, and systems are compared by the same raters. Legend: S systems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from mtnlg.ratings.key import Entry

MIN_SHEET_FOR_REPEATS = 12
"""Items from which a rater can have forgotten the first when it comes again."""


def plan_sheets(
    sources: Sequence[Sequence[int]],
    *,
    raters: Sequence[str],
    raters_per_item: int,
    num_repeated: int,
    seed: int,
) -> dict[str, tuple[Entry, ...]]:
    """Rater -> entries of the sheet; a source is given as the output of each of S systems, where
    equal outputs are one and the same.
    """
    generator = np.random.default_rng(seed)
    panels = _panels(len(sources), len(raters), raters_per_item, generator)
    sheets = {}
    for index, rater in enumerate(raters):
        rated = [source for source, panel in zip(sources, panels, strict=True) if index in panel]
        sheets[rater] = tuple(_with_repeats(_order(rated, generator), num_repeated, generator))
    return sheets


def shared_sources(
    sheets: Mapping[str, Sequence[Entry]], row_of_output: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Pair of raters -> how many sources both rate."""
    rows = {
        rater: {row_of_output[entry.output] for entry in entries}
        for rater, entries in sheets.items()
    }
    return {(left, right): len(rows[left] & rows[right]) for left, right in combinations(rows, 2)}


def _panels(
    num_sources: int, num_raters: int, size: int, generator: np.random.Generator
) -> list[set[int]]:
    """The raters of each source: always those with the fewest sources so far, among equals those
    who share the fewest with the panel; so loads differ by one at most, and pairs by little.
    """
    loads: Counter[int] = Counter()
    shared: Counter[tuple[int, int]] = Counter()
    panels = []
    for _ in range(num_sources):
        panel: list[int] = []
        order = [int(rater) for rater in generator.permutation(num_raters)]
        while len(panel) < size:
            panel.append(
                _least_used([rater for rater in order if rater not in panel], panel, loads, shared)
            )
        loads.update(panel)
        shared.update((left, right) for left in panel for right in panel)
        panels.append(set(panel))
    return panels


def _least_used(
    free: Iterable[int], panel: Sequence[int], loads: Counter[int], shared: Counter[tuple[int, int]]
) -> int:
    return min(
        free, key=lambda rater: (loads[rater], sum(shared[rater, member] for member in panel))
    )


def _order(sources: Sequence[Sequence[int]], generator: np.random.Generator) -> list[int]:
    """The outputs in rounds with one output of each source: those of one source are far apart, each
    round has every system equally often, and so has whatever a rater finishes of the sheet.
    """
    if not sources:
        return []
    num_systems = len(sources[0])
    turn = generator.permutation(num_systems)
    rounds: list[list[tuple[int, int]]] = [[] for _ in range(num_systems)]
    for index, source in enumerate(generator.permutation(len(sources))):
        outputs = (
            sources[source][turn[(index + step) % num_systems]] for step in range(num_systems)
        )
        for members, output in zip(rounds, dict.fromkeys(outputs), strict=False):
            members.append((int(source), output))
    ordered: list[tuple[int, int]] = []
    for members in rounds:
        shuffled = [members[index] for index in generator.permutation(len(members))]
        if ordered and len(shuffled) > 1 and shuffled[0][0] == ordered[-1][0]:
            shuffled = [*shuffled[1:], shuffled[0]]
        ordered += shuffled
    return [output for _, output in ordered]


def _with_repeats(
    outputs: Sequence[int], num_repeated: int, generator: np.random.Generator
) -> Iterable[Entry]:
    """The entries of a sheet: some outputs of its first third come again in its last."""
    entries = [Entry(output, False) for output in outputs]
    if len(entries) < MIN_SHEET_FOR_REPEATS:
        return entries
    third = len(entries) // 3
    for index in generator.permutation(third)[:num_repeated]:
        repeat = Entry(outputs[index], True)
        entries.insert(int(generator.integers(2 * third, len(entries) + 1)), repeat)
    return entries
