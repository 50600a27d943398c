"""A student of a teacher, as a user trains it: what it learns from, and what its keys depend on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composed import composed
from mtnlg.config import Config
from mtnlg.errors import ConfigError
from mtnlg.experiment.naming import run_id
from mtnlg.experiment.teacher import check_teacher, teacher_task
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.records.rows import read_rows
from mtnlg.tokenization.tokenizer import TextTokenizer
from mtnlg.tokenization.tokens import read_token_split
from small_run import SmallRun

STUDENT = ("name=student", "model.num_layers=1", "trainer.max_steps=12")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """With a teacher."""
    made = SmallRun(tmp_path_factory.mktemp("distillation"))
    steps = ("trainer.max_steps=60", "trainer.validate_every_steps=60")
    assert made.here("train", *steps, "optimizer.learning_rate=1e-2") == 0
    return made


@pytest.fixture(scope="module")
def teacher(run: SmallRun) -> str:
    """The id of its run."""
    return run.one("runs/small/*/run.json").parent.name


def teachers_folder(run: SmallRun, teacher: str) -> Path:
    record = json.loads((run.root / "runs" / "small" / teacher / "run.json").read_text())
    return run.root / "artifacts" / "model" / str(record["artifacts"]["model"])


def test_student_is_trained_on_the_outputs_of_the_teacher(run: SmallRun, teacher: str) -> None:
    """Oracle: what the teacher's folder answers to the training sources by beams."""
    words = ("evaluate", *STUDENT, f"distillation.teacher={teacher}", "distillation.num_beams=2")

    status = run.here(*words)

    assert status == 0
    targets = run.one("artifacts/targets/[!.]*")
    rows = list(read_rows(targets / "train.jsonl"))
    model = MegatronTuringForConditionalGeneration.from_pretrained(teachers_folder(run, teacher))
    answers = [model.generate(row.source, num_beams=2) for row in rows]
    assert [row.references for row in rows] == [(answer,) for answer in answers]
    record = json.loads(run.one("runs/student/*/run.json").read_text())
    tokens = run.root / "artifacts" / "tokens" / record["artifacts"]["tokens"]["multi30k_en_de"]
    tokenizer = TextTokenizer.load(
        run.root / "artifacts" / "tokenizer" / record["artifacts"]["tokenizer"] / "tokenizer.json"
    )
    split = read_token_split(tokens, "train")
    pairs = [split.example(index) for index in range(len(split))]
    assert [tokenizer.decode(target.tolist()) for _, target in pairs] == answers
    assert "the training text of its teacher was not looked up" in json.dumps(record["scores"])
    assert run.here("prepare", *words[1:], "trainer.max_steps=13") == 0
    assert len([*run.root.glob("artifacts/targets/[!.]*")]) == 1


def test_student_of_logits_has_the_tokens_of_its_teacher(run: SmallRun, teacher: str) -> None:
    """Oracle: the teacher's tokenizer.json, although another one is asked for."""
    status = run.here(
        *("train", "name=logits", "trainer.max_steps=12", "tokenizer.vocabulary_size=300"),
        *(f"distillation.teacher={teacher}", "distillation.kind=logits"),
    )

    assert status == 0
    record = json.loads(run.one("runs/logits/*/run.json").read_text())
    folder = run.root / "artifacts" / "model" / str(record["artifacts"]["model"])
    theirs = teachers_folder(run, teacher) / "tokenizer.json"
    assert (folder / "tokenizer.json").read_bytes() == theirs.read_bytes()


def config_of(run: SmallRun, teacher: str, *words: str) -> Config:
    roots = [f"{name}_root={run.root / name}" for name in ("artifacts", "runs")]
    return composed(
        *("task=translation/multi30k_en_de", "model=mt_nlg_nano", "model.context_length=64"),
        *(*roots, f"distillation.teacher={teacher}", *words),
    )


def test_run_and_its_folder_name_the_same_teacher(run: SmallRun, teacher: str) -> None:
    """Oracle: the folder in the run's record; without a teacher, the settings change no id."""
    by_run = config_of(run, teacher)
    by_folder = config_of(run, str(teachers_folder(run, teacher)))

    assert run_id(by_run) == run_id(by_folder)
    assert run_id(config_of(run, "null")) == run_id(config_of(run, "null", "distillation.weight=1"))
    assert run_id(by_run) != run_id(config_of(run, "null"))
    assert teacher_task(by_run, "multi30k_en_de") == "translation/multi30k_en_de"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["tasks.multi30k_en_de.prompt=other"],
            r"was not trained for the marker <other> of tasks\.",
        ),
        (
            ["distillation.kind=logits", "tasks.multi30k_en_de.prompt=other"],
            r"has no token for <other>; take another teacher",
        ),
        (
            ["distillation.kind=logits", "model.context_length=65"],
            r"model\.context_length=65: the teacher's is 64; give at most that",
        ),
    ],
)
def test_teacher_that_does_not_fit_is_refused(
    run: SmallRun, teacher: str, words: list[str], message: str
) -> None:
    """Oracle: the message by hand."""
    with pytest.raises(ConfigError, match=message):
        check_teacher(config_of(run, teacher, *words))


def test_unknown_teacher_is_refused(run: SmallRun, teacher: str) -> None:
    """Oracle: the messages by hand."""
    with pytest.raises(ConfigError, match=r"teacher=nobody: no model folder, and run 'nobody': no"):
        config_of(run, "nobody")
    (tokens, *_) = run.root.glob("artifacts/tokens/[!.]*")
    with pytest.raises(ConfigError, match=r"has no config\.json; give a model folder that a train"):
        check_teacher(config_of(run, str(tokens)))
