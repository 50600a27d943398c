"""How far raters agree with each other, and a ranking with another: Krippendorff's alpha and
Kendall's tau-b.

Both are ratios of sums over units, so that the bootstrap resamples them as it does metrics. Refuses
to know: what was rated. Legend: U units, V values of the scale, S systems.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mtnlg.evaluation.significance.bootstrap import FloatArray


def coincidences(units: Sequence[Sequence[int]], values: Sequence[int]) -> FloatArray:
    """How often two answers to one unit were each pair of the values, (U, V * V): the statistics of
    alpha. A unit with fewer than two answers counts nothing.
    """
    place = {value: index for index, value in enumerate(values)}
    tables = np.zeros((len(units), len(values), len(values)))
    for table, answers in zip(tables, units, strict=True):
        if len(answers) < 2:
            continue
        counts = np.bincount([place[one] for one in answers], minlength=len(values))
        table += (np.outer(counts, counts) - np.diag(counts)) / (len(answers) - 1)
    return tables.reshape(len(units), -1)


def ordinal_alpha(sums: FloatArray) -> FloatArray:
    """Krippendorff's alpha of summed coincidences, (..., V * V): only the order of values counts.

    The ordinal difference of two values (Krippendorff 2011, "Computing Krippendorff's
    Alpha-Reliability", sec. D) is the distance between their mean ranks.
    """
    totals = _squares(sums).sum(axis=-1)  # (..., V)
    return _alpha(sums, np.cumsum(totals, axis=-1) - totals / 2)


def interval_alpha(sums: FloatArray, values: Sequence[int]) -> FloatArray:
    """Krippendorff's alpha of summed coincidences, (..., V * V): the distance of values counts."""
    return _alpha(sums, np.asarray(values, dtype=np.float64))


def _alpha(sums: FloatArray, places: FloatArray) -> FloatArray:
    """No number where all answers are one value, since nothing is then expected to differ."""
    observed = _squares(sums)
    totals = observed.sum(axis=-1)
    distances = (places[..., :, None] - places[..., None, :]) ** 2
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
    """Over all pairs of what was measured twice: concordant less discordant ones, those that the
    first tells apart, and those that the second does; the statistics of tau, (3,).
    """
    one, other = (np.asarray(values, dtype=np.float64) for values in (first, second))
    signs = [np.sign(np.subtract.outer(values, values)) for values in (one, other)]
    product, *squares = signs[0] * signs[1], signs[0] ** 2, signs[1] ** 2
    return np.array([product.sum(), *(square.sum() for square in squares)]) / 2


def tau_b(sums: FloatArray) -> FloatArray:
    """Kendall's tau-b (1945, "The treatment of ties in ranking problems") of summed pair counts,
    (..., 3): from -1 to 1, and no number where either side tells no pair apart.
    """
    return np.asarray(sums[..., 0] / np.sqrt(sums[..., 1] * sums[..., 2]))
