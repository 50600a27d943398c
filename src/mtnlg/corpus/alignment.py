"""Whether sources and targets stand in the same rows, by their lengths: a long text has a long
translation. W windows of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_ROWS = 128
CHUNK_WINDOWS = 4_096
"""Windows in memory at a time."""
SHIFTS = (-3, -2, -1, 1, 2, 3)
"""How many rows later a source may stand than its target."""
LEAST_CORRELATION = 0.5
"""Of the lengths of sources and targets that belong together."""
LEAST_GAIN = 0.7
"""Of Fisher's z over that of the rows as they stand: more than five standard errors."""
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Misalignment:
    """Windows of rows whose targets fit other sources."""

    num_windows: int
    num_checked: int
    first_row: int
    """Of the first of these windows, counted from 1."""
    shift: int
    """How many rows later the sources stand that the targets of that window fit."""
    correlation: float
    """Of their lengths with those of these sources, in that window."""
    own_correlation: float

    @property
    def is_everywhere(self) -> bool:
        """True for at least half of the windows."""
        return 2 * self.num_windows >= self.num_checked

    def __str__(self) -> str:
        rows = "row" if abs(self.shift) == 1 else "rows"
        where = f"{abs(self.shift)} {rows} {'later' if self.shift > 0 else 'earlier'}"
        return (
            f"from row {self.first_row:,} on, targets fit the sources {where} (lengths correlate "
            f"{self.correlation:.2f}, and {self.own_correlation:.2f} in the same row); so in "
            f"{self.num_windows:,} of {self.num_checked:,} blocks of {WINDOW_ROWS} rows: one side "
            "has a line too many or too few"
        )


def find_misalignment(lengths: NDArray[np.uint32]) -> Misalignment | None:
    """What the lengths (N, 2) of sources and targets show; None where nothing is wrong. Sorted by
    length, or shorter than a window, they show nothing.
    """
    starts = range(0, len(lengths) - WINDOW_ROWS + 1, CHUNK_WINDOWS * WINDOW_ROWS)
    parts = [_fits(lengths[start : start + CHUNK_WINDOWS * WINDOW_ROWS]) for start in starts]
    if not parts:
        return None
    fits = np.concatenate(parts, axis=1)  # (shifts, W), of which the first is none
    own, best = fits[0], fits[1:].max(axis=0)
    gains = np.arctanh(best) - np.arctanh(own)
    is_wrong = (own < LEAST_CORRELATION) & (best >= LEAST_CORRELATION) & (gains >= LEAST_GAIN)
    if not is_wrong.any():
        return None
    first = int(is_wrong.argmax())
    return Misalignment(
        int(is_wrong.sum()),
        len(is_wrong),
        first * WINDOW_ROWS + 1,
        SHIFTS[int(fits[1:, first].argmax())],
        float(best[first]),
        float(own[first]),
    )


def _fits(lengths: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The correlations of each window as it stands, and with each shift."""
    num_windows = len(lengths) // WINDOW_ROWS
    windows = np.log1p(lengths[: num_windows * WINDOW_ROWS].astype(np.float64))
    sources, targets = np.moveaxis(windows.reshape(num_windows, WINDOW_ROWS, 2), -1, 0)
    return np.array([_shifted(sources, targets, shift) for shift in (0, *SHIFTS)])


def _shifted(
    sources: NDArray[np.float64], targets: NDArray[np.float64], shift: int
) -> NDArray[np.float64]:
    if shift < 0:
        return _correlations(sources[:, :shift], targets[:, -shift:])
    return _correlations(sources[:, shift:], targets[:, : WINDOW_ROWS - shift])


def _correlations(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's r of each window, (W,), within what has a finite z; 0 where a side is constant."""
    left, right = (side - side.mean(axis=1, keepdims=True) for side in (left, right))
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    products = (left * right).sum(axis=1)
    values = np.divide(products, scale, out=np.zeros_like(scale), where=scale > TINY)
    clipped: NDArray[np.float64] = values.clip(TINY - 1, 1 - TINY)
    return clipped
