"""The command line from end to end on a data set of some sentences: what it makes, what it leaves
alone, and how it fails.

Oracle unless a test names another: which folders are new, what run.json and the board say of
them, and messages written by hand.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from made_launch import made_training
from mtnlg import __version__
from mtnlg.cli.main import STAGES, main
from mtnlg.experiment import stages
from mtnlg.records.files import JsonObject, read_json
from mtnlg.records.rows import read_predictions

TASK = "translation/multi30k_en_de"
SMALL = (
    *(f"task={TASK}", "model=mt_nlg_nano", "debug=fast", "name=small"),
    *("model.num_layers=2", "model.hidden_size=32", "model.context_length=64"),
    *("tokenizer.vocabulary_size=360", "trainer.num_threads=1"),
    "tasks.multi30k_en_de.test_sets=[test,test_2017_flickr]",
)
NUM_TEST_SETS, NUM_BASELINES = 2, 5
SUBJECTS = {"the red fox": "der rote Fuchs", "a dog": "ein Hund", "my friend": "mein Freund"}
VERBS = {"sees": "sieht", "likes": "mag", "finds": "findet", "paints": "malt"}
OBJECTS = {"a house": "ein Haus", "the river": "den Fluss", "two apples": "zwei Äpfel"}


@dataclass
class Workplace:
    """Folders of one test, and the command line with them."""

    root: Path
    data_root: Path
    first_counts: dict[str, int] = field(default_factory=dict)
    """What the first command made; tests that run later add to it."""

    def words(self, stage: str, *overrides: str) -> list[str]:
        roots = [f"{name}_root={self.root / name}" for name in ("artifacts", "runs", "reports")]
        return [stage, *SMALL, f"data_root={self.data_root}", *roots, *overrides]

    def run(self, stage: str, *overrides: str) -> int:
        return invoke(*self.words(stage, *overrides))

    def artifacts(self) -> dict[str, int]:
        """Complete folders by stage and key, with the time of their record."""
        records = (self.root / "artifacts").glob("*/*/artifact.json")
        return {
            f"{path.parent.parent.name}/{path.parent.name}": path.stat().st_mtime_ns
            for path in records
        }

    def counts(self) -> dict[str, int]:
        return dict(Counter(name.split("/")[0] for name in self.artifacts()))

    def runs(self, experiment: str = "small") -> list[JsonObject]:
        """The manifests of the experiment's last launch."""
        folder = self.root / "runs" / experiment
        names = read_json(folder / "launch.json")["run_ids"]
        assert isinstance(names, list)
        return [read_json(folder / str(name) / "run.json") for name in names]

    def board_rows(self, experiment: str = "small") -> list[dict[str, object]]:
        """The rows of the first test set's board."""
        path = self.root / "reports" / experiment / "leaderboard.json"
        rows: list[dict[str, object]] = json.loads(path.read_text())["boards"][0]["rows"]
        return rows


def invoke(*words: str) -> int:
    """The exit status of a command, run in this process."""
    try:
        return main(words)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1


def new_since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How many folders of each stage are new; the old ones must be as they were."""
    assert before.items() <= after.items()
    return dict(Counter(name.split("/")[0] for name in after.keys() - before.keys()))


def write_pairs(folder: Path, language: str, pairs: list[tuple[str, str]]) -> None:
    names = ("train", "validation", "test", "test_2017_flickr")
    parts = (pairs[:24], pairs[24:28], pairs[28:31], pairs[31:34])
    folder.mkdir(parents=True)
    for name, part in zip(names, parts, strict=True):
        records = ({"translation": {"en": source, language: target}} for source, target in part)
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 sentences, 24 of them for training, shuffled by a stride."""
    root = tmp_path_factory.mktemp("data")
    triples = list(itertools.product(SUBJECTS.items(), VERBS.items(), OBJECTS.items()))
    pairs = [
        (" ".join(part[0] for part in triple) + ".", " ".join(part[1] for part in triple) + ".")
        for triple in (triples[7 * place % 36] for place in range(36))
    ]
    write_pairs(root / TASK, "de", pairs)
    write_pairs(root / "translation" / "tatoeba_en_zh", "zh", [(one, "猫。") for one, _ in pairs])
    return root


@pytest.fixture
def workplace(tmp_path: Path, data_root: Path) -> Workplace:
    return Workplace(tmp_path, data_root)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Iterator[Workplace]:
    """A workplace where `run` has finished once."""
    import torch

    num_threads = torch.get_num_threads()
    workplace = Workplace(tmp_path_factory.mktemp("done"), data_root)
    assert workplace.run("run") == 0
    workplace.first_counts = workplace.counts()
    yield workplace
    torch.set_num_threads(num_threads)


def test_run_makes_everything_from_rows_to_report(done: Workplace) -> None:
    num_outputs = NUM_TEST_SETS * (1 + NUM_BASELINES)

    assert done.first_counts == {
        **dict.fromkeys(("rows", "contamination", "tokenizer", "tokens", "model"), 1),
        **dict.fromkeys(("predictions", "scores"), num_outputs),
    }
    reports = sorted(path.name for path in (done.root / "reports" / "small").iterdir())
    leaderboards = [f"leaderboard.{ending}" for ending in ("csv", "json", "md", "tex")]
    assert reports == [".report.json", "index.html", *leaderboards]


def test_run_leaves_a_manifest_that_says_what_was_made(done: Workplace) -> None:
    (run,) = done.runs()
    assert (run["status"], run["reason"], run["seed"]) == ("finished", None, 1)
    scores, artifacts = run["scores"], run["artifacts"]
    assert isinstance(scores, list)
    assert isinstance(artifacts, dict)

    made = done.artifacts()
    assert f"model/{artifacts['model']}" in made
    for entry in scores:
        assert isinstance(entry, dict)
        assert f"predictions/{entry['predictions']}" in made
        assert f"scores/{entry['scores']}" in made


def test_launch_records_the_command_as_it_was_typed(done: Workplace) -> None:
    command = read_json(done.root / "runs" / "small" / "launch.json")["command"]

    assert str(command).startswith(f"mtnlg run task={TASK} model=mt_nlg_nano")


def test_board_holds_the_model_and_the_baselines(done: Workplace) -> None:
    rows = done.board_rows()

    assert Counter(row["kind"] for row in rows) == {"trained": 1, "baseline": NUM_BASELINES}
    (trained,) = (row for row in rows if row["kind"] == "trained")
    assert trained["status"] == "finished"
    metrics = trained["metrics"]
    assert isinstance(metrics, dict)
    assert {"value", "low", "high", "n", "signature"} <= metrics["bleu"].keys()


def test_model_folder_answers_from_the_command_line(
    done: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = done.runs()[0]["artifacts"]
    assert isinstance(artifacts, dict)
    model = done.root / "artifacts" / "model" / str(artifacts["model"])
    capsys.readouterr()

    status = invoke("say", "--model", str(model), "a dog sees a house.", "my friend.")

    assert status == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_same_command_again_makes_nothing_and_loads_no_torch(done: Workplace) -> None:
    before = done.artifacts()
    code = (
        "import sys; from mtnlg.cli.main import main; status = main(sys.argv[1:]); "
        "print(status, 'torch' in sys.modules, 'lightning' in sys.modules)"
    )

    found = subprocess.run(
        [sys.executable, "-c", code, *done.words("run")], capture_output=True, text=True, check=True
    )

    assert found.stdout.split() == ["0", "False", "False"]
    assert done.artifacts() == before
    assert " made" not in found.stderr


def test_frozen_configuration_of_a_run_is_the_same_run(done: Workplace) -> None:
    before = done.artifacts()
    (config,) = (done.root / "runs" / "small").glob("*seed1*/config.yaml")
    run_id = config.parent.name

    assert invoke("evaluate", "--frozen", str(config)) == 0

    assert done.artifacts() == before
    assert read_json(config.with_name("run.json"))["run_id"] == run_id


def test_other_decoding_decodes_and_scores_again_and_nothing_else(done: Workplace) -> None:
    before = done.artifacts()

    assert done.run("run", "decoding=beam5", "name=beam") == 0

    assert new_since(before, done.artifacts()) == {
        "predictions": NUM_TEST_SETS,
        "scores": NUM_TEST_SETS,
    }
    assert {row["decoding"] for row in done.board_rows("beam")} == {"beam5", None}


def test_other_evaluation_scores_again_and_nothing_else(done: Workplace) -> None:
    before = done.artifacts()

    assert done.run("run", "evaluation.num_resamples=101", "name=resamples") == 0

    num_outputs = NUM_TEST_SETS * (1 + NUM_BASELINES)
    assert new_since(before, done.artifacts()) == {"scores": num_outputs}


def test_sweep_over_seeds_shares_what_seeds_do_not_change(done: Workplace) -> None:
    before = done.artifacts()

    assert done.run("run", "-m", "seed=1,2", "name=seeds") == 0

    assert new_since(before, done.artifacts()) == {
        "model": 1,
        "predictions": NUM_TEST_SETS,
        "scores": NUM_TEST_SETS,
    }
    assert [(run["status"], run["seed"]) for run in done.runs("seeds")] == [
        ("finished", 1),
        ("finished", 2),
    ]
    trained = [row for row in done.board_rows("seeds") if row["kind"] == "trained"]
    assert sorted(seed for row in trained for seed in row["seeds"]) == [1, 2]  # type: ignore[attr-defined]


def test_sweep_over_a_setting_tells_its_values_apart(done: Workplace) -> None:
    assert done.run("run", "-m", "optimizer.learning_rate=0.001,0.002", "name=rates") == 0

    board = (done.root / "reports" / "rates" / "leaderboard.md").read_text(encoding="utf-8")
    assert "optimizer.learning\\_rate=0.001" in board
    assert "optimizer.learning\\_rate=0.002" in board


def test_killed_training_goes_on_to_the_same_weights(
    done: Workplace, workplace: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the same training, never killed."""
    code = """
import os, signal, sys
from mtnlg.cli.main import main
from mtnlg.training.checkpoints import AtomicCheckpointIO
save = AtomicCheckpointIO.save_checkpoint
def save_and_die(*arguments, **options):
    save(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
AtomicCheckpointIO.save_checkpoint = save_and_die
sys.exit(main(sys.argv[1:]))
"""
    killed = subprocess.run(
        [sys.executable, "-c", code, *workplace.words("train")], capture_output=True, check=False
    )
    models = workplace.root / "artifacts" / "model"
    assert killed.returncode == -signal.SIGKILL
    assert [path.suffix for path in models.glob("*/")] == [".partial"]
    assert workplace.runs()[0]["status"] == "running"

    assert workplace.run("train") == 0

    assert "training continues from step 2" in capfd.readouterr().err
    (resumed,) = models.glob("*/model.safetensors")
    whole = done.root / "artifacts" / "model" / resumed.parent.name / "model.safetensors"
    assert resumed.read_bytes() == whole.read_bytes()
    assert workplace.runs()[0]["status"] == "incomplete"


def test_broken_line_is_named_and_nothing_is_half_written(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    write_pairs(data / TASK, "de", [(f"a dog {number}", "ein Hund") for number in range(36)])
    train = data / TASK / "train.jsonl"
    lines = train.read_text(encoding="utf-8").splitlines()
    train.write_text("\n".join([*lines[:2], '{"translation": {"en": ', *lines[3:]]), "utf-8")

    status = Workplace(tmp_path, data).run("run")

    assert status == 3
    error = capsys.readouterr().err
    assert f"error: {train}:3: not valid JSON" in error
    assert "Traceback" not in error
    assert workplace.artifacts() == {}
    assert [path.name for path in (tmp_path / "artifacts" / "rows").glob("[!.]*")] == []


@pytest.mark.parametrize(
    ("override", "status", "reason"),
    [
        ("evaluation.metrics=[blue,bleu]", 2, "evaluation.metrics has 'blue'; known: bleu"),
        ("data_root=/nowhere", 3, "data_root=/nowhere: no such folder"),
        ("tasks.multi30k_en_de.columns.target=fr", 3, "fr"),
    ],
)
def test_failed_run_is_a_row_with_its_reason(
    workplace: Workplace,
    capsys: pytest.CaptureFixture[str],
    override: str,
    status: int,
    reason: str,
) -> None:
    assert workplace.run("run", override) == status

    error = capsys.readouterr().err
    assert error.startswith("error: ") or "\nerror: " in error
    assert "Traceback" not in error
    (run,) = workplace.runs()
    assert run["status"] == "failed"
    assert reason in str(run["reason"])
    (row,) = workplace.board_rows()
    assert row["status"] == "failed"
    assert reason in str(row["reason"])


def test_fault_of_ours_keeps_its_traceback_and_its_row(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(stages, "prepare", fail)

    with pytest.raises(RuntimeError, match="a fault of ours"):
        workplace.run("run")

    assert workplace.board_rows()[0]["reason"] == "RuntimeError: a fault of ours"
    (log,) = (workplace.root / "runs").glob("small/*/log.txt")
    lines = [line.split(" ", 1)[1] for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[-2:] == ["RuntimeError: a fault of ours", "failed: RuntimeError: a fault of ours"]
    assert "Traceback (most recent call last):" in lines


def test_interrupted_run_is_a_row_and_has_the_status_of_shells(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "prepare", interrupt)

    assert workplace.run("run") == 130

    assert "the same command goes on" in capsys.readouterr().err
    assert workplace.board_rows()[0]["reason"] == "interrupted by the user"


def test_failing_job_of_a_sweep_stops_no_other(
    workplace: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    assert workplace.run("prepare", "-m", "tasks.multi30k_en_de.train_split=nope,train") == 1

    assert [run["status"] for run in workplace.runs()] == ["failed", "incomplete"]
    assert workplace.counts() == {"rows": 1, "contamination": 1, "tokenizer": 1, "tokens": 1}
    assert "1 of 2 jobs failed: mt_nlg_nano-greedy-seed1-" in capfd.readouterr().err


def test_sweep_with_an_impossible_job_starts_none(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workplace.run("prepare", "-m", "model.num_heads=4,5") == 2

    error = capsys.readouterr().err
    assert "error: job 2 (model.num_heads=5): " in error
    assert "model.num_heads=5: must be a divisor" in error
    assert not (workplace.root / "artifacts").exists()
    assert not list((workplace.root / "runs").glob("small/*"))


def test_sweep_over_models_without_a_name_is_one_launch(workplace: Workplace) -> None:
    assert workplace.run("prepare", "-m", "name=null", "model=mt_nlg_nano,modern_nano") == 0

    runs = workplace.runs("multi30k_en_de-mt_nlg_nano+modern_nano")
    assert [run["system"] for run in runs] == ["mt_nlg_nano", "modern_nano"]
    assert workplace.counts() == {"rows": 1, "contamination": 1, "tokenizer": 1, "tokens": 1}


def test_order_of_tasks_changes_no_model(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mtnlg.training

    orders = []

    def train_model(
        _: object, data: list[mtnlg.training.TrainingData], *, folder: Path, **others: Path
    ) -> None:
        orders.append([one.name for one in data])
        (folder / "training.json").write_text(json.dumps(made_training()))

    monkeypatch.setattr(mtnlg.training, "train_model", train_model)
    tasks = [TASK, "translation/tatoeba_en_zh"]

    for number, order in enumerate((tasks, tasks[::-1])):
        elsewhere = Workplace(workplace.root / str(number), workplace.data_root)
        assert elsewhere.run("train", f"task=[{','.join(order)}]") == 0

    assert orders[0] == orders[1]
    models = workplace.root.glob("*/artifacts/model/*/")
    assert len({path.name for path in models}) == 1


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["run", *SMALL, "+model.layer=3"], 2, "Key 'layer' not in 'ModelConfig'"),
        (["run", *SMALL, "model.layer=3"], 2, "Key 'layer' not in 'ModelConfig'"),
        (["run", *SMALL, "task=translation/nope"], 2, "Could not find 'task/translation/nope'"),
        (["run", f"task={TASK}"], 2, "You must specify 'model'"),
        (
            ["run", *SMALL, "trainer.profiler.target=lightning.pytorch.profilers.SimpleProfiler"],
            2,
            "trainer.profiler is null; choose profiler=simple, at the top level",
        ),
        (["run", *SMALL, "decoding.options={a: 1}"], 2, "decoding.options is null; a YAML file"),
        (["run", *SMALL, "+decoding.options.a=1"], 2, "decoding.options is null; a YAML file"),
        (["run", "--frozen"], 2, "argument --frozen: expected one argument"),
        (["train", "--frozen", "a", "seed=2"], 2, "takes one file and nothing else"),
        (["run", "--frozen", "nowhere.yaml"], 2, "--frozen nowhere.yaml: cannot be read"),
        (["say", "--model", "nowhere", "a"], 4, "nowhere: no such model folder"),
        (["report", *SMALL, "runs_root=nowhere"], 4, "nowhere/small/launch.json: no such file"),
    ],
)
def test_mistake_is_one_line_and_an_exit_status(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, message: str
) -> None:
    assert invoke(*words) == status

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize("words", [["frobnicate"], ["--frobnicate"]])
def test_unknown_command_shows_the_known_ones(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert invoke(*words) == 2

    error = capsys.readouterr().err
    assert all(command in error for command in (*STAGES, "say"))


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["run", "--help"], ["train", "-h"]])
def test_help_needs_no_choice_of_task_and_model(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert invoke(*words) == 0

    output = capsys.readouterr()
    assert output.err == ""
    expected = ["translation/multi30k_en_de", "modern_tiny", "beam5"] if words[1:] else list(STAGES)
    assert all(word in output.out for word in expected)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("--version") == 0
    assert capsys.readouterr().out == f"mtnlg {__version__}\n"


def test_configuration_can_be_looked_at_without_a_run(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workplace.run("run", "--cfg", "job") == 0

    assert "vocabulary_size: 360" in capsys.readouterr().out
    assert list(workplace.root.iterdir()) == []


def test_mistake_in_a_process_of_its_own_has_no_traceback(workplace: Workplace) -> None:
    pipeline = Path(__file__).parents[2] / "pipelines" / "train.py"
    words = workplace.words("train", "+model.layer=3")[1:]

    found = subprocess.run(
        [sys.executable, str(pipeline), *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )

    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.splitlines() == [
        "error: Key 'layer' not in 'ModelConfig'; full_key: model.layer; did you mean 'num_layers'?"
    ]


def test_predictions_stand_on_their_own(done: Workplace) -> None:
    for path in (done.root / "artifacts" / "predictions").glob("*/predictions.jsonl"):
        rows = read_predictions(path)

        assert len(rows) == 3
        assert all(row.source and row.references for row in rows)
