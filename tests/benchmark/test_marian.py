"""The peer of transformers: what it learns, for how long, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from made_run import MadeRun, make_run
from mtnlg.benchmark import marian
from mtnlg.cli.main import main
from mtnlg.config import DecodingConfig, PromptFormat, TaskKind
from mtnlg.inference.hf_system import HfSystem
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.records.rows import read_rows
from mtnlg.tokenization.tokenizer import TextTokenizer

pytest.importorskip("transformers")
TASK = TaskPrompt("translation/made", TaskKind.translation, "en", "zh", "<x>")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """A finished run, which no test changes."""
    return make_run(tmp_path_factory.mktemp("run") / "work")


def test_peer_learns_the_rows_of_the_run(made: MadeRun) -> None:
    """Oracle: the run's tokenizer on the run's rows; in training the end is learned too."""
    lesson = marian.read_lesson(made.run, artifacts_root=made.artifacts, seconds=3.0)
    (rows,) = made.artifacts.glob("rows/*/train.jsonl")
    tokenizer = TextTokenizer.load(next(made.artifacts.glob("tokenizer/*/tokenizer.json")))

    assert lesson.pairs == [
        {
            side: [*tokenizer.encode_batch([text])[0], tokenizer.end_id]
            for side, text in (("input_ids", row.source), ("labels", row.references[0]))
        }
        for row in read_rows(rows)
    ]
    assert (lesson.seconds, lesson.seed) == (3.0, made.run.record.seed)


def test_peer_trains_for_its_time_and_answers_as_a_system(
    made: MadeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the clock, and a target that a model of one pair has learned by heart."""
    lesson = marian.read_lesson(made.run, artifacts_root=made.artifacts, seconds=4.0)
    lesson.pairs[:] = lesson.pairs[:1] * 8
    target = lesson.tokenizer.decode(lesson.pairs[0]["labels"], skip_special_tokens=True)
    source = lesson.tokenizer.decode(lesson.pairs[0]["input_ids"], skip_special_tokens=True)
    folder = tmp_path / "peer"

    watch = marian.Stopwatch()
    marian.train_marian(lesson, marian.Recipe(batch_rows=8), folder)

    system = HfSystem(folder, device="cpu")
    prompting = Prompting(PromptFormat.source, TASK, None)
    answers = system.answer([source], prompting, DecodingConfig(max_new_tokens=60), lambda _: None)
    assert answers.texts == [target]
    assert 4.0 <= watch.cost().processor < 12.0


def test_peer_is_not_written_over_and_needs_a_trained_run(
    made: MadeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the exit status 2, and messages that name the folder."""
    copy = made.copy(tmp_path / "copy")
    roots = ["--artifacts-root", str(copy.artifacts)]
    assert main(["peer", str(copy.run.folder), str(tmp_path), *roots]) == 2
    assert f"{tmp_path}: is not empty" in capsys.readouterr().err

    shutil.rmtree(copy.artifacts / "model")
    assert main(["peer", str(copy.run.folder), str(tmp_path / "new"), *roots]) == 2
    assert "did not train a model" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
