"""Outputs of several systems for the same examples, side by side.

The examples are taken at even distances over the test set, so that nobody chooses them. Refuses to
know: how they look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mtnlg.errors import DataError, MtnlgError
from mtnlg.records import Prediction, read_predictions
from mtnlg.reporting.example_values import example_values
from mtnlg.reporting.fields import is_folder_name
from mtnlg.reporting.leaderboard import Board, BoardRow

Example = TypeVar("Example")

NUM_PLAIN = 10
"""Samples that a page shows by itself; the others wait for its script."""


@dataclass(frozen=True, slots=True)
class Output:
    """What one system made of one example; text is None where it has none for this example."""

    label: str
    kind: str
    text: str | None
    values: Mapping[str, float] = field(default_factory=dict)
    """Metric -> value of this output alone, where scoring kept its statistics."""


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
        """Few of the samples, for a page without its script."""
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
            cause = str(error).replace(str(artifacts_root), "artifacts")
            problems.append(f"{row.label}: its predictions cannot be read: {cause}")
    if not texts:
        return BoardSamples((), 0, tuple(problems))
    examples = list({one.id: one for one in next(iter(texts.values()))}.values())
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
    return [examples[place * len(examples) // count] for place in range(count)]


def _rows_to_show(board: Board) -> list[BoardRow]:
    with_text = [row for row in board.rows if row.metrics and row.predictions]
    baselines = [row for row in with_text if row.kind == "baseline"]
    return [row for row in with_text if row.kind != "baseline"] + baselines[:1]


def read_outputs(row: BoardRow, *, artifacts_root: Path) -> list[Prediction]:
    """The predictions of a row, of several seeds those of the first."""
    key = row.predictions[0]
    if not is_folder_name(key):
        raise DataError(f"predictions has {key!r}; it must be one folder name without separators")
    return read_predictions(artifacts_root / "predictions" / key / "predictions.jsonl")


_Outputs = tuple[tuple[Output, Prediction | None], ...]
"""Outputs of one example, each with the prediction that it is from."""


def _outputs(
    row: BoardRow, predictions: list[Prediction], chosen: list[Prediction], artifacts_root: Path
) -> list[tuple[Output, Prediction | None]]:
    """What one system made of each of the chosen examples."""
    places = {prediction.id: place for place, prediction in enumerate(predictions)}
    found = [places.get(example.id) for example in chosen]
    known = [place for place in found if place is not None]
    values = example_values(
        row, known, num_examples=len(predictions), artifacts_root=artifacts_root
    )
    by_place = {
        place: {name: column[index] for name, column in values.items()}
        for index, place in enumerate(known)
    }
    return [
        (Output(row.label, row.kind, None), None)
        if place is None
        else (
            Output(row.label, row.kind, predictions[place].prediction, by_place[place]),
            predictions[place],
        )
        for place in found
    ]


def _sample(example: Prediction, found: _Outputs) -> Sample:
    tags = dict.fromkeys(tag for _, prediction in found if prediction for tag in prediction.tags)
    outputs = tuple(output for output, _ in found)
    return Sample(example.id, example.source, example.references, tuple(tags), outputs)
