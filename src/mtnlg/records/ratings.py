"""What human raters said of a board's systems: `runs/<experiment>/ratings/ratings.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtnlg.records.codec import read_record
from mtnlg.records.files import JsonObject, write_json
from mtnlg.records.places import RATINGS_FILE, experiment_folder


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its interval and the count that it is over; without a number, the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    reason: str | None = None
    """Why there is no value."""


@dataclass(frozen=True, slots=True)
class RatedSystem:
    """One system, as it was called when its outputs were rated."""

    label: str
    kind: str
    predictions: str
    """Artifact key of the outputs that were rated."""
    mean: Value
    """Over sources, of the mean over raters."""
    num_answers: int
    group: str | None
    """Compact letter display: systems that share a letter are not significantly different; None
    where not tested."""


@dataclass(frozen=True, slots=True)
class RatedMetric:
    """Kendall's tau-b of a metric and the raters; 1 is full agreement, also for error rates."""

    metric: str
    systems: Value
    """Over pairs of systems, by the board's scores; its count is of systems."""
    outputs: Value
    """Over pairs of outputs of one source; its count is of pairs."""


@dataclass(frozen=True, slots=True)
class Rater:
    """One rater's sheet."""

    name: str
    num_asked: int
    num_answered: int
    mean: float | None
    num_repeated: int
    """Outputs that were answered twice."""
    num_same: int
    """Those of them that had the same answer again."""
    mean_change: float | None
    """Mean distance of the two answers."""


@dataclass(frozen=True, kw_only=True)
class HumanRatings:
    """The ratings of one board under one question."""

    task: str
    test_set: str
    name: str
    question: str
    lowest: str
    highest: str
    least: int
    greatest: int
    signature: str
    interval: str
    """How all intervals were computed."""
    test: str | None
    """The test behind the groups; None where nothing was tested, with the reason below."""
    test_reason: str | None
    systems: tuple[RatedSystem, ...]
    """Best first."""
    alpha: Value
    """Krippendorff's, of ordered values."""
    interval_alpha: float | None
    raters: tuple[Rater, ...]
    metrics: tuple[RatedMetric, ...]
    remarks: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        """What a later reading of the same ratings replaces."""
        return self.task, self.test_set, self.name

    def to_json(self) -> JsonObject:
        """Numbers to six decimals, so that it does not matter in which order a machine adds."""
        rounded: JsonObject = _rounded(asdict(self))
        return rounded


@dataclass(frozen=True, slots=True)
class Ratings:
    """ratings.json: one entry for each board and question."""

    ratings: tuple[HumanRatings, ...]


def read_ratings(experiment: str, *, runs_root: Path) -> tuple[HumanRatings, ...]:
    """All ratings of an experiment, if any; raises ArtifactError where they are broken."""
    path = experiment_folder(runs_root, experiment) / RATINGS_FILE
    if not path.exists():
        return ()
    return read_record(path, Ratings, remedy="read the ratings again").ratings


def record_ratings(experiment: str, ratings: HumanRatings, *, runs_root: Path) -> Path:
    """Put ratings into ratings.json, in place of an earlier reading of them; returns the path."""
    earlier = read_ratings(experiment, runs_root=runs_root)
    kept = [entry for entry in earlier if entry.identity != ratings.identity]
    path = experiment_folder(runs_root, experiment) / RATINGS_FILE
    write_json(path, {"ratings": [entry.to_json() for entry in (*kept, ratings)]})
    return path


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value
