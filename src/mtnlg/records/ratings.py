"""What human raters said of a board's systems: `runs/<experiment>/ratings/ratings.json`, as typed
records.

Refuses to know: how it was computed (ratings/analysis.py) and how it looks (ratings_text.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtnlg.errors import ArtifactError
from mtnlg.records.files import (
    JsonObject,
    count_of,
    number_of,
    object_of,
    objects_of,
    read_json,
    text_of,
    texts_of,
)
from mtnlg.records.places import RATINGS_FILE, experiment_folder


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its interval, and how many things it is over; without value the reason."""

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
    """Letters: systems that share one are not told apart; None where it was not tested."""


@dataclass(frozen=True, slots=True)
class RatedMetric:
    """How far a metric agrees with the raters, by Kendall's tau-b; 1 is full agreement, whether
    higher or lower is better by the metric.
    """

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
    """How all intervals were made."""
    test: str | None
    """The test behind the letters; None where nothing was tested, and the reason is there."""
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


def read_ratings(experiment: str, *, runs_root: Path) -> tuple[HumanRatings, ...]:
    """All ratings of an experiment; none where there is no such file. Raises ArtifactError where it
    is broken.
    """
    path = experiment_folder(runs_root, experiment) / RATINGS_FILE
    if not path.exists():
        return ()
    try:
        return tuple(_ratings_from(entry) for entry in objects_of(read_json(path), "ratings"))
    except KeyError as error:
        raise ArtifactError(f"{path}: lacks {error}; read the ratings again") from None


def _ratings_from(entry: JsonObject) -> HumanRatings:
    return HumanRatings(
        **{name: _text(entry, name) for name in ("task", "test_set", "name", "question")},
        **{name: _text(entry, name) for name in ("lowest", "highest", "signature", "interval")},
        least=_count(entry, "least"),
        greatest=_count(entry, "greatest"),
        test=text_of(entry, "test"),
        test_reason=text_of(entry, "test_reason"),
        systems=tuple(
            RatedSystem(
                _text(one, "label"),
                _text(one, "kind"),
                _text(one, "predictions"),
                _value(one, "mean"),
                _count(one, "num_answers"),
                text_of(one, "group"),
            )
            for one in objects_of(entry, "systems")
        ),
        alpha=_value(entry, "alpha"),
        interval_alpha=number_of(entry, "interval_alpha"),
        raters=tuple(
            Rater(
                _text(one, "name"),
                _count(one, "num_asked"),
                _count(one, "num_answered"),
                number_of(one, "mean"),
                _count(one, "num_repeated"),
                _count(one, "num_same"),
                number_of(one, "mean_change"),
            )
            for one in objects_of(entry, "raters")
        ),
        metrics=tuple(
            RatedMetric(_text(one, "metric"), _value(one, "systems"), _value(one, "outputs"))
            for one in objects_of(entry, "metrics")
        ),
        remarks=texts_of(entry, "remarks"),
    )


def _value(record: Mapping[str, Any], key: str) -> Value:
    found = object_of(record, key)
    return Value(
        number_of(found, "value"),
        number_of(found, "low"),
        number_of(found, "high"),
        _count(found, "count"),
        text_of(found, "reason"),
    )


def _text(record: Mapping[str, Any], key: str) -> str:
    found = text_of(record, key)
    if found is None:
        raise KeyError(key)
    return found


def _count(record: Mapping[str, Any], key: str) -> int:
    found = count_of(record, key)
    if found is None:
        raise KeyError(key)
    return found


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
