"""Human ratings beside the boards of their systems; labels and remarks are written out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtnlg.leaderboard.model import Board, BoardRow
from mtnlg.leaderboard.rated_boards import with_ratings
from mtnlg.records.places import RATINGS_FILE, experiment_folder
from mtnlg.records.ratings import HumanRatings, RatedSystem, Value, record_ratings

NOTHING = Value(None, reason="not asked")


def made_ratings(
    *systems: tuple[str, str], test_set: str = "test", name: str = "fluency"
) -> HumanRatings:
    """Ratings of systems, each a label and the key of its predictions."""
    return HumanRatings(
        task="translation/tiny",
        test_set=test_set,
        name=name,
        question="Is it fluent?",
        lowest="no",
        highest="yes",
        least=1,
        greatest=5,
        signature="signature",
        interval="interval",
        test=None,
        test_reason="too few",
        systems=tuple(
            RatedSystem(label, "trained", predictions, NOTHING, 3, None)
            for label, predictions in systems
        ),
        alpha=NOTHING,
        interval_alpha=None,
        raters=(),
        metrics=(),
        remarks=("first remark",),
    )


def made_board(test_set: str = "test", subset: str = "all") -> Board:
    rows = (
        BoardRow("nano", "trained", "finished", predictions=("a",), label="nano · greedy"),
        BoardRow("micro", "trained", "finished", seeds=(1, 2), predictions=("b", "c"), label="m"),
        BoardRow("fell", "trained", "failed", label="fell"),
    )
    return Board("translation/tiny", test_set, subset, "de", rows)


def test_ratings_are_on_the_board_of_all_examples_with_its_labels(tmp_path: Path) -> None:
    ratings = made_ratings(("nano", "a"), ("micro", "b"), ("gone", "z"))
    record_ratings("tiny", ratings, runs_root=tmp_path)
    record_ratings("tiny", made_ratings(("nano", "a"), name="sense"), runs_root=tmp_path)
    boards = [made_board(), made_board(subset="clean"), made_board(test_set="other")]

    (rated, *others), faults = with_ratings(boards, "tiny", runs_root=tmp_path)

    assert faults == ()
    assert others == boards[1:]
    assert [rating.name for rating in rated.ratings] == ["fluency", "sense"]
    fluency = rated.ratings[0]
    assert [system.label for system in fluency.systems] == ["nano · greedy", "m", "gone"]
    assert fluency.remarks == (
        "first remark",
        "its outputs are no longer on this board: gone",
        "m: the outputs of its first seed",
    )


def test_ratings_without_a_board_are_a_failed_run(tmp_path: Path) -> None:
    record_ratings("tiny", made_ratings(test_set="gone"), runs_root=tmp_path)

    boards, (fault,) = with_ratings([made_board()], "tiny", runs_root=tmp_path)

    assert boards == (made_board(),)
    assert (fault.run_id, fault.status, fault.system) == ("ratings.json", "failed", "human ratings")
    assert fault.reason == "fluency of translation/tiny, gone: the launch has no such board"


def test_broken_ratings_are_a_failed_run_without_the_path_of_a_machine(tmp_path: Path) -> None:
    path = experiment_folder(tmp_path, "tiny") / RATINGS_FILE
    path.parent.mkdir(parents=True)
    path.write_text("[", encoding="utf-8")

    boards, (fault,) = with_ratings([made_board()], "tiny", runs_root=tmp_path)

    assert boards == (made_board(),)
    assert fault.reason is not None
    assert fault.reason.startswith(f"tiny/{RATINGS_FILE}: ")
    assert str(tmp_path) not in fault.reason


@pytest.mark.parametrize("experiment", ["tiny", "never"])
def test_experiment_without_ratings_keeps_its_boards(tmp_path: Path, experiment: str) -> None:
    assert with_ratings([made_board()], experiment, runs_root=tmp_path) == ((made_board(),), ())
