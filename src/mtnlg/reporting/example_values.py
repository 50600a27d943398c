"""What the metrics give single examples, from the statistics that scoring kept.

Refuses to know: texts. The value of an example is no board's number: it has no interval, and the
mean of many is not the score of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.evaluation import Metric, find_metric, load_statistics
from mtnlg.evaluation.statistics import FloatArray
from mtnlg.reporting.fields import is_folder_name
from mtnlg.reporting.leaderboard import BoardRow


def example_values(
    row: BoardRow, places: Sequence[int], *, num_examples: int, artifacts_root: Path
) -> dict[str, list[float]]:
    """Metric -> values of the examples at these places of a test set, as the row's first score has
    them, with as many digits as a board shows; without the metrics that have none, or have them of
    other examples.
    """
    exact = exact_values(row, places, num_examples=num_examples, artifacts_root=artifacts_root)
    return {
        name: [_rounded(value, find_metric(name)) for value in values]
        for name, values in exact.items()
    }


def exact_values(
    row: BoardRow, places: Sequence[int], *, num_examples: int, artifacts_root: Path
) -> dict[str, list[float]]:
    """As `example_values`, with all digits."""
    if not row.scores or not is_folder_name(row.scores[0]):
        return {}
    try:
        arrays, _ = load_statistics(artifacts_root / "scores" / row.scores[0])
    except ArtifactError:
        return {}
    found: dict[str, list[float]] = {}
    for name in row.metrics:
        if name in arrays and arrays[name].ndim == 2 and len(arrays[name]) == num_examples:
            values = values_of(name, arrays[name][list(places)])
            if values is not None:
                found[name] = values
    return found


def values_of(name: str, statistics: FloatArray) -> list[float] | None:
    """None for a metric that is not installed here, or that does not go with the statistics."""
    try:
        metric = find_metric(name)
        with np.errstate(all="ignore"):
            values = (metric.aggregate_of_one or metric.aggregate)(statistics)
    except (ConfigError, ValueError, IndexError, TypeError, ArithmeticError):
        return None
    if values.shape != (len(statistics),) or not np.isfinite(values).all():
        return None
    return [float(value) for value in values]


def _rounded(value: float, metric: Metric) -> float:
    return round(value, 2) if metric.unit == "0-100" else float(f"{value:.4g}")
