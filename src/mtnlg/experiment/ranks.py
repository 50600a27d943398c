"""One training in several processes, its ranks: started here through torch.distributed.run, or by
the user's own torchrun. Only rank 0 runs stages and takes locks. The others join its trainings,
each of which is handed to them as a file.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtnlg.config import Config
from mtnlg.errors import (
    InterruptedTrainingError,
    MtnlgError,
    PrunedTrainingError,
    TrainingError,
)
from mtnlg.experiment.compose import thaw
from mtnlg.process.progress import logged_to, outlive_readers, show_messages
from mtnlg.process.signals import SIGNALS, end_at_once, handled_by
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.places import LOG_FILE, RANKS_FILE
from mtnlg.records.processes import process_of, when_gone

if TYPE_CHECKING:
    from mtnlg.training import TrainingData

GRACE_SECONDS = 600
"""What ranks get for the step that they are in, and its checkpoint, before they are killed."""
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class RankJob:
    """ranks.json: a training, for each process that takes part."""

    config: str
    """Path of a frozen configuration."""
    threads: int
    data: tuple[tuple[str, str, str, str], ...]
    """Title, name, and paths of rows and tokens of each task."""
    tokenizer_file: str
    step: int
    """Where to go on, which rank 0 has checked."""
    checkpoint: str | None


@dataclass(frozen=True)
class RankFailure:
    """rank-<number>.json: why one process ended."""

    message: str
    exit_code: int
    validations: dict[str, float] | None = None
    """Of a training that a search ended."""


def is_under_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_follower() -> bool:
    """Whether another process, rank 0, runs the stages."""
    return is_under_torchrun() and os.environ["RANK"] != "0"


def train_in_ranks(
    config: Config,
    data: Sequence[TrainingData],
    *,
    config_file: Path,
    tokenizer_file: Path,
    folder: Path,
) -> None:
    """Train in `trainer.devices` processes of this machine, or in those that torchrun started."""
    from mtnlg.training.fit import is_finished, resumed

    if is_finished(folder):
        return

    threads = config.trainer.num_threads
    assert threads is not None, "the key of a model counts its threads"
    step, checkpoint = resumed(folder)
    job = RankJob(
        str(config_file.absolute()),
        threads,
        tuple(_words(task) for task in data),
        str(tokenizer_file.absolute()),
        step,
        checkpoint.name if checkpoint else None,
    )
    path = folder.absolute() / RANKS_FILE
    write_record(path, job)
    try:
        if is_under_torchrun():
            _post(str(path))
            _train(path)
        else:
            _launch(path, config.trainer.devices)
    finally:
        for file in (path, *folder.glob("rank-*.json")):
            file.unlink(missing_ok=True)


def _words(task: TrainingData) -> tuple[str, str, str, str]:
    return task.title, task.name, str(task.rows.absolute()), str(task.tokens.absolute())


def _train(path: Path) -> None:
    """Take part in a training."""
    from mtnlg.training import TrainingData, train_model
    from mtnlg.training.fit import CHECKPOINTS

    job = read_record(path, RankJob)
    config, folder = thaw(Path(job.config)), path.parent
    train_model(
        replace(config, trainer=replace(config.trainer, num_threads=job.threads)),
        [
            TrainingData(title, name, Path(rows), Path(tokens))
            for title, name, rows, tokens in job.data
        ],
        tokenizer_file=Path(job.tokenizer_file),
        folder=folder,
        run_folder=Path(job.config).parent,
        start=(job.step, folder / CHECKPOINTS / job.checkpoint if job.checkpoint else None),
    )


def _launch(path: Path, num_ranks: int) -> None:
    """Start the ranks and wait for them; raises the error of the one that failed first."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    settings = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_ranks,
        run_id=path.parent.name,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        monitor_interval=POLL_SECONDS,
        shutdown_timeout=GRACE_SECONDS,
        signals_to_handle=",".join(number.name for number in SIGNALS),
    )
    with handled_by(end_at_once):
        try:
            elastic_launch(settings, sys.executable)("-m", __name__, str(path))
        except ChildFailedError as error:
            codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
            raise _first_error(codes, path.parent) from None
        except SignalException as error:
            code = 128 + error.sigval
            if (path.parent / "rank-0.json").exists():  # which names the step
                raise _first_error({0: code}, path.parent) from None
            name = signal.Signals(error.sigval).name
            raise InterruptedTrainingError(f"killed by {name}", exit_code=code) from None


def _first_error(codes: dict[int, int], folder: Path) -> BaseException:
    """The error of the rank that a signal killed, or else of one that gave a reason. What the
    others say follows from it: broken connections, and the SIGTERM with which they are ended.
    """
    ended = (-signal.SIGTERM, 128 + signal.SIGTERM)
    rank, code = min(
        codes.items(),
        key=lambda item: (item[1] in ended, item[1] == 1, item[1] >= 0, item[0]),
    )
    path = folder / f"rank-{rank}.json"
    if code < 0:
        name = signal.Signals(-code).name
        cause = ", most often for want of memory" if -code == signal.SIGKILL else ""
        return InterruptedTrainingError(
            f"rank {rank} was killed by {name}{cause}; the other ranks were ended",
            exit_code=128 - code,
        )
    if not path.exists():
        return RuntimeError(f"rank {rank} ended with status {code}")
    failure = read_record(path, RankFailure)
    if failure.exit_code == 1:
        return RuntimeError(f"rank {rank}: {failure.message}")
    if failure.validations is not None:
        validations = {int(step): value for step, value in failure.validations.items()}
        return PrunedTrainingError(failure.message, validations)
    if failure.exit_code >= 128:
        message = failure.message.partition("; the same command")[0]
        return InterruptedTrainingError(message, exit_code=failure.exit_code)
    error = TrainingError(failure.message)
    error.exit_code = failure.exit_code
    return error


def _main(path: Path) -> int:
    """One rank that `_launch` started: takes part in the training and writes why it failed."""
    rank = os.environ["RANK"]
    # Ranks of a launcher that was killed would train on beside those of the next one.
    when_gone(process_of(os.getppid()), lambda: os._exit(1), seconds=POLL_SECONDS)
    outlive_readers()
    with handled_by(end_at_once):
        try:
            if rank == "0":
                show_messages()
                with logged_to(Path(read_record(path, RankJob).config).parent / LOG_FILE):
                    _train(path)
            else:
                _train(path)
        except (MtnlgError, KeyboardInterrupt) as error:
            code = getattr(error, "exit_code", 130)
            validations = getattr(error, "validations", None)
            pairs = validations and {str(step): value for step, value in validations.items()}
            write_record(path.with_name(f"rank-{rank}.json"), RankFailure(str(error), code, pairs))
            return code or 75
        except Exception:
            failure = RankFailure(traceback.format_exc(), 1)
            write_record(path.with_name(f"rank-{rank}.json"), failure)
            return 1
    return 0


def follow() -> int:
    """Join the trainings of rank 0 until it has no more; for the other processes of torchrun."""
    store, number = _store(), 1
    with handled_by(end_at_once):
        while True:
            while not store.check([f"job{number}"]):
                time.sleep(POLL_SECONDS)
            path = store.get(f"job{number}").decode()
            if not path:
                return 0
            _train(Path(path))
            number += 1


def dismiss_followers() -> None:
    """Tell the other processes of torchrun that rank 0 has no more trainings."""
    if is_under_torchrun() and not is_follower():
        _post("")


def _post(text: str) -> None:
    store = _store()
    store.set(f"job{store.add('count', 1)}", text)


def _store() -> Any:
    """The memory that all processes of torchrun share."""
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    return PrefixStore("mtnlg", TCPStore(address, port, is_master=False))


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
