"""What a report shows, as data: boards of rows, and the runs behind them.

Refuses to know: how it was gathered (board.py) and how it looks (formats.py, html.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE
from mtnlg.records.files import SCHEMA_VERSION, JsonObject
from mtnlg.records.ratings import HumanRatings
from mtnlg.records.runs import Contamination, Cost, RunRecord
from mtnlg.records.scores import MetricScore


@dataclass(frozen=True, slots=True)
class RowComparison:
    """Two rows of a board, by their labels, tested on the same examples."""

    metric: str
    better: str
    worse: str
    difference: float
    """Value of the better less that of the worse, in the metric's unit."""
    low: float
    high: float
    p: float
    p_holm: float
    test: str
    """What gave p, with its trials and seed."""
    detectable: float | None = None
    """The least true difference of two such systems that these examples show with a chance of
    POWER; None for one example, of which no spread is known."""
    p_bootstrap: float | None = None
    """That of the paired bootstrap, uncorrected, where it was asked for and both have one seed."""

    @property
    def is_significant(self) -> bool:
        """True where the two are told apart."""
        return self.p_holm < SIGNIFICANCE

    def to_json(self) -> JsonObject:
        """Numbers to six decimals, so that it does not matter in which order a machine adds; the
        bootstrap only where it was asked for.
        """
        return {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in asdict(self).items()
            if name != "p_bootstrap" or value is not None
        }


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One system on one board. Metrics are in the board's order and empty where there is no number
    to show.
    """

    system: str
    kind: str
    status: str
    reason: str | None = None
    runs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    decoding: str | None = None
    metrics: Mapping[str, MetricScore] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    contamination: Contamination = field(default_factory=Contamination)
    overrides: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    """Artifact keys, one for each seed; the samples are taken from the first."""
    scores: tuple[str, ...] = ()
    """Artifact keys of the numbers, one for each seed."""
    scored_rows: str | None = None
    """sha256 of the rows that the numbers are over; None where it is not known."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Metric -> letters: rows that share one are not told apart; empty where it was not tested."""
    label: str = ""
    """The system's name, made longer where another row of the board has the same one."""
    rank: int | None = None
    """From 1, equal where the main metric is equal; None: not ranked, and `reason` says why."""

    @property
    def is_comparable(self) -> bool:
        """True for a row that has a place in the ranking."""
        return self.rank is not None

    def to_json(self) -> JsonObject:
        return {
            "system": self.system,
            "label": self.label,
            "kind": self.kind,
            "status": self.status,
            "reason": self.reason,
            "runs": list(self.runs),
            "seeds": list(self.seeds),
            "decoding": self.decoding,
            "metrics": {name: metric.to_json() for name, metric in self.metrics.items()},
            "groups": dict(self.groups),
            "cost": asdict(self.cost),
            "contamination": {
                "checked": self.contamination.checked,
                "flagged": self.contamination.flagged,
                "rule": self.contamination.rule,
            },
        }


@dataclass(frozen=True, slots=True)
class Board:
    """One task, test set and subset: its rows, best first, those without a rank at the end."""

    task: str
    test_set: str
    subset: str
    language: str
    rows: tuple[BoardRow, ...]
    metric_names: tuple[str, ...] = ()
    """The main metric first; the order of each row's metrics."""
    comparisons: tuple[RowComparison, ...] = ()
    """All pairs of the rows that could be tested, by the main metric."""
    not_tested: Mapping[str, str] = field(default_factory=dict)
    """Label of a ranked row -> why it is in no comparison."""
    clean_ranking: str | None = None
    """Whether the ranking changes on the rows without a contamination signal, in words; None where
    that is unknown."""
    ratings: tuple[HumanRatings, ...] = ()
    """What people said of its systems, one for each question; no part of the ranking."""

    @property
    def ranked(self) -> tuple[BoardRow, ...]:
        """The rows that have a rank, best first."""
        return tuple(row for row in self.rows if row.is_comparable)

    @property
    def main_metric(self) -> str | None:
        """The metric that the board is sorted by; None where no row has a number."""
        return self.metric_names[0] if self.metric_names else None

    def to_json(self) -> JsonObject:
        return {
            "task": self.task,
            "test_set": self.test_set,
            "subset": self.subset,
            "language": self.language,
            "rows": [row.to_json() for row in self.rows],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "not_tested": dict(self.not_tested),
            **({"ratings": [one.to_json() for one in self.ratings]} if self.ratings else {}),
        }


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The boards of one launch or of files, and where a report finds their samples and curves."""

    experiment: str
    command: str | None
    boards: tuple[Board, ...]
    runs: tuple[RunRecord, ...]
    artifacts_root: Path
    runs_root: Path | None = None
    """Where the folders of the runs are; None for boards of files."""
    is_record: bool = False
    """True for a board that is made again from its published record, which keeps no logs."""

    @property
    def is_of_files(self) -> bool:
        """True for boards of files that were scored by themselves: of the systems behind them, such
        as their cost, nothing is known.
        """
        return bool(self.boards) and not self.runs

    def to_json(self) -> JsonObject:
        """The document leaderboard.json: an unranked row says in its reason why; the first metric
        is the main one.
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "experiment": self.experiment,
            "boards": [board.to_json() for board in self.boards],
        }
