"""What a report shows, as data: boards of rows, and the runs behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from mtnlg.evaluation.significance.comparison import SIGNIFICANCE
from mtnlg.leaderboard.families import AGAINST_BEST
from mtnlg.records.files import JsonObject
from mtnlg.records.runs import Contamination, Cost, RunRecord
from mtnlg.records.scores import MetricScore

if TYPE_CHECKING:
    from mtnlg.records.ratings import HumanRatings

LEADERBOARD_VERSION = 3
"""The `schema_version` of leaderboard.json."""
AMONG_BEST = "†"
"""The mark of the best system and those from which it has no significant difference, where only
pairs with the best were tested."""
DECIMALS = 6


def rounded(number: float) -> float:
    """A number that a report computes, so that the order in which a machine adds does not matter;
    never -0.
    """
    return round(number, DECIMALS) + 0.0


@dataclass(frozen=True, slots=True)
class RowComparison:
    """A test of two rows of a board, by their labels, on the same examples."""

    metric: str
    better: str
    worse: str
    difference: float
    """Value of the better minus that of the worse, in the metric's unit."""
    low: float
    high: float
    p: float
    p_holm: float
    test: str
    """What gave p, with its trials and seed."""
    detectable: float | None = None
    """Smallest true difference of two such systems that the test, corrected for all comparisons of
    its family, finds with probability POWER; None for one example, whose spread is unknown."""
    p_bootstrap: float | None = None
    """Uncorrected p of the paired bootstrap, where it was asked for and both rows have one seed."""
    family: str = ""
    """The comparisons that it is corrected with."""
    margin: float | None = None
    """Two systems within it are equivalent; None where nobody said so."""
    p_equivalent: float | None = None
    """Of two one-sided tests (TOST) with the margin, corrected within the family."""

    @property
    def is_significant(self) -> bool:
        """True where the two are significantly different."""
        return self.p_holm < SIGNIFICANCE

    @property
    def is_equivalent(self) -> bool:
        """True where an equivalence test says that the two are within the margin."""
        return self.p_equivalent is not None and self.p_equivalent < SIGNIFICANCE

    def to_json(self) -> JsonObject:
        """The comparison as in leaderboard.json."""
        return {
            name: rounded(value) if isinstance(value, float) else value
            for name, value in asdict(self).items()
            if name not in ("p_bootstrap", "margin", "p_equivalent") or value is not None
        }


def detectable_range(comparisons: Sequence[RowComparison]) -> tuple[float, float, float] | None:
    """The least, median and greatest difference that pairs could have shown; None if unknown."""
    sizes = [pair.detectable for pair in comparisons if pair.detectable is not None]
    return (min(sizes), median(sizes), max(sizes)) if sizes else None


@dataclass(frozen=True, slots=True)
class PairedTests:
    """The rows of a board, compared in pairs by one metric."""

    comparisons: tuple[RowComparison, ...] = ()
    """The pairs of each family in turn."""
    not_tested: Mapping[str, str] = field(default_factory=dict)
    """Label of a row with a number -> why it is in no comparison."""

    @property
    def families(self) -> dict[str, tuple[RowComparison, ...]]:
        """Name -> comparisons that are corrected together."""
        names = dict.fromkeys(comparison.family for comparison in self.comparisons)
        return {
            name: tuple(pair for pair in self.comparisons if pair.family == name) for name in names
        }


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One system on one board; metrics are in the board's order, empty where it has no number."""

    system: str
    kind: str
    status: str
    reason: str | None = None
    runs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    decoding: str | None = None
    metrics: Mapping[str, MetricScore] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Metric -> why the row has no number of it; `reason` says so too."""
    cost: Cost = field(default_factory=Cost)
    contamination: Contamination = field(default_factory=Contamination)
    overrides: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    """Artifact keys, one for each seed; samples are taken from the first."""
    scores: tuple[str, ...] = ()
    """Artifact keys of the numbers, one for each seed."""
    scored_rows: str | None = None
    """sha256 of the rows that the numbers are over; None where it is unknown."""
    cld: Mapping[str, str] = field(default_factory=dict)
    """Metric -> compact letter display of systems whose pairs were all tested: those that share a
    letter are not significantly different."""
    label: str = ""
    """The system's name, longer where another row of the board has the same one."""
    rank: int | None = None
    """From 1, equal where the main metric is equal; None: not ranked, and `reason` says why."""

    @property
    def is_comparable(self) -> bool:
        """True for a row that has a rank."""
        return self.rank is not None

    def to_json(self) -> JsonObject:
        """The row as in leaderboard.json."""
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
            "left_out": dict(self.left_out),
            "cld": dict(self.cld),
            "cost": {
                name: value
                for name, value in asdict(self.cost).items()
                if value is not None or name != "trained_parameters"  # newer than the format
            },
            "contamination": {
                "checked": self.contamination.checked,
                "flagged": self.contamination.flagged,
                "rule": self.contamination.rule,
            },
        }


def left_out_text(row: BoardRow) -> str:
    """The metrics of which a row has no number, and why; empty where it has all of them."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in row.left_out.items())
    return f"left out: {reasons}" if reasons else ""


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
    tests: Mapping[str, PairedTests] = field(default_factory=dict)
    """Metric -> its paired tests; a launch's board has those of its main metric alone."""
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

    def group(self, row: BoardRow, name: str) -> str:
        """The letters of a row by a metric, or its mark; empty for a row in no group."""
        is_against_best = AGAINST_BEST in self.tests.get(name, PairedTests()).families
        mark = AMONG_BEST if is_against_best and self.is_among_best(row, name) else ""
        return row.cld.get(name, mark)

    def is_among_best(self, row: BoardRow, name: str) -> bool:
        """True for the best of the compared systems, and for those from which it has no significant
        difference; a system alone is compared with the best baseline.
        """
        pairs = next(iter(self.tests.get(name, PairedTests()).families.values()), ())
        best = pairs[0].better if pairs else None
        return row.label == best or any(
            (pair.better, pair.worse) == (best, row.label) and not pair.is_significant
            for pair in pairs
        )

    @property
    def has_groups(self) -> bool:
        """True where systems were compared among each other by the main metric."""
        return any(self.group(row, self.main_metric or "") for row in self.rows)

    @property
    def comparisons(self) -> tuple[RowComparison, ...]:
        """The pairs that were tested by the main metric."""
        return self._main_tests.comparisons

    @property
    def not_tested(self) -> Mapping[str, str]:
        """Label of a row -> why it is in no comparison by the main metric."""
        return self._main_tests.not_tested

    @property
    def _main_tests(self) -> PairedTests:
        return self.tests.get(self.main_metric or "", PairedTests())

    def to_json(self) -> JsonObject:
        """The board as in leaderboard.json."""
        document: JsonObject = {
            "task": self.task,
            "test_set": self.test_set,
            "subset": self.subset,
            "language": self.language,
            "main_metric": self.main_metric,
            "rows": [row.to_json() for row in self.rows],
            "comparisons": [
                comparison.to_json()
                for tests in self.tests.values()
                for comparison in tests.comparisons
            ],
            "families": [
                {
                    "metric": name,
                    "family": family,
                    "comparisons": len(comparisons),
                    "detectable": [rounded(size) for size in detectable_range(comparisons) or ()],
                }
                for name, tests in self.tests.items()
                for family, comparisons in tests.families.items()
            ],
            "not_tested": {
                name: dict(tests.not_tested)
                for name, tests in self.tests.items()
                if tests.not_tested
            },
        }
        if self.ratings:
            document["ratings"] = [rating.to_json() for rating in self.ratings]
        return document


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The boards of one launch or of files, and the folders of their samples and curves."""

    experiment: str
    command: str | None
    boards: tuple[Board, ...]
    runs: tuple[RunRecord, ...]
    artifacts_root: Path
    runs_root: Path | None = None
    """Where the folders of the runs are; None for boards of files."""
    is_record: bool = False
    """True for a board that is built from its published record, which keeps no logs."""
    damaged: tuple[str, ...] = ()
    """What is damaged of the folders of its rows, which then have no number."""
    files: tuple[str, ...] = ()
    """Names of the files that a report writes beside its page."""

    @property
    def is_of_files(self) -> bool:
        """True for boards of files, of whose systems nothing else is known."""
        return bool(self.boards) and not self.runs

    def to_json(self) -> JsonObject:
        """The document leaderboard.json."""
        return {
            "schema_version": LEADERBOARD_VERSION,
            "experiment": self.experiment,
            "boards": [board.to_json() for board in self.boards],
        }
