"""Statistics are used only where they give a row's number; the reasons are written out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtnlg.evaluation import METRICS
from mtnlg.leaderboard.evidence import Evidence, board_evidence
from mtnlg.leaderboard.model import BoardRow
from mtnlg.records.places import STATISTICS_FILE
from mtnlg.records.scores import MetricScore

HALVES = np.array([[0.5, 1.0]] * 6)
"""ROUGE-1 statistics of six rows; the mean of any of them is 50."""
NO_CLEAN = "its statistics do not say which rows are clean"


def made_row(*keys: str, values: tuple[float, ...] = (50.0,), num_examples: int = 6) -> BoardRow:
    seeds = dict(enumerate(values, start=1)) if len(values) > 1 else {}
    score = MetricScore(
        *(values[0], None, None, num_examples, "0-100", True, None, "signature"),
        seed_values=seeds,
    )
    return BoardRow("nano", "trained", "finished", metrics={"rouge1": score}, scores=keys)


def save(root: Path, key: str, statistics: np.ndarray, **masks: np.ndarray) -> str:
    """A statistics.npz; returns the key."""
    folder = root / "scores" / key
    folder.mkdir(parents=True)
    np.savez(folder / STATISTICS_FILE, rouge1=statistics, **masks)
    return key


def evidence_of(root: Path, row: BoardRow, *, subset: str = "all") -> Evidence | str:
    return board_evidence(subset, main_metric="rouge1", artifacts_root=root)(row, "rouge1")


def test_evidence_is_the_statistics_of_each_seed(tmp_path: Path) -> None:
    low = HALVES * [0.5, 1.0]
    row = made_row(save(tmp_path, "a", HALVES), save(tmp_path, "b", low), values=(50.0, 25.0))

    evidence = evidence_of(tmp_path, row)

    assert isinstance(evidence, Evidence)
    assert evidence.metric is METRICS["rouge1"]
    assert all(map(np.array_equal, evidence.seeds, (HALVES, low)))
    assert evidence.mask.tolist() == [True] * 6


def test_evidence_of_a_subset_is_that_of_its_rows(tmp_path: Path) -> None:
    mask = np.array([True, False, True, True, False, True])
    row = made_row(save(tmp_path, "a", HALVES, is_clean=mask), num_examples=4)

    evidence = evidence_of(tmp_path, row, subset="clean")

    assert isinstance(evidence, Evidence)
    assert evidence.seeds[0].shape == (4, 2)
    assert evidence.mask.tolist() == mask.tolist()


def test_statistics_without_the_subset_are_a_reason(tmp_path: Path) -> None:
    row = made_row(save(tmp_path, "a", HALVES))

    assert evidence_of(tmp_path, row, subset="clean") == NO_CLEAN


def test_statistics_of_another_number_of_rows_are_a_reason(tmp_path: Path) -> None:
    """Their mean is the score all the same."""
    row = made_row(save(tmp_path, "a", HALVES), num_examples=7)

    assert evidence_of(tmp_path, row) == "its statistics have 6 rows and its score 7"


@pytest.mark.parametrize(("value", "is_equal"), [(50.0000009, True), (50.0000011, False)])
def test_statistics_must_give_the_score_to_a_millionth(
    tmp_path: Path, value: float, is_equal: bool
) -> None:
    row = made_row(save(tmp_path, "a", HALVES), values=(value,))

    evidence = evidence_of(tmp_path, row)

    expected = "its statistics give 50 and not its score"
    assert isinstance(evidence, Evidence) if is_equal else evidence == expected


def test_seeds_over_different_rows_are_a_reason(tmp_path: Path) -> None:
    left, right = np.array([True, True, False, False, False, False]), np.arange(6) > 3
    row = made_row(
        save(tmp_path, "a", HALVES, is_clean=left),
        save(tmp_path, "b", HALVES, is_clean=right),
        values=(50.0, 50.0),
        num_examples=2,
    )

    reason = "its seeds are over different rows of the test set"
    assert evidence_of(tmp_path, row, subset="clean") == reason


def test_several_seeds_on_one_example_are_a_reason(tmp_path: Path) -> None:
    row = made_row(
        save(tmp_path, "a", HALVES[:1]),
        save(tmp_path, "b", HALVES[:1]),
        values=(50.0, 50.0),
        num_examples=1,
    )

    assert evidence_of(tmp_path, row) == "one example says nothing of others"


def test_score_files_must_be_as_many_as_values(tmp_path: Path) -> None:
    row = made_row("a", values=(50.0, 50.0))

    assert evidence_of(tmp_path, row) == "it has 1 score files for 2 values"
