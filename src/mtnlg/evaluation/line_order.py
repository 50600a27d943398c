"""Whether outputs belong to their lines: shifted, reversed and sorted outputs fit other references.

A look at a few lines finds candidates. Blocks of all lines are then scored against the references
some lines before and after, and a few outputs are compared with all references.
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
FEW_CHARACTERS = 200
"""Of each text, where one is compared with all."""
MOST_GAIN, LEAST_TOTAL = 0.5, 2.0
"""Of similarity, in one line and in all last lines: one that is alike by chance is not enough."""
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
    finding = finding or _find_end(texts, candidates or ([] if is_quick else SHIFTS[1:]))
    return finding or _reversed(texts) or _sorted(texts) or _find_moved(texts)


def _likely_shifts(texts: Texts) -> list[int]:
    """Shifts that fit clearly better than none in several of the lines that are looked at, or in
    half of the last lines.
    """
    looks, ends = _looks(len(texts)), range(len(texts) - LEAST_LINES, len(texts))
    least = max(2, LEAST_LOOKS * len(looks))
    shifts: dict[int, None] = {}
    for lines, least_count in ((looks, least), (ends, LEAST_LINES / 2)):
        best = Counter(filter(None, (_best_shift(texts, position) for position in lines)))
        shifts |= dict.fromkeys(shift for shift, count in best.items() if count >= least_count)
    return list(shifts)


def _looks(num_lines: int) -> list[int]:
    """Lines at even distances."""
    return sorted({index * num_lines // NUM_LOOKS for index in range(NUM_LOOKS)})


def _best_shift(texts: Texts, position: int) -> int:
    """How many lines later the reference is that fits an output best; 0 unless clearly better."""
    window = range(max(0, position - FARTHEST), min(len(texts), position + FARTHEST + 1))
    shares = {line - position: _fit(texts, position, line) for line in window}
    shift = max(shares, key=lambda key: shares[key])
    return shift if _is_better(shares[shift], shares[0]) else 0


def _fit(texts: Texts, position: int, line: int) -> float:
    """How much the output of one line is like the reference of another, from 0 to 1."""
    return _similarity(_grams(texts.hypotheses[position]), _grams(texts.references[line][0]))


def _is_better(value: float, base: float) -> bool:
    return value > LEAST_RATIO * base + LEAST_GAIN / 100


def _text_grams(text: str) -> frozenset[tuple[str, ...]]:
    text = text[:MAX_CHARACTERS]
    grams = zip(*(text[start:] for start in range(GRAM)), strict=False)
    return frozenset(grams if len(text) > GRAM else [tuple(text)])


_grams = lru_cache(maxsize=4 * NUM_LOOKS * FARTHEST)(_text_grams)


def _similarity(left: Set[object], right: Set[object]) -> float:
    return 2 * len(left & right) / (len(left) + len(right))


def _find_end(texts: Texts, shifts: Sequence[int]) -> Finding | None:
    """The last lines, if they fit a shift: too few for the blocks of all lines."""
    num_lines = len(texts)
    tail = range(num_lines - min(num_lines, 2 * BLOCK_LINES), num_lines)
    for shift in shifts:
        total, best_total, first = 0.0, 0.0, num_lines
        for position in reversed(tail):
            if 0 <= position + shift < num_lines:
                gain = _fit(texts, position, position + shift) - _fit(texts, position, position)
                total += min(gain, MOST_GAIN) - LEAST_GAIN / 100
            if total > best_total:
                best_total, first = total, position
        if best_total >= LEAST_TOTAL and num_lines - first >= LEAST_LINES - abs(shift):
            return Finding(
                "order",
                f"the last {num_lines - first} outputs fit the references {_words(shift)}",
                tuple(range(first, num_lines)),
                "look for a line that was lost or added before the first of them",
            )
    return None


def _words(shift: int) -> str:
    lines = f"{abs(shift)} line{'s' if abs(shift) > 1 else ''}"
    return f"{lines} {'later' if shift > 0 else 'earlier'}"


def _find_moved(texts: Texts) -> Finding | None:
    """The lines that are looked at, if many of their outputs stand out as those of references
    anywhere else: after a shuffle, a sort by length, or parts that were joined in another order.
    """
    looks = [position for position in _looks(len(texts)) if texts.hypotheses[position].strip()]
    least = max(4, LEAST_LOOKS * len(looks))
    odd = [
        position
        for position in looks
        if any(_fit(texts, position, line) > _fit(texts, position, position) for line in looks)
    ]
    if len(odd) < least:
        return None
    moved = {}
    for position, (line, share, second) in _best_lines(texts, odd).items():
        if _is_better(share, max(second, _fit(texts, position, position))):
            moved[position] = line
    if len(moved) < max(least, len(odd) / 2):
        return None
    (shift, count), *_ = Counter(line - index for index, line in moved.items()).most_common(1)
    example = next(iter(moved))
    where = f"as that of line {example + 1}, which fits line {moved[example] + 1}"
    if 2 * count > len(moved):
        where = f"most of them {_words(shift)}"
    return Finding(
        "order",
        f"{len(moved)} of {len(looks)} outputs that were looked at fit references of other lines, "
        f"{where}",
        tuple(moved),
        "write the outputs in the order of their sources; look for a shuffle, a sort, or parts "
        "that were joined in another order",
    )


def _best_lines(texts: Texts, positions: Sequence[int]) -> dict[int, tuple[int, float, float]]:
    """Output -> the line whose reference fits it best, how well, and how well the next best text
    does.
    """
    grams_of = {index: _grams(texts.hypotheses[index][:FEW_CHARACTERS]) for index in positions}
    outputs_of: dict[object, list[int]] = {}
    for index, grams in grams_of.items():
        for gram in grams:
            outputs_of.setdefault(gram, []).append(index)
    best = {index: (index, 0.0, 0.0) for index in positions}
    lines = {targets[0][:FEW_CHARACTERS]: line for line, targets in enumerate(texts.references)}
    for text, line in lines.items():
        grams = _text_grams(text)
        counts = Counter(index for gram in grams & outputs_of.keys() for index in outputs_of[gram])
        for index, count in counts.items():
            share = 2 * count / (len(grams) + len(grams_of[index]))
            first, most, second = best[index]
            if share > most:
                best[index] = (line, share, most)
            elif share > second:
                best[index] = (first, most, share)
    return best


def _reversed(texts: Texts) -> Finding | None:
    """All lines, if the outputs fit the references from the last to the first."""
    looks = _looks(len(texts))
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
        f"the outputs fit the references {_words(shift)} (chrF {values[best[first], first]:.1f} "
        f"against {values[0, first]:.1f} of their own)",
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
