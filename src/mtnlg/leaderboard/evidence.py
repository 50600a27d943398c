"""The statistics behind a row's number, used only where they give exactly that number; elsewhere a
reason in words stands for them, never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.evaluation import Metric, find_metric
from mtnlg.evaluation.significance.bootstrap import BoolArray, FloatArray
from mtnlg.evaluation.significance.seeds import SeededValue, seeded_value
from mtnlg.leaderboard.model import BoardRow
from mtnlg.records.places import STATISTICS_FILE, scores_folder
from mtnlg.records.scores import load_statistics

VALUE_TOLERANCE = 1e-6
"""Largest difference between a score and the value of its statistics."""


@dataclass(frozen=True)
class Evidence:
    """Statistics (N, K) of each seed of a row by one metric, in the order of its seeds."""

    metric: Metric
    seeds: tuple[FloatArray, ...]
    mask: BoolArray
    """Which rows of the test set the N are."""

    @cached_property
    def value(self) -> SeededValue:
        """The mean over the seeds and its spread; not a number where examples have no value."""
        with np.errstate(all="ignore"):
            return seeded_value(self.seeds, self.metric.aggregate)


EvidenceOf = Callable[[BoardRow, str], Evidence | str]
"""A row and the name of one of its metrics -> that number's statistics, or why there are none."""


def board_evidence(subset: str, *, main_metric: str | None, artifacts_root: Path) -> EvidenceOf:
    """The evidence of one board's rows; that of the main metric, which both intervals and tests
    need, is read once.
    """
    kept: dict[tuple[str, ...], Evidence | str] = {}

    def evidence_of(row: BoardRow, name: str) -> Evidence | str:
        is_main = name == main_metric
        if is_main and row.scores in kept:
            return kept[row.scores]
        metric = installed_metric(name)
        if isinstance(metric, str):
            return metric
        evidence = _evidence_of(row, metric, subset, artifacts_root=artifacts_root)
        if is_main:
            kept[row.scores] = evidence
        return evidence

    return evidence_of


def installed_metric(name: str) -> Metric | str:
    """The metric of that name, or that there is none."""
    try:
        return find_metric(name)
    except ConfigError:
        return f"{name} is no metric that is installed here"


def _evidence_of(
    row: BoardRow, metric: Metric, subset: str, *, artifacts_root: Path
) -> Evidence | str:
    if not metric.is_resampleable:
        return metric.interval_reason
    score = row.metrics[metric.name]
    values = list(score.seed_values.values()) or [score.value]
    if len(row.scores) != len(values):
        return f"it has {len(row.scores)} score files for {len(values)} values"
    seeds = []
    for key, value in zip(row.scores, values, strict=True):
        folder = scores_folder(artifacts_root, key)
        seed = _read_seed(folder, metric, subset, value=value, num_examples=score.num_examples)
        if isinstance(seed, str):
            return seed
        seeds.append(seed)
    mask = seeds[0][1]
    if not all(np.array_equal(mask, seed_mask) for _, seed_mask in seeds):
        return "its seeds are over different rows of the test set"
    if len(seeds) > 1 and np.count_nonzero(mask) == 1:
        return "one example says nothing of others"
    return Evidence(metric, tuple(statistics for statistics, _ in seeds), mask)


def _read_seed(
    folder: Path, metric: Metric, subset: str, *, value: float, num_examples: int
) -> tuple[FloatArray, BoolArray] | str:
    """Statistics of the subset's rows and the mask (N,) of these, or why there are none."""
    try:
        arrays, masks = load_statistics(folder, metric.name)
        everything = np.ones(len(arrays[metric.name]), np.bool_)
        mask = everything if subset == "all" else masks[subset]
        statistics = arrays[metric.name][mask]
        with np.errstate(all="ignore"):
            aggregate = float(metric.aggregate(statistics.sum(axis=0)))
    except ArtifactError as error:
        return f"its {str(error).replace(str(folder / STATISTICS_FILE), STATISTICS_FILE)}"
    except KeyError:
        return f"its statistics do not say which rows are {subset}"
    except (ValueError, IndexError, TypeError, ArithmeticError) as error:
        return f"its statistics.npz is broken ({error})"
    if statistics.ndim != 2 or len(statistics) != num_examples:
        return f"its statistics have {len(statistics)} rows and its score {num_examples}"
    if not abs(aggregate - value) <= VALUE_TOLERANCE:
        return f"its statistics give {aggregate:.6g} and not its score"
    return statistics, mask
