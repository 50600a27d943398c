"""A launch of language modeling alone: it has no test set, finishes and says so."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtnlg.cli.main import main
from mtnlg.records.files import read_json


@dataclass(frozen=True)
class Launched:
    """Where a launch on a few paragraphs put its files, and what it said."""

    root: Path
    status: int
    said: str

    @property
    def model(self) -> Path:
        (file,) = (self.root / "artifacts" / "model").glob("*/tasks.json")
        return file.parent


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Launched:
    root = tmp_path_factory.mktemp("plain")
    folder = root / "data" / "language_modeling" / "wikitext103"
    folder.mkdir(parents=True)
    texts = [f"The {one} number of {two} is {one * two} ." for one in range(5) for two in range(5)]
    for split, part in (("train", texts[:-4]), ("validation", texts[-4:])):
        records = [json.dumps({"text": text}) for text in ["", " = Numbers = ", *part]]
        (folder / f"{split}.jsonl").write_text("\n".join(records) + "\n")
    words = [
        *("run", "task=language_modeling/wikitext103", "model=mt_nlg_nano", "debug=fast"),
        *("name=plain", "model.hidden_size=16", "model.num_layers=1", "model.context_length=32"),
        *("tokenizer.vocabulary_size=320", "trainer.num_threads=1", f"data_root={root / 'data'}"),
        *(f"{name}_root={root / name}" for name in ("artifacts", "runs", "reports")),
    ]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = main(words)
    return Launched(root, status, said.getvalue())


def test_launch_without_test_sets_finishes_and_says_so(launched: Launched) -> None:
    """Oracle: the status and the words of the run."""
    (run,) = (launched.root / "runs" / "plain").glob("*/run.json")
    record = read_json(run)
    training = read_json(launched.model / "training.json")

    assert launched.status == 0
    assert "no task has a test set: nothing is decoded or ranked" in launched.said
    assert record["status"] == "finished"
    assert record["objective"] == -float(str(training["best_validation_loss"]))
    assert not (launched.root / "artifacts" / "predictions").exists()


def test_report_without_boards_shows_the_run(launched: Launched) -> None:
    """Oracle: the name of the run on the page."""
    report = launched.root / "reports" / "plain"

    page = (report / "index.html").read_text()
    table = (report / "leaderboard.md").read_text().replace("\\", "")

    assert json.loads((report / "leaderboard.json").read_text())["boards"] == []
    for text in (page, table):
        assert "No task has a test set, so nothing was decoded or ranked" in text
        assert "mt_nlg_nano-greedy-seed1-" in text
        assert "finished" in text
    assert "Validation loss" in page


def test_language_model_says_what_follows(
    launched: Launched, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the exit status and one line of output."""
    assert main(["say", "--model", str(launched.model), "The 3 number"]) == 0

    assert capsys.readouterr().out.startswith("The 3 number")
