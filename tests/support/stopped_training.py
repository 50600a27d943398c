"""Trainings of the two small tasks that end early at chosen moments, and what must be the same once
they were asked for again.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from made_training import curve, record_of, small_config, train
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import OptimizerName
from mtnlg.errors import InterruptedTrainingError
from mtnlg.training import callbacks, checkpoints, fit
from mtnlg.training.fit import resumed
from mtnlg.training.module import TransformerModule

CLOCK = ("seconds", "tokens_per_second", "achieved_tflops", "started")


class Killed(BaseException):
    """The process is gone: nothing of ours handles this."""


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def kill() -> None:
    raise Killed


def in_step(step: int, act: Callable[[], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """While a step is computed."""

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        original, acts = TransformerModule.training_step, [act]

        def training_step(self: Any, *arguments: Any) -> Any:
            if self.trainer.global_step == step - 1 and acts:
                acts.pop()()
            return original(self, *arguments)

        monkeypatch.setattr(TransformerModule, "training_step", training_step)

    return arrange


def in_validation(step: int, act: Callable[[], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """While the validation after a step is computed."""

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        original, acts = TransformerModule.validation_step, [act]

        def validation_step(self: Any, *arguments: Any) -> Any:
            if self.trainer.global_step == step and acts:
                acts.pop()()
            return original(self, *arguments)

        monkeypatch.setattr(TransformerModule, "validation_step", validation_step)

    return arrange


def in_save(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    """When half of the bytes of a checkpoint are written."""

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        original, count = torch.save, [0]

        def save(content: Any, stream: Any) -> None:
            count[0] += 1
            original(content, stream)
            if count[0] == number:
                stream.truncate(stream.tell() // 2)
                raise Killed

        monkeypatch.setattr(checkpoints.torch, "save", save)

    return arrange


MOMENTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "SIGTERM in the first step": in_step(1, terminate),
    "killed in the first step": in_step(1, kill),
    **{f"SIGTERM in step {step}": in_step(step, terminate) for step in range(2, 8)},
    "killed in the middle of an epoch": in_step(5, kill),
    "SIGTERM in the last step": in_step(8, terminate),
    "SIGTERM in a validation": in_validation(6, terminate),
    "killed in a validation": in_validation(6, kill),
    "killed in a save": in_save(2),
}
"""Moments; an epoch ends within the six steps after the first."""


class Watch:
    """What a training does that its folder does not say at the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, log: Path | None = None) -> None:
        self.order: dict[int, str] = {}
        self.state: dict[str, Any] = {}
        original = callbacks.StepSeeds.on_train_batch_start

        def start(seeds: Any, trainer: Any, module: Any, batch: Any, index: int) -> None:
            self.order[index] = hashlib.sha256(batch.ids.numpy().tobytes()).hexdigest()
            if log is not None:
                with log.open("a", encoding="ascii") as stream:
                    stream.write(f"{index} {self.order[index]}\n")
            original(seeds, trainer, module, batch, index)

        def keep(folder: Path, **_: Any) -> None:
            for _, path in checkpoints.find_checkpoints(folder)[:1]:
                self.state = torch.load(path, weights_only=True)

        monkeypatch.setattr(callbacks.StepSeeds, "on_train_batch_start", start)
        monkeypatch.setattr(fit.shutil, "rmtree", keep)


def differences(left: Any, right: Any, *names: str) -> list[str]:
    """Names of the values of two checkpoints that are not the same bits."""
    if isinstance(left, Mapping):
        keys = [*dict.fromkeys([*left, *right])]
        pairs = [(key, left.get(key), right.get(key)) for key in keys if key not in CLOCK]
    elif isinstance(left, list | tuple) and len(left) == len(right):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(left, right, strict=True))]
    elif isinstance(left, torch.Tensor):
        return [] if torch.equal(left, right) else [".".join(names)]
    else:
        is_same = left == right or (left != left and right != right)
        return [] if is_same else [f"{'.'.join(names)}: {left} {right}"]
    return [
        name
        for key, first, second in pairs
        for name in differences(first, second, *names, str(key))
    ]


def trained(
    prepared: Any, settings: Mapping[str, object], folder: Path, watch: Watch, **options: Any
) -> dict[str, Any]:
    """A training with these settings, to its end: all that must be the same."""
    config = small_config(**{key: value for key, value in settings.items() if key != "muon"})
    if settings.get("muon"):
        config.optimizer.name = OptimizerName.muon
    train(prepared, config, folder, **options)
    if not (folder / "training.json").exists():  # rank 0 has not written it yet
        return {"order": dict(watch.order)}
    rows = [{key: row[key] for key in row if key not in CLOCK} for row in curve(folder)]
    return {
        "weights": file_sha256(folder / "model.safetensors"),
        "record": record_of(folder),
        "curve": rows,
        "order": dict(watch.order),
        "state": watch.state,
    }


def trained_in_ranks(
    prepared: Any, settings: Mapping[str, object], folder: Path, *, moment: str | None = None
) -> dict[str, Any] | None:
    """A training in two processes (gloo), to its end; None where it ended at the moment. A signal
    or a kill comes to one process only, as from a scheduler or for want of memory.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    folder.mkdir(parents=True, exist_ok=True)
    prepared = replace(prepared, tokenizer=None)  # each process loads its own
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    start = resumed(folder)
    ranks = [
        context.Process(target=_rank, args=(rank, port, prepared, settings, folder, start, moment))
        for rank in range(2)
    ]
    for rank in ranks:
        rank.start()
    while all(rank.exitcode in (0, None) for rank in ranks) and any(r.is_alive() for r in ranks):
        time.sleep(0.05)
    for rank in ranks:
        rank.join(60 if moment is not None and "SIGTERM" in moment else 5)
        rank.kill()
        rank.join()
    codes = [rank.exitcode for rank in ranks]
    if moment is not None:
        assert codes == [143, 143] if "SIGTERM" in moment else 9 in codes, codes
        return None
    assert codes == [0, 0], codes
    results = [torch.load(folder.with_suffix(f".{rank}"), weights_only=False) for rank in range(2)]
    results[0]["orders"] = [_order(folder, rank) for rank in range(2)]
    return dict(results[0])


def _rank(
    rank: int,
    port: int,
    prepared: Any,
    settings: Mapping[str, object],
    folder: Path,
    start: Any,
    moment: str | None,
) -> None:
    """One process of a training, which leaves its batches and its results beside the folder."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "MASTER_PORT": port}
    sizes = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "TORCHELASTIC_RUN_ID": "tests"}
    os.environ |= {name: str(value) for name, value in (numbers | sizes).items()}
    os.environ["MASTER_ADDR"] = "localhost"
    monkeypatch = pytest.MonkeyPatch()
    watch = Watch(monkeypatch, log=_order_file(folder, rank))
    if moment is not None and rank == (0 if "save" in moment else 1):
        MOMENTS[moment](monkeypatch)
    try:
        result = trained(prepared, settings, folder, watch, start=start)
        torch.save(result, folder.with_suffix(f".{rank}"))
    except Killed:
        os._exit(9)
    except InterruptedTrainingError as error:
        os._exit(error.exit_code)


def _order_file(folder: Path, rank: int) -> Path:
    return folder.with_suffix(f".order-{rank}")


def _order(folder: Path, rank: int) -> dict[str, str]:
    """Number -> hash of each batch of a process; of one that was taken again, the last."""
    lines = _order_file(folder, rank).read_text(encoding="ascii").splitlines()
    return dict(line.split() for line in lines)
