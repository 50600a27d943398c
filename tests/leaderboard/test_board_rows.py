"""What an import learns of a board: its rows, their signals, and how its systems are scored.

Expected rows and reasons are written out by hand.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mtnlg.artifacts.store import make_folder
from mtnlg.config import EvaluationConfig
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.evaluation import METRICS
from mtnlg.evaluation.score import make_scores
from mtnlg.leaderboard.board_rows import BoardRows, read_board
from mtnlg.records.files import write_jsonl
from mtnlg.records.launches import register
from mtnlg.records.places import predictions_file, scores_folder
from mtnlg.records.rows import Prediction
from mtnlg.records.runs import (
    Contamination,
    RunRecord,
    ScoreRecord,
    TaskRecord,
    write_run,
)

TASK = "translation/tiny_en_de"
EVALUATION = EvaluationConfig(metrics=["rouge1", "exact_match"], num_resamples=100, seed=7)


class Runs:
    """The runs of one experiment, one system each."""

    def __init__(self, root: Path) -> None:
        self.runs_root, self.artifacts_root = root / "runs", root / "artifacts"
        self.run_ids: list[str] = []

    def add(self, system: str, rows: list[Prediction], *, scored_rows: str) -> ScoreRecord:
        """A finished run with predictions and scores."""
        predictions = make_folder(
            self.artifacts_root,
            "predictions",
            {"system": system},
            lambda folder: write_jsonl(
                folder / "predictions.jsonl", (row.to_json() for row in rows)
            ),
        )
        scores = make_scores(self.artifacts_root, predictions, language="de", settings=EVALUATION)
        return self.add_record(
            system, predictions.key, scores.key, rows=rows, scored_rows=scored_rows
        )

    def add_record(
        self,
        system: str,
        predictions: str | None,
        scores: str | None,
        *,
        rows: list[Prediction],
        scored_rows: str,
    ) -> ScoreRecord:
        """A finished run whose record names these artifacts."""
        flagged = sum(bool(row.tags) for row in rows)
        record = ScoreRecord(
            *(TASK, "test", "de", "trained", system, "greedy", predictions, scores),
            contamination=Contamination(len(rows), flagged, "13-grams"),
            scored_rows=scored_rows,
        )
        task = TaskRecord(TASK, "de", ("test", "challenge"), "rouge1")
        run = RunRecord(system, "finished", None, system, seed=1, tasks=(task,), scores=(record,))
        write_run(self.runs_root / "tiny" / system, run)
        self.run_ids.append(system)
        return record

    def read(self, task: str = TASK, test_set: str = "test") -> BoardRows:
        folder = self.runs_root / "tiny"
        register(folder, {name: [] for name in self.run_ids}, command=["mtnlg"], code={})
        return read_board(
            "tiny",
            task=task,
            test_set=test_set,
            runs_root=self.runs_root,
            artifacts_root=self.artifacts_root,
        )


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def made_rows(output: str, *, first: int = 0, tags: tuple[str, ...] = ()) -> list[Prediction]:
    """Three rows of the test set; the tags are of the second."""
    return [
        Prediction(f"row-{row}", f"source {row}", (f"target {row}",), output, tags * (row == 1))
        for row in range(first, first + 3)
    ]


def test_rows_and_settings_are_those_of_most_systems(runs: Runs) -> None:
    runs.add("odd", made_rows("x", first=5), scored_rows="other rows")
    usual = runs.add("first", made_rows("target 1"), scored_rows="the usual rows")
    runs.add("second", made_rows("y"), scored_rows="the usual rows")

    board = runs.read()

    assert usual.predictions is not None
    assert board.rows == made_rows("target 1")
    assert board.example == predictions_file(runs.artifacts_root, usual.predictions)
    assert (board.task, board.test_set, board.language) == (TASK, "test", "de")
    assert board.scored_rows == "the usual rows"
    assert (board.settings.metrics, board.settings.seed) == (["rouge1", "exact_match"], 7)
    references = [(f"target {row}",) for row in range(3)]
    assert board.signatures == {
        name: METRICS[name].signature(references, "de") for name in ("rouge1", "exact_match")
    }


def test_signals_are_those_of_most_systems(runs: Runs) -> None:
    runs.add("odd", made_rows("x"), scored_rows="the usual rows")
    for name in ("first", "second"):
        rows = made_rows(name, tags=("train_source",))
        runs.add(name, rows, scored_rows="the usual rows")

    assert [row.tags for row in runs.read().rows] == [(), ("train_source",), ()]


@pytest.mark.parametrize("key", [None, "../elsewhere", "gone"])
@pytest.mark.parametrize("lost", ["predictions", "scores"])
def test_system_without_artifacts_says_nothing_of_the_board(
    runs: Runs, lost: str, key: str | None
) -> None:
    complete = runs.add("complete", made_rows("x"), scored_rows="the usual rows")
    keys = {"predictions": complete.predictions, "scores": complete.scores, lost: key}
    for name in ("first", "second"):
        runs.add_record(
            name,
            keys["predictions"],
            keys["scores"],
            rows=made_rows("x"),
            scored_rows="other rows",
        )

    assert runs.read().scored_rows == "the usual rows"


def test_board_without_scores_says_what_to_do(runs: Runs) -> None:
    runs.add_record("first", None, None, rows=made_rows("x"), scored_rows="the usual rows")

    with pytest.raises(ArtifactError, match=r"test has no system with scores .* run the experim"):
        runs.read()


def test_unknown_board_names_those_that_there_are(runs: Runs) -> None:
    runs.add("first", made_rows("x"), scored_rows="the usual rows")

    with pytest.raises(ConfigError, match=rf"--task a/b: .* no such task; known: {TASK}$"):
        runs.read(task="a/b")
    with pytest.raises(ConfigError, match=r"--test-set x: .* known: challenge, test$"):
        runs.read(test_set="x")
    with pytest.raises(ArtifactError, match="challenge has no system with scores"):
        runs.read(test_set="challenge")


@pytest.mark.parametrize("evaluation", [None, {}, {"metrics": ["rouge1"], "unheard_of": 1}])
def test_scores_without_known_settings_are_an_error(runs: Runs, evaluation: object) -> None:
    record = runs.add("first", made_rows("x"), scored_rows="the usual rows")
    assert record.scores is not None
    sound = scores_folder(runs.artifacts_root, record.scores)
    changed = make_folder(
        runs.artifacts_root,
        "scores",
        {"evaluation": evaluation},  # type: ignore[dict-item]
        lambda folder: shutil.copytree(sound, folder, dirs_exist_ok=True),
    )
    runs.add_record("first", record.predictions, changed.key, rows=[], scored_rows="the usual rows")

    with pytest.raises(ArtifactError, match="no evaluation settings that are known here"):
        runs.read()
