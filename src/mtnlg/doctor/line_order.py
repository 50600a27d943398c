"""Whether the outputs stand some lines off their references, as where one line was lost.

Blocks of lines are scored against their own references and against those a few lines before and
after. Refuses to know: which metric is asked for.
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
"""Of each text; its start tells enough."""
LEAST_GAIN, LEAST_RATIO = 5.0, 1.25
"""By so many points of chrF, and so many times, must other references fit better: outputs that fit
none well fit others by chance a little better."""


def find_shift(texts: Texts) -> Finding | None:
    """The blocks whose outputs fit other references better; None where none do."""
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
    places = np.flatnonzero(is_off[block_of])
    first = int(np.flatnonzero(is_off)[0])
    shift = SHIFTS[best[first]]
    return Finding(
        "order",
        f"the outputs fit the references {abs(shift)} line{'s' if abs(shift) > 1 else ''} "
        f"{'later' if shift > 0 else 'earlier'} (chrF {values[best[first], first]:.1f} against "
        f"{values[0, first]:.1f} of their own)",
        tuple(int(place) for place in places),
        "look for a line that was lost or added before the first of them",
    )


def _block_values(texts: Texts, shift: int) -> FloatArray:
    """chrF of each block of outputs against the references that stand `shift` lines later."""
    metric = find_metric("chrf")
    num_lines = len(texts.hypotheses)
    places = [place for place in range(num_lines) if 0 <= place + shift < num_lines]
    shifted = Texts(
        [texts.hypotheses[place][:MAX_CHARACTERS] for place in places],
        [[one[:MAX_CHARACTERS] for one in texts.references[place + shift]] for place in places],
        language=texts.language,
    )
    statistics = measure(metric, shifted)
    num_blocks = max(1, num_lines // BLOCK_LINES)
    sums = np.zeros((num_blocks, statistics.shape[1]))
    blocks = np.minimum(np.array(places) // BLOCK_LINES, num_blocks - 1)
    np.add.at(sums, blocks, statistics)
    return metric.aggregate(sums)
