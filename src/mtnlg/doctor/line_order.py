"""Whether the outputs are shifted against their references, as after a lost line.

Blocks of lines are scored against their own references and against those a few lines before and
after.
"""

from __future__ import annotations

import numpy as np

from mtnlg.doctor.symptoms import Finding
from mtnlg.evaluation import Texts, find_metric, measure
from mtnlg.evaluation.significance.bootstrap import FloatArray

SHIFTS = (0, -2, -1, 1, 2)
BLOCK_LINES = 50
LEAST_LINES = 8
"""Fewer lines look alike by chance."""
MAX_CHARACTERS = 2_000
"""Of each text: its beginning is enough."""
LEAST_GAIN, LEAST_RATIO = 5.0, 1.25
"""Other references must fit better by so many points of chrF, and by this factor: outputs that fit
no reference well fit others a little better by chance."""


def find_shift(texts: Texts) -> Finding | None:
    """The lines of the blocks whose outputs fit other references better; None if none do."""
    num_lines = len(texts.hypotheses)
    if num_lines < LEAST_LINES:
        return None
    values = np.stack([_block_values(texts, shift) for shift in SHIFTS])  # (shifts, blocks)
    best = values.argmax(axis=0)
    gain = values.max(axis=0) - values[0]
    is_off = (gain >= LEAST_GAIN) & (values.max(axis=0) >= LEAST_RATIO * values[0])
    if not is_off.any():
        return None
    block_of = np.minimum(np.arange(num_lines) // BLOCK_LINES, len(is_off) - 1)
    positions = np.flatnonzero(is_off[block_of])
    first = int(np.flatnonzero(is_off)[0])
    shift = SHIFTS[best[first]]
    return Finding(
        "order",
        f"the outputs fit the references {abs(shift)} line{'s' if abs(shift) > 1 else ''} "
        f"{'later' if shift > 0 else 'earlier'} (chrF {values[best[first], first]:.1f} against "
        f"{values[0, first]:.1f} of their own)",
        tuple(int(position) for position in positions),
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
