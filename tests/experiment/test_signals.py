"""Signals and closed pipes, as schedulers, shells and `| head` send them to a run of its own
process. Oracle: the exit status of shells, 128 and the signal's number; run.json; the folder.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from small_run import SmallRun


@pytest.fixture
def small(tmp_path: Path) -> SmallRun:
    return SmallRun(tmp_path)


@pytest.mark.slow
def test_sigterm_in_a_training_leaves_a_checkpoint_of_the_step(small: SmallRun) -> None:
    """Oracle too: the rows of metrics.csv, one for each step."""
    code, messages = small.run_until(lambda: small.steps() >= 3, "train", number=signal.SIGTERM)

    step = small.steps()
    assert code == 143
    assert f"error: killed by SIGTERM at step {step}; the same command goes on" in messages
    record = small.record()
    assert (record["status"], record["reason"].split(";")[0]) == (
        "killed",
        f"killed by SIGTERM at step {step}",
    )
    assert small.one(f"artifacts/model/*.partial/checkpoints/step-{step:08d}.ckpt")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("SIGHUP", 129), ("SIGINT", 130), ("SIGUSR1", 138)])
def test_other_signals_end_a_training_as_sigterm_does(
    small: SmallRun, name: str, code: int
) -> None:
    number = signal.Signals[name]

    assert small.run_until(lambda: small.steps() >= 3, "train", number=number)[0] == code

    assert small.record()["reason"].startswith(f"killed by {name} at step")
    assert small.one(f"artifacts/model/*.partial/checkpoints/step-{small.steps():08d}.ckpt")
    assert small.run("train").returncode == 0


@pytest.mark.slow
def test_signal_to_the_whole_group_lets_loading_workers_finish_the_step(small: SmallRun) -> None:
    """Oracle too: what `kill -- -GROUP`, Ctrl-C and Slurm send, workers included."""
    settings = ("trainer.num_workers=2", "trainer.max_steps=4000")
    child = small.start("train", *settings, start_new_session=True)
    while small.steps() < 3:
        time.sleep(0.02)
    subprocess.run(["kill", "-TERM", "--", f"-{child.pid}"], check=True)

    messages = child.communicate(timeout=400)[1]

    assert child.returncode == 143, messages
    assert small.one(f"artifacts/model/*.partial/checkpoints/step-{small.steps():08d}.ckpt")


@pytest.mark.slow
def test_second_signal_ends_a_training_at_once(small: SmallRun) -> None:
    """Oracle too: no checkpoint, as there was no validation, and a step never ends."""
    child = small.start("train", "trainer.batch_tokens=100000", "trainer.accumulation=20")
    while not list(small.root.glob("artifacts/model/*.partial/metrics.csv")):
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    child.send_signal(signal.SIGTERM)

    child.communicate(timeout=400)

    assert child.returncode in (143, -15)


@pytest.mark.slow
def test_signal_while_data_is_prepared_leaves_no_half_folder(small: SmallRun) -> None:
    source = small.data / "train.jsonl"
    source.write_text(source.read_text(encoding="utf-8") * 4_000, encoding="utf-8")

    def is_preparing() -> bool:
        return bool(list(small.root.glob("artifacts/rows/*.partial")))

    code, messages = small.run_until(is_preparing, "run", number=signal.SIGTERM)

    assert code == 143, messages
    assert (small.record()["status"], small.record()["reason"]) == ("killed", "killed by SIGTERM")
    assert not list(small.root.glob("artifacts/*/*/artifact.json"))


def test_killed_process_is_seen_on_the_board_of_the_next_report(small: SmallRun) -> None:
    """SIGKILL leaves run.json as it was; oracle: the process is gone."""
    small.run_until(
        lambda: bool(list(small.root.glob("runs/small/*/run.json"))), "run", number=signal.SIGKILL
    )

    assert small.record()["status"] == "running"
    assert small.run("report", "report.formats=[json]").returncode == 0

    report = small.one("reports/small/leaderboard.json").read_text(encoding="utf-8")
    assert '"killed"' in report
    assert "its process ended without a word" in report


@pytest.mark.slow
@pytest.mark.parametrize("redirect", ["2>&1 | head -1", "2>/dev/full >&-"])
def test_training_goes_on_without_a_reader(small: SmallRun, redirect: str) -> None:
    command = f"set -o pipefail; {shlex.join(small.words('run'))} {redirect}"

    result = subprocess.run(["bash", "-c", command], capture_output=True, check=False)

    assert (result.returncode, small.record()["status"]) == (0, "finished")


@pytest.mark.slow
def test_ignored_hangup_stays_ignored(small: SmallRun) -> None:
    """Oracle: nohup, under which a training outlives its terminal."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    code, _ = small.run_until(
        lambda: small.steps() >= 3, "train", number=signal.SIGHUP, preexec_fn=ignore
    )

    assert code == 0
