"""The numbers of one system on one test set: `scores.json`, as typed records.

Refuses to know: runs and boards. A number without its n, its signature, or its interval's reason is
no number here: it is left out, and the reason is kept.
"""

from __future__ import annotations

import statistics
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from mtnlg.errors import ArtifactError
from mtnlg.records.files import (
    JsonObject,
    JsonValue,
    count_of,
    is_folder_name,
    number_of,
    object_of,
    read_json,
    text_of,
    write_json,
)

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
SCORES_FILE = "scores.json"


STATISTICS_FILE = "statistics.npz"


CLEAN, NEW_DIALOGUES = "clean", "new_dialogues"


MASKS = {CLEAN: "is_clean", NEW_DIALOGUES: "is_new_dialogue"}
"""Subset -> the array of statistics.npz that marks its rows; all other arrays are metrics."""


class MetricScoreRecord(TypedDict):
    """One number and what is needed to trust it."""

    value: float
    low: float | None
    high: float | None
    n: int
    unit: str
    higher_is_better: bool | None
    interval: str | None
    interval_reason: NotRequired[str]
    signature: str


class SubsetRecord(TypedDict):
    """The scores of some rows of a test set; `reason` says why there are none."""

    n: int
    metrics: dict[str, MetricScoreRecord]
    not_run: NotRequired[dict[str, str]]
    """Metric -> what it lacks here."""
    reason: NotRequired[str]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of one system on one test set."""

    language: str
    subsets: dict[str, SubsetRecord]
    """`all`; `clean`, the rows without a signal, where some have one; `new_dialogues`, the rows
    whose whole dialogue is not in training, where that of some is.
    """
    statistics: dict[str, FloatArray]
    """Metric -> statistics (N, K) of all rows, in the test set's order."""
    masks: dict[str, BoolArray]
    """Subset, but for `all` -> which rows (N,) it has, whether there are scores of it or not."""
    extra: JsonObject = field(default_factory=dict)
    """What else scores.json says, such as the system's name."""

    @property
    def is_clean(self) -> BoolArray:
        """Rows (N,) without a signal."""
        return self.masks[CLEAN]

    @property
    def metrics(self) -> dict[str, MetricScoreRecord]:
        """The scores on all rows."""
        return self.subsets["all"]["metrics"]


def save_scores(folder: Path, scores: Scores, extra: Mapping[str, object]) -> None:
    """Write scores.json, with `extra` among its first keys, and statistics.npz into the folder."""
    body = {"language": scores.language, "n": scores.subsets["all"]["n"], "subsets": scores.subsets}
    taken = sorted(set(body) & set(extra))
    assert not taken, f"extra has keys of ours: {taken}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / STATISTICS_FILE).open("wb") as stream:
        np.savez(stream, allow_pickle=False, **scores.statistics, **_named(scores.masks))
    write_json(folder / SCORES_FILE, {**extra, **body})


def load_scores(folder: Path) -> Scores:
    """The scores in a folder; raises ArtifactError where they are missing, broken or too new."""
    document = read_json(folder / SCORES_FILE)
    arrays, masks = load_statistics(folder)
    if not isinstance(document.get("subsets"), dict):
        raise ArtifactError(f"{folder / SCORES_FILE}: it has no subsets; evaluate again")
    return Scores(
        language=str(document["language"]),
        subsets=cast(dict[str, SubsetRecord], document["subsets"]),
        statistics=arrays,
        masks=masks,
        extra={
            key: value
            for key, value in document.items()
            if key not in ("schema_version", "language", "n", "subsets")
        },
    )


def load_statistics(
    folder: Path, *names: str
) -> tuple[dict[str, FloatArray], dict[str, BoolArray]]:
    """Metric -> statistics (N, K), of all metrics or those named, and subset -> the mask (N,) of
    its rows, for those subsets that scoring knew.

    Raises ArtifactError where they are missing or broken.
    """
    path = folder / STATISTICS_FILE
    try:
        with np.load(path, allow_pickle=False) as archive:
            masks = {one: archive[name] for one, name in MASKS.items() if name in archive.files}
            chosen = names or [one for one in archive.files if one not in MASKS.values()]
            return {name: archive[name] for name in chosen}, masks
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing or broken (no such file); evaluate again") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtifactError(f"{path}: missing or broken ({error}); evaluate again") from None


def copy_statistics(source: Path, target: Path, *names: str) -> None:
    """Write statistics.npz into another folder, compressed and with the metrics named only."""
    arrays, masks = load_statistics(source, *names)
    with (target / STATISTICS_FILE).open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays, **_named(masks))


def _named(masks: Mapping[str, BoolArray]) -> dict[str, BoolArray]:
    """The masks of subsets by the names of their arrays."""
    return {MASKS[subset]: mask for subset, mask in masks.items()}


NO_REASON = "the score file gives neither an interval nor a reason"


@dataclass(frozen=True, slots=True)
class MetricScore:
    """One number with everything that it takes to read it."""

    value: float
    low: float | None
    high: float | None
    num_examples: int
    unit: str
    higher_is_better: bool | None
    """None: it describes, and no direction is better."""
    interval: str | None
    """How low and high were made; None where there is no interval."""
    interval_reason: str | None
    """Why there is no interval; None where there is one."""
    signature: str
    seed_values: Mapping[int, float] = field(default_factory=dict)
    """Value by training seed, where this score is the mean over several."""

    @property
    def seed_deviation(self) -> float | None:
        """Standard deviation over the seeds (S - 1); None where there are not several."""
        values = list(self.seed_values.values())
        return statistics.stdev(values) if len(values) > 1 else None

    def to_json(self) -> JsonObject:
        """The metric as in leaderboard.json; reason and seeds only where they apply."""
        record: JsonObject = {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.num_examples,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "interval": self.interval,
            "signature": self.signature,
        }
        if self.interval is None:
            record["interval_reason"] = self.interval_reason
        if self.seed_values:
            record["seed_values"] = {str(seed): self.seed_values[seed] for seed in self.seed_values}
            record["seed_deviation"] = self.seed_deviation
        return record


@dataclass(frozen=True, slots=True)
class SubsetScores:
    """The metrics of one subset, and what was left out of them and why."""

    metrics: Mapping[str, MetricScore]
    left_out: Mapping[str, str]
    """Metric -> why it has no number."""
    reason: str | None = None
    """Why the subset has no example; None where it has some."""


def read_scores(key: str | None, *, artifacts_root: Path) -> dict[str, SubsetScores] | str:
    """Subset -> scores of one artifact, or, where it cannot be read, the reason."""
    if key is None:
        return "it was not scored"
    if not is_folder_name(key):
        return "the key of its scores is no folder name, so it was not read"
    path = artifacts_root / "scores" / key / "scores.json"
    try:
        subsets = object_of(read_json(path), "subsets")
    except (ArtifactError, OSError, RecursionError) as error:
        return f"its scores cannot be read: {str(error).replace(str(path), 'scores.json')}"
    return {
        name: _subset_from(
            object_of(subset, "metrics"), object_of(subset, "not_run"), text_of(subset, "reason")
        )
        for name, subset in subsets.items()
        if isinstance(subset, dict)
    }


def _subset_from(records: JsonObject, not_run: JsonObject, reason: str | None) -> SubsetScores:
    metrics: dict[str, MetricScore] = {}
    left_out = {name: why for name in not_run if (why := text_of(not_run, name))}
    for name, record in records.items():
        score = metric_from(record if isinstance(record, dict) else {})
        if isinstance(score, str):
            left_out[name] = score
        else:
            metrics[name] = score
    return SubsetScores(metrics, left_out, reason)


def _direction(record: Mapping[str, JsonValue]) -> bool | None:
    """True where the record does not say."""
    value = record.get("higher_is_better", True)
    return None if value is None else value is not False


def metric_from(record: Mapping[str, JsonValue]) -> MetricScore | str:
    """The score, or why it must not be shown."""
    value = number_of(record, "value")
    if value is None:
        return f"its value is {record.get('value')!r}, which is no finite number"
    num_examples, signature = count_of(record, "n"), text_of(record, "signature")
    if num_examples is None:
        return "its score does not say over how many examples"
    if signature is None:
        return "its score has no signature"
    low, high = number_of(record, "low"), number_of(record, "high")
    interval = text_of(record, "interval")
    if interval is None or low is None or high is None:
        reason = text_of(record, "interval_reason")
        reason = reason or ("its ends are not finite" if interval else NO_REASON)
        interval, low, high = None, None, None
    else:
        reason = None
    return MetricScore(
        value,
        low,
        high,
        num_examples,
        text_of(record, "unit") or "unit not given",
        _direction(record),
        interval,
        reason,
        signature,
    )
