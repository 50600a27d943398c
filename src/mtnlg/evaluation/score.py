"""From predictions to scores: each metric with value, interval, number of examples and signature.

Statistics are extracted once; each subset of the rows is aggregated from them. Refuses to know:
which system it was.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import numpy as np

from mtnlg.config import EvaluationConfig
from mtnlg.errors import ArtifactError
from mtnlg.evaluation.inputs import Texts, check_texts
from mtnlg.evaluation.metric import Metric, measure, metric_value
from mtnlg.evaluation.metrics import find_metric
from mtnlg.evaluation.optional import MetricNotRunError
from mtnlg.evaluation.statistics import (
    Aggregate,
    BoolArray,
    FloatArray,
    bca_interval,
    bootstrap_interval,
)
from mtnlg.records import JsonObject, Prediction, read_json, write_json

SCORES_FILE = "scores.json"
STATISTICS_FILE = "statistics.npz"

CONTAMINATION_PREFIX = "train_"
"""Tags that begin so are signals that training may have seen the row."""
DIALOGUE_TAG = "train_dialogue"
"""The signal that training has the whole dialogue that the row is a turn of."""

CLEAN, NEW_DIALOGUES = "clean", "new_dialogues"
MASKS = {CLEAN: "is_clean", NEW_DIALOGUES: "is_new_dialogue"}
"""Subset -> the array of statistics.npz that marks its rows; all other arrays are metrics."""
EMPTY = {
    CLEAN: "every row has a signal that training may have seen it",
    NEW_DIALOGUES: "every row's whole dialogue stands in training",
}
"""Subset -> why it has no row."""


class MetricScore(TypedDict):
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


class SubsetScores(TypedDict):
    """The scores of some rows of a test set; `reason` says why there are none."""

    n: int
    metrics: dict[str, MetricScore]
    not_run: NotRequired[dict[str, str]]
    """Metric -> what it lacks here."""
    reason: NotRequired[str]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of one system on one test set."""

    language: str
    subsets: dict[str, SubsetScores]
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
    def metrics(self) -> dict[str, MetricScore]:
        """The scores on all rows."""
        return self.subsets["all"]["metrics"]


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How the intervals of scores are made."""

    num_resamples: int = EvaluationConfig.num_resamples
    confidence: float = EvaluationConfig.confidence
    seed: int = EvaluationConfig.seed
    is_bca: bool = EvaluationConfig.has_bca_intervals

    def interval(self, statistics: FloatArray, aggregate: Aggregate) -> tuple[float, float, str]:
        """Low, high, and how they were made, which says so where BCa was asked for in vain."""
        settings = f"{self.num_resamples} resamples, seed {self.seed}, {100 * self.confidence:g} %"
        remark = ""
        if self.is_bca:
            with np.errstate(all="ignore"):
                ends = bca_interval(
                    statistics,
                    aggregate,
                    num_resamples=self.num_resamples,
                    confidence=self.confidence,
                    seed=self.seed,
                )
            if not isinstance(ends, str):
                return *ends, f"BCa bootstrap, {settings}"
            remark = f"; BCa is undefined, as {ends}"
        low, high = bootstrap_interval(
            statistics,
            aggregate,
            num_resamples=self.num_resamples,
            confidence=self.confidence,
            seed=self.seed,
        )
        return low, high, f"percentile bootstrap, {settings}{remark}"


def score_predictions(
    predictions: Sequence[Prediction],
    *,
    language: str,
    metrics: Sequence[str],
    num_resamples: int = EvaluationConfig.num_resamples,
    confidence: float = EvaluationConfig.confidence,
    seed: int = EvaluationConfig.seed,
    has_bca_intervals: bool = EvaluationConfig.has_bca_intervals,
    model_folders: Mapping[str, str] | None = None,
) -> Scores:
    """Every metric on all rows, and on each subset that leaves some out.

    Language is that of the references; model folders are those of metrics that read one. Raises
    ConfigError for an unknown metric and DataError, naming the row, for text that cannot be scored.
    """
    chosen = [find_metric(name, model_folders=model_folders) for name in dict.fromkeys(metrics)]
    ids = [row.id for row in predictions]
    hypotheses = [row.prediction for row in predictions]
    references = [row.references for row in predictions]
    check_texts(hypotheses, references, ids=ids)
    texts = Texts(
        hypotheses=hypotheses,
        references=references,
        language=language,
        sources=[row.source for row in predictions],
    )
    statistics, not_run = _measured(chosen, texts, ids)
    run = [metric for metric in chosen if metric.name in statistics]
    masks = {
        CLEAN: np.array([not is_contaminated(row) for row in predictions], dtype=np.bool_),
        NEW_DIALOGUES: np.array([DIALOGUE_TAG not in row.tags for row in predictions], np.bool_),
    }
    everything = np.ones(len(predictions), np.bool_)
    chosen_rows = {name: mask for name, mask in masks.items() if not mask.all()}
    resampling = Resampling(
        num_resamples=num_resamples, confidence=confidence, seed=seed, is_bca=has_bca_intervals
    )
    subsets = {
        name: _score_subset(run, statistics, texts, mask=mask, resampling=resampling)
        if mask.any()
        else SubsetScores(n=0, metrics={}, reason=EMPTY[name])
        for name, mask in {"all": everything, **chosen_rows}.items()
    }
    if not_run:
        for subset in subsets.values():
            subset["not_run"] = not_run
    return Scores(language=language, subsets=subsets, statistics=statistics, masks=masks)


def _measured(
    metrics: Sequence[Metric], texts: Texts, ids: Sequence[str]
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """The statistics of metrics, and of those that cannot be run here the reason."""
    statistics: dict[str, FloatArray] = {}
    not_run: dict[str, str] = {}
    for metric in metrics:
        try:
            statistics[metric.name] = measure(
                metric,
                texts.hypotheses,
                texts.references,
                language=texts.language,
                sources=texts.sources,
                ids=ids,
            )
        except MetricNotRunError as reason:
            not_run[metric.name] = f"not run: {reason}"
    return statistics, not_run


def is_contaminated(row: Prediction) -> bool:
    """Whether there is any signal that training may have seen the row."""
    return any(tag.startswith(CONTAMINATION_PREFIX) for tag in row.tags)


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
        subsets=cast(dict[str, SubsetScores], document["subsets"]),
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


def _score_subset(
    metrics: Sequence[Metric],
    statistics: Mapping[str, FloatArray],
    texts: Texts,
    *,
    mask: BoolArray,
    resampling: Resampling,
) -> SubsetScores:
    kept = texts.where(mask)
    scores = {
        metric.name: score_metric(
            metric, statistics[metric.name][mask], kept, resampling=resampling
        )
        for metric in metrics
    }
    return {"n": len(kept), "metrics": scores}


def score_metric(
    metric: Metric, statistics: FloatArray, texts: Texts, *, resampling: Resampling
) -> MetricScore:
    """The score of statistics (N, K) and the texts that they are of, with its interval or the
    reason why there is none.
    """
    score: MetricScore = {
        "value": metric_value(metric, statistics, texts),
        "low": None,
        "high": None,
        "n": len(statistics),
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "interval": None,
        "signature": metric.signature(texts.references, texts.language),
    }
    reason = metric.reason_not if not metric.is_resampleable else ""
    if metric.is_resampleable and len(statistics) == 1:
        reason = "one example cannot be resampled"
    if reason:
        return {**score, "interval_reason": reason}
    low, high, interval = resampling.interval(statistics, metric.aggregate)
    return {**score, "low": low, "high": high, "interval": interval}
