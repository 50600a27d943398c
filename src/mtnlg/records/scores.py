"""The numbers of one system on one test set: `scores.json`, as typed records, and `statistics.npz`.

A number without its n, its signature, or its interval's reason is left out, with the reason.
"""

from __future__ import annotations

import math
import statistics
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnlg.errors import ArtifactError
from mtnlg.records.codec import decode, encode, key
from mtnlg.records.files import JsonObject, read_json, write_json
from mtnlg.records.places import SCORES_FILE, STATISTICS_FILE, is_folder_name, scores_folder

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
CLEAN, NEW_DIALOGUES = "clean", "new_dialogues"
MASKS = {CLEAN: "is_clean", NEW_DIALOGUES: "is_new_dialogue"}
"""Subset -> the array of statistics.npz that marks its rows; all other arrays are metrics."""
NO_REASON = "the score file gives neither an interval nor a reason"


@dataclass(frozen=True, slots=True)
class MetricScore:
    """One number with everything that it takes to read it."""

    value: float
    low: float | None
    high: float | None
    num_examples: int = field(metadata=key("n"))
    unit: str
    higher_is_better: bool | None
    """None: it describes, and no direction is better."""
    interval: str | None
    """How low and high were computed; None where there is no interval."""
    signature: str
    interval_reason: str | None = None
    """Why there is no interval; None where there is one."""
    seed_values: Mapping[int, float] = field(default_factory=dict)
    """Value by training seed, where this score is the mean over several."""

    @property
    def seed_deviation(self) -> float | None:
        """Standard deviation over the seeds (S - 1); None where there are not several."""
        values = list(self.seed_values.values())
        return statistics.stdev(values) if len(values) > 1 else None

    def to_json(self) -> JsonObject:
        """The metric as in leaderboard.json: as in scores.json, with the spread over its seeds."""
        spread: JsonObject = {"seed_deviation": self.seed_deviation} if self.seed_values else {}
        return encode(self) | spread


@dataclass(frozen=True, slots=True)
class SubsetScores:
    """The metrics of some rows of a test set, and why others are left out."""

    num_examples: int = field(metadata=key("n"))
    metrics: Mapping[str, MetricScore]
    left_out: Mapping[str, str] = field(default_factory=dict, metadata=key("not_run"))
    """Metric -> why it has no number."""
    reason: str | None = None
    """Why the subset has no example; None where it has some."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of one system on one test set."""

    language: str
    subsets: Mapping[str, SubsetScores]
    """`all`; `clean`, the rows without a signal, if some have one; `new_dialogues`, the rows whose
    whole dialogue is not in training, if that of some is.
    """
    statistics: Mapping[str, FloatArray]
    """Metric -> statistics (N, K) of all rows, in the test set's order."""
    masks: Mapping[str, BoolArray]
    """Subset, but for `all` -> which rows (N,) it has, whether there are scores of it or not."""

    @property
    def metrics(self) -> Mapping[str, MetricScore]:
        """The scores on all rows."""
        return self.subsets["all"].metrics


def save_scores(folder: Path, scores: Scores) -> None:
    """Write scores.json and statistics.npz into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / STATISTICS_FILE).open("wb") as stream:
        np.savez(stream, allow_pickle=False, **scores.statistics, **_named(scores.masks))
    document: JsonObject = {
        "language": scores.language,
        "n": scores.subsets["all"].num_examples,
        "subsets": {name: encode(subset) for name, subset in scores.subsets.items()},
    }
    write_json(folder / SCORES_FILE, document)


def load_scores(folder: Path) -> Scores:
    """The scores in a folder, without unreadable metrics; raises ArtifactError where broken."""
    path = folder / SCORES_FILE
    document = read_json(path, has_only_finite=False)
    arrays, masks = load_statistics(folder)
    try:
        language = decode(document.get("language"), str, at="$.language")
        subsets = _subsets_from(document)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}; evaluate again") from None
    return Scores(language=language, subsets=subsets, statistics=arrays, masks=masks)


def read_scores(key: str | None, *, artifacts_root: Path) -> dict[str, SubsetScores] | str:
    """Subset -> scores of one artifact, or, where it cannot be read, the reason."""
    if key is None:
        return "it was not scored"
    if not is_folder_name(key):
        return "the key of its scores is no folder name, so it was not read"
    path = scores_folder(artifacts_root, key) / SCORES_FILE
    try:
        return _subsets_from(read_json(path, has_only_finite=False))
    except (ArtifactError, OSError) as error:
        fault = str(error).removeprefix(f"{path}: ")
        return f"its scores cannot be read: {SCORES_FILE}: {fault}"


def _subsets_from(document: JsonObject) -> dict[str, SubsetScores]:
    """Subset -> scores; a metric that cannot be decoded is left out with the reason."""
    records = decode(document.get("subsets"), dict[str, dict[str, Any]], at="$.subsets")
    return {name: _subset_from(record, f"$.subsets.{name}") for name, record in records.items()}


def _subset_from(record: Mapping[str, Any], at: str) -> SubsetScores:
    subset = decode({**record, "metrics": {}}, SubsetScores, at=at)
    records = decode(record.get("metrics"), dict[str, Any], at=f"{at}.metrics")
    metrics: dict[str, MetricScore] = {}
    left_out = dict(subset.left_out)
    for name, metric in records.items():
        score = _metric_from(metric, f"{at}.metrics.{name}")
        if isinstance(score, str):
            left_out[name] = score
        else:
            metrics[name] = score
    return replace(subset, metrics=metrics, left_out=left_out)


def _metric_from(record: object, at: str) -> MetricScore | str:
    """The score, or why it must not be shown."""
    try:
        score = decode(record, MetricScore, at=at)
    except ArtifactError as error:
        return f"its score cannot be read: {error}"
    if not math.isfinite(score.value):
        return f"its value is {score.value}, which is no finite number"
    ends = [end for end in (score.low, score.high) if end is not None and math.isfinite(end)]
    if score.interval and len(ends) == 2:
        return replace(score, interval_reason=None)
    reason = score.interval_reason or ("its ends are not finite" if score.interval else NO_REASON)
    return replace(score, low=None, high=None, interval=None, interval_reason=reason)


def load_statistics(
    folder: Path, *names: str
) -> tuple[dict[str, FloatArray], dict[str, BoolArray]]:
    """Metric -> statistics (N, K), of all metrics or those named, and subset -> the mask (N,) of
    its rows; raises ArtifactError where they are missing or broken.
    """
    path = folder / STATISTICS_FILE
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            masks = {
                subset: archive[name] for subset, name in MASKS.items() if name in archive.files
            }
            chosen = names or [name for name in archive.files if name not in MASKS.values()]
            return {name: np.asarray(archive[name], np.float64) for name in chosen}, masks
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing or broken (no such file); evaluate again") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtifactError(f"{path}: missing or broken ({error}); evaluate again") from None


def copy_statistics(source: Path, target: Path, *names: str) -> None:
    """Write statistics.npz into another folder in few bytes, with all metrics or those named."""
    arrays, masks = load_statistics(source, *names)
    compact = {name: _compact(array) for name, array in arrays.items()}
    with (target / STATISTICS_FILE).open("wb") as stream:
        np.savez(stream, allow_pickle=False, **compact, **_named(masks))


def _compact(array: FloatArray) -> NDArray[Any]:
    """The same numbers in the smallest type that holds each of them exactly."""
    for kind in (np.uint8, np.uint16, np.uint32, np.int32, np.float32):
        with np.errstate(all="ignore"):
            smaller = array.astype(kind)
        if np.array_equal(smaller, array):
            return smaller
    return array


def _named(masks: Mapping[str, BoolArray]) -> dict[str, BoolArray]:
    """The masks of subsets by the names of their arrays."""
    return {MASKS[subset]: mask for subset, mask in masks.items()}
