"""Outputs of several systems for the same examples, side by side.

The examples are taken at even distances over the test set, so that nobody chooses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from mtnlg.errors import ArtifactError, ConfigError, DataError, MtnlgError
from mtnlg.evaluation import find_metric
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.places import (
    SAMPLE_VALUES_FILE,
    is_folder_name,
    predictions_file,
    scores_folder,
)
from mtnlg.records.rows import Prediction, read_predictions
from mtnlg.records.scores import load_statistics

Example = TypeVar("Example")
NUM_PLAIN = 10
"""Samples that a page shows by itself; the others wait for its script."""


@dataclass(frozen=True, slots=True)
class Output:
    """What one system made of one example."""

    label: str
    kind: str
    text: str | None
    """None where it has no output for this example."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Metric -> value of this output alone, where scoring kept its statistics."""


@dataclass(frozen=True, slots=True)
class SampleValues:
    """The values of the outputs that are kept, where statistics are not."""

    metrics: Mapping[str, list[float]]
    """Metric -> a value for each prediction kept, in their order."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example with the outputs of every system shown."""

    id: str
    source: str
    references: tuple[str, ...]
    tags: tuple[str, ...]
    """Contamination signals of any of the systems shown."""
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class BoardSamples:
    """The samples of one board, and the systems that could not be shown with the reason."""

    samples: tuple[Sample, ...]
    num_examples: int
    problems: tuple[str, ...]

    @property
    def plain(self) -> list[Sample]:
        """A few of the samples, for a page without its script."""
        return evenly_spaced(self.samples, NUM_PLAIN)


def board_samples(board: Board, *, artifacts_root: Path, num_samples: int) -> BoardSamples:
    """Samples of the trained and external systems with numbers and of the best baseline, in the
    board's order.
    """
    problems: list[str] = []
    texts: dict[str, list[Prediction]] = {}
    shown = _rows_to_show(board)
    for row in shown:
        try:
            texts[row.label] = read_outputs(row, artifacts_root=artifacts_root)
        except (MtnlgError, OSError, KeyError, RecursionError) as error:
            cause = str(error).replace(str(artifacts_root).rstrip("/"), "artifacts")
            problems.append(f"{row.label}: its predictions cannot be read: {cause}")
    if not texts:
        return BoardSamples((), 0, tuple(problems))
    examples = list({example.id: example for example in next(iter(texts.values()))}.values())
    rows = [row for row in shown if row.label in texts]
    chosen = evenly_spaced(examples, num_samples)
    outputs = [_outputs(row, texts[row.label], chosen, artifacts_root) for row in rows]
    samples = tuple(map(_sample, chosen, zip(*outputs, strict=True)))
    # A published board keeps the predictions that it shows, and no others.
    scored = (metric.num_examples for row in rows for metric in row.metrics.values())
    return BoardSamples(samples, max(scored, default=len(examples)), tuple(problems))


def evenly_spaced(examples: Sequence[Example], count: int) -> list[Example]:
    """At most `count` of the examples, at even distances."""
    count = min(max(count, 0), len(examples))
    return [examples[index * len(examples) // count] for index in range(count)]


def _rows_to_show(board: Board) -> list[BoardRow]:
    with_text = [row for row in board.rows if row.metrics and row.predictions]
    baselines = [row for row in with_text if row.kind == "baseline"]
    return [row for row in with_text if row.kind != "baseline"] + baselines[:1]


def read_outputs(row: BoardRow, *, artifacts_root: Path) -> list[Prediction]:
    """The predictions of a row, of several seeds those of the first."""
    key = row.predictions[0]
    if not is_folder_name(key):
        raise DataError(f"predictions has {key!r}; it must be one folder name without separators")
    return read_predictions(predictions_file(artifacts_root, key))


Tagged = tuple[Output, tuple[str, ...]]
"""An output, and the contamination signals of its example for that system."""


def _outputs(
    row: BoardRow, predictions: list[Prediction], chosen: list[Prediction], artifacts_root: Path
) -> list[Tagged]:
    """What one system made of each of the chosen examples."""
    indexes = {prediction.id: index for index, prediction in enumerate(predictions)}
    known = [indexes[example.id] for example in chosen if example.id in indexes]
    values = exact_values(row, known, num_examples=len(predictions), artifacts_root=artifacts_root)
    outputs: dict[str, Tagged] = {}
    for position, index in enumerate(known):
        prediction = predictions[index]
        numbers = {name: _rounded(column[position], name) for name, column in values.items()}
        output = Output(row.label, row.kind, prediction.prediction, numbers)
        outputs[prediction.id] = output, prediction.tags
    nothing: Tagged = Output(row.label, row.kind, None), ()
    return [outputs.get(example.id, nothing) for example in chosen]


def _sample(example: Prediction, outputs: tuple[Tagged, ...]) -> Sample:
    tags = tuple(dict.fromkeys(tag for _, tags in outputs for tag in tags))
    shown = tuple(output for output, _ in outputs)
    return Sample(example.id, example.source, example.references, tags, shown)


def exact_values(
    row: BoardRow, indexes: Sequence[int], *, num_examples: int, artifacts_root: Path
) -> dict[str, list[float]]:
    """Metric -> values of the examples with these indexes, by the row's first score; without the
    metrics that have none, or those of different examples.
    """
    if not row.scores or not is_folder_name(row.scores[0]):
        return {}
    folder = scores_folder(artifacts_root, row.scores[0])
    try:
        if (folder / SAMPLE_VALUES_FILE).is_file():
            kept = read_record(folder / SAMPLE_VALUES_FILE, SampleValues).metrics.items()
            return {
                name: [column[index] for index in indexes]
                for name, column in kept
                if name in row.metrics and len(column) == num_examples
            }
        arrays, _ = load_statistics(folder)
    except ArtifactError:
        return {}
    exact: dict[str, list[float]] = {}
    for name in row.metrics:
        if name in arrays and arrays[name].ndim == 2 and len(arrays[name]) == num_examples:
            values = values_of(name, arrays[name][list(indexes)])
            if values is not None:
                exact[name] = values
    return exact


def write_sample_values(
    folder: Path, statistics: Mapping[str, FloatArray], indexes: Sequence[int]
) -> None:
    """Keep the values of some examples in a folder of scores, beside whose predictions no others
    are kept.
    """
    columns = {name: values_of(name, array[list(indexes)]) for name, array in statistics.items()}
    values = {name: column for name, column in columns.items() if column is not None}
    write_record(folder / SAMPLE_VALUES_FILE, SampleValues(values))


def values_of(name: str, statistics: FloatArray) -> list[float] | None:
    """The value of each row of statistics (N, K); None for a metric that is not installed here, or
    that does not fit the statistics.
    """
    try:
        metric = find_metric(name)
        with np.errstate(all="ignore"):
            values = (metric.aggregate_of_one or metric.aggregate)(statistics)
    except (ConfigError, ValueError, IndexError, TypeError, ArithmeticError):
        return None
    if values.shape != (len(statistics),) or not np.isfinite(values).all():
        return None
    return [float(value) for value in values]


def _rounded(value: float, name: str) -> float:
    """The value with the digits that a board shows."""
    return round(value, 2) if find_metric(name).unit == "0-100" else float(f"{value:.4g}")
