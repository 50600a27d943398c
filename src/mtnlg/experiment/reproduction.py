"""A run made again from its manifest, in a fresh folder and a process of its own. On the way its
training can be killed and continued.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mtnlg.errors import ConfigError, MtnlgError
from mtnlg.experiment.compose import freeze_run, thaw
from mtnlg.experiment.jobs import child_command
from mtnlg.process.signals import end_at_once, handled_by
from mtnlg.provenance.manifest import Run, find_run
from mtnlg.records.places import CONFIG_FILE, METRICS_FILE
from mtnlg.records.stages import find_training

SIGNALS = (signal.SIGTERM, signal.SIGKILL)
"""What kills a training on the way, at a third and at two thirds of its steps."""
POLL_SECONDS = 0.005
STANDARD_ERROR = 2


def make_again(
    run: Run, into: Path, *, artifacts_root: Path | None, is_killed: bool
) -> tuple[Run, Path, list[str]]:
    """The run made again below `into`, the folder of the first one's artifacts, and at which steps
    its training was killed. Raises MtnlgError where it cannot be made.
    """
    frozen = run.folder / CONFIG_FILE
    config = thaw(frozen)
    first_root = artifacts_root or Path(config.artifacts_root)
    if run.record.status not in ("finished", "incomplete"):
        raise ConfigError(f"run {run.record.run_id} is {run.record.status}: {run.record.reason}")
    if into.exists() and any(into.iterdir()):
        raise ConfigError(f"--into {into}: must be empty, so that nothing is used again")
    config.artifacts_root, config.runs_root = str(into / "artifacts"), str(into / "runs")
    config.reports_root, config.logger = str(into / "reports"), {}
    file = freeze_run(config)
    variables = _variables(run, asked=config.trainer.num_threads)
    killed = []
    if is_killed:
        training = find_training(run.record.model, artifacts_root=first_root)
        num_steps = training.steps if training else config.trainer.horizon
        for number, chosen in enumerate(SIGNALS, start=1):
            with _child("train", file, variables) as child:
                step = _kill(child, chosen, into, after=num_steps * number // (1 + len(SIGNALS)))
            if step is not None:
                killed.append(f"{chosen.name} at step {step:,}")
        if not killed:
            raise MtnlgError("the training was over before it could be killed; choose a longer run")
    last = "evaluate" if run.record.scores else "train" if run.record.model else "prepare"
    with _child(last, file, variables) as child:
        status = child.wait()
    if status:
        raise MtnlgError(f"run {run.record.run_id}: made again, it ended with status {status}")
    return find_run(str(file.parent), runs_root=into), first_root, killed


def _variables(run: Run, *, asked: int | None) -> dict[str, str]:
    """This process's variables, and those of the manifest that are not set here; with as many
    threads as it says, if they are no setting.
    """
    recorded = {name: str(text) for name, text in run.record.variables.items()}
    variables = {name: text for name, text in recorded.items() if "…" not in text} | os.environ
    threads = run.record.hardware.get("threads")
    if asked is None and threads and not {"OMP_NUM_THREADS", "MKL_NUM_THREADS"} & variables.keys():
        variables["OMP_NUM_THREADS"] = str(threads)
    return variables


@contextmanager
def _child(
    stage: str, frozen: Path, variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a stage, which ends with this one."""
    with handled_by(end_at_once):
        child = subprocess.Popen(child_command(stage, frozen), env=variables, stdout=STANDARD_ERROR)
        try:
            yield child
        finally:
            child.terminate()  # nothing where it has ended
            child.wait()


def _kill(
    child: subprocess.Popen[bytes], chosen: signal.Signals, into: Path, *, after: int
) -> int | None:
    """Kill the child after this step of its training; the step, or None if it had ended by then."""
    while child.poll() is None:
        step = _step(into)
        if step >= max(after, 1):
            child.send_signal(chosen)
            return step if child.wait() else None
        time.sleep(POLL_SECONDS)
    if child.returncode:
        raise MtnlgError(f"the training ended with status {child.returncode} before it was killed")
    return None


def _step(into: Path) -> int:
    """The last step that a training in progress has logged."""
    steps = [0]
    for path in into.glob(f"artifacts/model/*.partial/{METRICS_FILE}"):
        with suppress(OSError, ValueError, TypeError):
            rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
            steps += [int(row["step"]) for row in rows]
    return max(steps)
