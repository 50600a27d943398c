"""Agreement of raters and of rankings: Krippendorff's alpha and Kendall's tau-b.

Both are ratios of sums over units, so the bootstrap resamples them like metrics. Legend: U units, V
values of the scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mtnlg.evaluation.significance.bootstrap import FloatArray


def coincidences(units: Sequence[Sequence[int]], values: Sequence[int]) -> FloatArray:
    """How often two answers to a unit were each pair of values, (U, V * V): alpha's statistics. A
    unit with fewer than two answers does not count.
    """
    indexes = {value: index for index, value in enumerate(values)}
    tables = np.zeros((len(units), len(values), len(values)))
    for table, answers in zip(tables, units, strict=True):
        if len(answers) < 2:
            continue
        counts = np.bincount([indexes[answer] for answer in answers], minlength=len(values))
        table += (np.outer(counts, counts) - np.diag(counts)) / (len(answers) - 1)
    return tables.reshape(len(units), -1)


def ordinal_alpha(sums: FloatArray) -> FloatArray:
    """Krippendorff's alpha of summed coincidences, (..., V * V), where only the order of values
    counts.

    The ordinal difference of two values is the distance of their mean ranks (Krippendorff 2011,
    "Computing Krippendorff's Alpha-Reliability", sec. D).
    """
    totals = _squares(sums).sum(axis=-1)  # (..., V)
    return _alpha(sums, np.cumsum(totals, axis=-1) - totals / 2)


def interval_alpha(sums: FloatArray, values: Sequence[int]) -> FloatArray:
    """Krippendorff's alpha of summed coincidences, (..., V * V), where distances count."""
    return _alpha(sums, np.asarray(values, dtype=np.float64))


def _alpha(sums: FloatArray, positions: FloatArray) -> FloatArray:
    """Alpha from the positions of the values; NaN where all answers are equal, as no difference is
    expected then.
    """
    observed = _squares(sums)
    totals = observed.sum(axis=-1)
    distances = (positions[..., :, None] - positions[..., None, :]) ** 2
    expected = totals[..., :, None] * totals[..., None, :]
    return np.asarray(
        1
        - (totals.sum(axis=-1) - 1)
        * (observed * distances).sum(axis=(-2, -1))
        / (expected * distances).sum(axis=(-2, -1))
    )


def _squares(sums: FloatArray) -> FloatArray:
    num_values = round(sums.shape[-1] ** 0.5)
    return sums.reshape(*sums.shape[:-1], num_values, num_values)


def pair_counts(first: Sequence[float], second: Sequence[float]) -> FloatArray:
    """The statistics of tau, (3,), over all pairs of units measured twice: concordant minus
    discordant pairs, pairs that differ in the first measurement, pairs that differ in the second.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    signs = [np.sign(np.subtract.outer(values, values)) for values in arrays]
    product, *squares = signs[0] * signs[1], signs[0] ** 2, signs[1] ** 2
    return np.array([product.sum(), *(square.sum() for square in squares)]) / 2


def tau_b(sums: FloatArray) -> FloatArray:
    """Kendall's tau-b (1945, "The treatment of ties in ranking problems") of summed pair counts,
    (..., 3), from -1 to 1; NaN where no pair differs in one of the measurements.
    """
    return np.asarray(sums[..., 0] / np.sqrt(sums[..., 1] * sums[..., 2]))
