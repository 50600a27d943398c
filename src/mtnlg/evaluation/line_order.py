"""Whether outputs belong to their lines: shifted, reversed and sorted outputs fit other references.

A look at a few lines finds candidates. Blocks of all lines are then scored against the references
some lines before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from mtnlg.evaluation.metrics.base import measure
from mtnlg.evaluation.metrics.registry import find_metric
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts

SHIFTS = (0, -2, -1, 1, 2)
"""Lines later, the first being none."""
FARTHEST = 10
"""Lines of a shift that a look at a few lines finds."""
NUM_LOOKS = 48
"""Lines that are looked at."""
LEAST_LOOKS = 0.1
"""Of them, in which one shift must be the best."""
GRAM = 4
"""Characters of the n-grams that a look compares."""
BLOCK_LINES = 50
LEAST_LINES = 8
"""Fewer lines look alike by chance."""
MAX_CHARACTERS = 2_000
"""Of each text: its beginning is enough."""
LEAST_GAIN, LEAST_RATIO = 5.0, 1.25
"""How much better other references must fit, in points of chrF and as a factor: bad outputs fit
some others a little better by chance.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom, the positions of its lines from 0, and the remedy."""

    name: str
    what: str
    positions: tuple[int, ...]
    remedy: str


def find_order(texts: Texts, *, is_quick: bool = False) -> Finding | None:
    """The lines whose outputs fit other references better: as after a lost line, in reverse, or
    sorted. Quick: shifts are searched only where a look at a few lines finds some.
    """
    if len(texts) < LEAST_LINES:
        return None
    candidates = _likely_shifts(texts)
    finding = None
    if candidates or not is_quick:
        shifts = dict.fromkeys((*SHIFTS, *candidates))
        finding = _find_shift(texts, list(shifts))
    return finding or _reversed(texts) or _sorted(texts)


def _likely_shifts(texts: Texts) -> list[int]:
    """Shifts that fit clearly better than none in several of the lines that are looked at."""
    num_lines = len(texts)
    best: Counter[int] = Counter()
    looks = sorted({index * num_lines // NUM_LOOKS for index in range(NUM_LOOKS)})
    for position in looks:
        output = _grams(texts.hypotheses[position])
        window = range(max(0, position - FARTHEST), min(num_lines, position + FARTHEST + 1))
        shares = {}
        for line in window:
            shares[line - position] = _similarity(output, _grams(texts.references[line][0]))
        shift = max(shares, key=lambda key: shares[key])
        if shares[shift] > LEAST_RATIO * shares[0] + LEAST_GAIN / 100:
            best[shift] += 1
    least = max(2, LEAST_LOOKS * len(looks))
    return [shift for shift, count in best.items() if count >= least]


@lru_cache(maxsize=4 * NUM_LOOKS * FARTHEST)
def _grams(text: str) -> frozenset[tuple[str, ...]]:
    text = text[:MAX_CHARACTERS]
    grams = zip(*(text[start:] for start in range(GRAM)), strict=False)
    return frozenset(grams if len(text) > GRAM else [tuple(text)])


def _similarity(left: Set[object], right: Set[object]) -> float:
    return 2 * len(left & right) / (len(left) + len(right))


def _reversed(texts: Texts) -> Finding | None:
    """All lines, if the outputs fit the references from the last to the first."""
    looks = sorted({index * len(texts) // NUM_LOOKS for index in range(NUM_LOOKS)})
    own = mirrored = 0.0
    for position in looks:
        output = _grams(texts.hypotheses[position])
        own += _similarity(output, _grams(texts.references[position][0]))
        mirrored += _similarity(output, _grams(texts.references[-1 - position][0]))
    if mirrored <= LEAST_RATIO * own + LEAST_GAIN / 100 * len(looks):
        return None
    return Finding(
        "order",
        "the outputs fit the references in reverse order",
        tuple(range(len(texts))),
        "put the last output first",
    )


def _sorted(texts: Texts) -> Finding | None:
    """All lines, if the outputs are in alphabetical order and the references are not."""
    references = [targets[0] for targets in texts.references]
    if not _is_sorted(texts.hypotheses) or _is_sorted(references):
        return None
    if len(set(texts.hypotheses)) < LEAST_LINES:
        return None
    return Finding(
        "order",
        "the outputs are in alphabetical order, and the references are not",
        tuple(range(len(texts))),
        "write the outputs in the order of their sources; a sort came between",
    )


def _is_sorted(texts: Sequence[str]) -> bool:
    return all(left <= right for left, right in pairwise(texts))


def _find_shift(texts: Texts, shifts: Sequence[int]) -> Finding | None:
    """The lines of blocks whose outputs fit references of a shift better."""
    num_lines = len(texts.hypotheses)
    values = np.stack([_block_values(texts, shift) for shift in shifts])  # (shifts, blocks)
    best = values.argmax(axis=0)
    gain = values.max(axis=0) - values[0]
    is_off = (gain >= LEAST_GAIN) & (values.max(axis=0) >= LEAST_RATIO * values[0])
    if not is_off.any():
        return None
    block_of = np.minimum(np.arange(num_lines) // BLOCK_LINES, len(is_off) - 1)
    positions = np.flatnonzero(is_off[block_of])
    first = int(np.flatnonzero(is_off)[0])
    shift = shifts[best[first]]
    return Finding(
        "order",
        f"the outputs fit the references {abs(shift)} line{'s' if abs(shift) > 1 else ''} "
        f"{'later' if shift > 0 else 'earlier'} (chrF {values[best[first], first]:.1f} against "
        f"{values[0, first]:.1f} of their own)",
        tuple(positions.tolist()),
        "look for a line that was lost or added before the first of them",
    )


def _block_values(texts: Texts, shift: int) -> FloatArray:
    """chrF of each block of outputs against the references `shift` lines later."""
    metric = find_metric("chrf")
    num_lines = len(texts.hypotheses)
    positions = [position for position in range(num_lines) if 0 <= position + shift < num_lines]
    shifted = Texts(
        [texts.hypotheses[position][:MAX_CHARACTERS] for position in positions],
        [
            [text[:MAX_CHARACTERS] for text in texts.references[position + shift]]
            for position in positions
        ],
        language=texts.language,
    )
    statistics = measure(metric, shifted)
    num_blocks = max(1, num_lines // BLOCK_LINES)
    sums = np.zeros((num_blocks, statistics.shape[1]))
    blocks = np.minimum(np.array(positions) // BLOCK_LINES, num_blocks - 1)
    np.add.at(sums, blocks, statistics)
    return metric.aggregate(sums)
