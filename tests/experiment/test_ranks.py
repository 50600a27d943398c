"""One training in two processes (gloo), started by the command itself or by torchrun. Oracle unless
a test names another: the same training in one process, whose step holds the same examples.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtnlg.artifacts.store import file_sha256
from mtnlg.errors import InterruptedTrainingError
from mtnlg.experiment.ranks import _first_error
from small_run import SmallRun

TWO = "trainer.devices=2"
TOLERANCE = 1e-5
"""The order in which two processes add their gradients."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """In one process, with the two micro-batches of a step one after the other."""
    small = SmallRun(tmp_path_factory.mktemp("alone"))
    assert small.run("run", "trainer.accumulation=2").returncode == 0
    return small


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """In two processes, undisturbed."""
    small = SmallRun(tmp_path_factory.mktemp("together"))
    result = small.run("run", TWO)
    assert result.returncode == 0, result.stderr
    return small


def rows(small: SmallRun) -> list[dict[str, str]]:
    with small.one("artifacts/model/*/metrics.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def require_same_curve(left: SmallRun, right: SmallRun) -> None:
    for mine, theirs in zip(rows(left), rows(right), strict=True):
        assert mine["step"] == theirs["step"]
        assert mine["target_tokens"] == theirs["target_tokens"]
        for name, unit in (("train_loss", 1e-5), ("validation_loss", 1e-4)):
            if mine[name]:  # of which so many decimals are written
                expected = pytest.approx(float(theirs[name]), abs=TOLERANCE + unit)
                assert float(mine[name]) == expected


def weights(small: SmallRun) -> str:
    return file_sha256(small.one("artifacts/model/*/model.safetensors"))


def torchrun(small: SmallRun, num_ranks: int, *words: str) -> list[str]:
    """The command of a user who starts the processes."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={num_ranks}"),
        *("--standalone", "-m", "mtnlg.cli.main", *words),
    ]


@pytest.mark.slow
def test_two_processes_train_on_the_examples_of_one(alone: SmallRun, together: SmallRun) -> None:
    """Every example of each step, so the same losses; all rows decoded once, in one run folder."""
    require_same_curve(alone, together)

    predictions = [
        small.one("artifacts/predictions/*/generation.json") for small in (alone, together)
    ]
    lines = [(path.parent / "predictions.jsonl").read_text("utf-8") for path in predictions]
    assert lines[0].count("\n") == lines[1].count("\n") == 6
    assert len(list(together.root.glob("runs/*/*/run.json"))) == 1
    assert together.record()["status"] == "finished"
    log = together.one("runs/small/*/log.txt").read_text(encoding="utf-8")
    assert log.count("training mt_nlg_nano: 40 in") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_launcher_takes_its_ranks_along_and_the_same_command_continues(
    tmp_path: Path, together: SmallRun, number: signal.Signals
) -> None:
    """Oracle: the bits of the undisturbed training."""
    small = SmallRun(tmp_path)
    code, messages = small.run_until(lambda: small.steps() >= 12, "run", TWO, number=number)

    assert code == (143 if number is signal.SIGTERM else -9), messages
    if number is signal.SIGTERM:
        step = small.steps() - small.one("artifacts/model/*/metrics.csv").read_text().count(
            ",,,,,,"
        )
        assert small.record()["reason"].startswith(f"killed by SIGTERM at step {step}")
    time.sleep(2)
    assert not ranks_of(small)
    result = small.run("run", TWO)
    assert result.returncode == 0, result.stderr
    assert "training continues from step" in result.stderr
    assert weights(small) == weights(together)


def ranks_of(small: SmallRun) -> list[int]:
    """The processes of a training, by their command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "mtnlg.experiment.ranks" in words and str(small.root) in " ".join(words):
            found.append(int(path.parent.name))
    return sorted(found)


@pytest.mark.slow
def test_dying_rank_ends_the_others_with_words_and_a_code(
    tmp_path: Path, together: SmallRun
) -> None:
    """Oracle: 128 + 9, and the bits of the undisturbed training afterwards."""
    small = SmallRun(tmp_path)
    child = small.start("run", TWO)
    while small.steps() < 12:
        time.sleep(0.02)
    os.kill(ranks_of(small)[1], signal.SIGKILL)

    messages = child.communicate(timeout=400)[1]

    assert child.returncode == 137, messages
    assert "was killed by SIGKILL" in messages
    assert "Traceback" not in messages.split("error: ")[-1]
    assert small.record()["status"] == "killed"
    assert not ranks_of(small)
    assert small.run("run", TWO).returncode == 0
    assert weights(small) == weights(together)


@pytest.mark.slow
def test_torchrun_of_a_frozen_file_is_the_same_run_and_may_go_on_with_another_number(
    tmp_path: Path, together: SmallRun
) -> None:
    """Oracle: the bits of our own launch; then one process for the rest, in the same order."""
    small = SmallRun(tmp_path)
    assert small.run("prepare", TWO).returncode == 0
    frozen = small.one("runs/small/*/config.yaml")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = torchrun(small, 2, "train", "--frozen", str(frozen))
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert weights(small) == weights(together)

    small.one("artifacts/model/*/artifact.json").parent.rename(tmp_path / "first")
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    while small.steps() < 12:
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=400)
    alone = torchrun(small, 1, "train", "--frozen", str(frozen))
    result = subprocess.run(alone, capture_output=True, text=True, env=environment, check=False)

    assert result.returncode == 0, result.stderr
    assert "training continues from step" in result.stderr
    require_same_curve(small, together)
    assert small.record()["processes"] == [2, 1]


@pytest.mark.slow
def test_sweep_of_two_processes_each_makes_a_folder_for_each_job(tmp_path: Path) -> None:
    small = SmallRun(tmp_path)

    result = small.run("train", "-m", "seed=1,2", TWO, "trainer.max_steps=10")

    assert result.returncode == 0, result.stderr
    assert len(list(small.root.glob("runs/*/*/run.json"))) == 2
    assert len(list(small.root.glob("artifacts/model/*/training.json"))) == 2


@pytest.mark.parametrize(
    ("codes", "rank", "code"),
    [
        ({0: -15, 1: -9}, 1, 137),
        ({0: 143, 1: -9}, 1, 137),
        ({0: 1, 1: -11}, 1, 139),
        ({0: -9, 1: 1, 2: -15}, 0, 137),
    ],
)
def test_rank_that_died_first_is_named(
    tmp_path: Path, codes: dict[int, int], rank: int, code: int
) -> None:
    """Oracle: by hand; the launcher ends the others by SIGTERM, and their connections break."""
    error = _first_error(codes, tmp_path)

    assert isinstance(error, InterruptedTrainingError)
    assert error.exit_code == code
    assert str(error).startswith(f"rank {rank} was killed by SIG")
