"""Checkpoints of a training in progress, and its best weights: each is whole or absent, has its
sha256 beside it, and the newest sound one can be found.

They hold only tensors and plain values, and are read with `weights_only=True`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from lightning.fabric.plugins import CheckpointIO
from safetensors.torch import save
from torch import Tensor

from mtnlg.artifacts.store import check_sha256, file_sha256, set_aside
from mtnlg.errors import ArtifactError, MtnlgError, NotFiniteError
from mtnlg.records.files import read_json, write_json

logger = logging.getLogger(__name__)

BEST_FILE = "best.safetensors"
KEPT = 2
"""How many of the newest checkpoints stay: a failing disk may damage one."""


class AtomicCheckpointIO(CheckpointIO):
    """Writes to a temporary file, syncs, records the sha256, renames."""

    def save_checkpoint(
        self, checkpoint: Mapping[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        require_finite(checkpoint, step=checkpoint.get("global_step", 0))
        best_step = checkpoint.get("callbacks", {}).get("Snapshots", {}).get("best_step", 0)
        _write(Path(path), lambda stream: torch.save(checkpoint, stream), best_step=best_step)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = True
    ) -> Any:
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)
        Path(path).with_suffix(".json").unlink(missing_ok=True)


def save_best(folder: Path, weights: dict[str, Tensor], *, step: int) -> None:
    """Write the best weights so far, those of a step; raises NotFiniteError."""
    require_finite(weights, step=step)
    _write(folder / BEST_FILE, lambda stream: stream.write(save(weights)), step=step)


def _write(target: Path, save_to: Callable[[IO[bytes]], object], **facts: int) -> None:
    """Save to a temporary file, sync it, record its sha256 and what else is known, rename it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            save_to(stream)
            stream.flush()
            os.fsync(stream.fileno())
        record = {"sha256": file_sha256(temporary), **facts}
        write_json(target.with_suffix(".json"), record)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def checkpoint_path(folder: Path, step: int, *, kind: str = "step") -> Path:
    """The file of a step."""
    return folder / f"{kind}-{step:08d}.ckpt"


def require_finite(tree: Mapping[str, Any], *, step: int) -> None:
    """Raise NotFiniteError that names the first weight, or value of an optimizer, that is NaN or
    infinite. Callbacks of others may hold what they like.
    """
    if (name := _not_finite({key: tree[key] for key in tree if key != "callbacks"})) is not None:
        raise NotFiniteError(f"{name} is not finite", step=step)


def _not_finite(tree: Any, *names: str) -> str | None:
    if isinstance(tree, Tensor):
        is_fine = not tree.is_floating_point() or bool(torch.isfinite(tree).all())
        return None if is_fine else ".".join(names)
    branches = dict(enumerate(tree)) if isinstance(tree, list | tuple) else tree
    pairs = branches.items() if isinstance(branches, Mapping) else ()
    inner = (_not_finite(value, *names, str(key)) for key, value in pairs)
    return next((name for name in inner if name is not None), None)


def save_and_prune(trainer: Any, folder: Path) -> None:
    """Save a checkpoint of the step that the trainer is at, and remove all but the newest."""
    trainer.save_checkpoint(checkpoint_path(folder, trainer.global_step))
    if trainer.is_global_zero:
        for _, old in find_checkpoints(folder)[KEPT:]:
            AtomicCheckpointIO().remove_checkpoint(old)


def find_checkpoints(folder: Path, *, kind: str = "step") -> list[tuple[int, Path]]:
    """Steps and files, newest first; removes what a killed write left behind."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)
    paths = folder.glob("*.ckpt")
    matches = [(re.fullmatch(rf"{kind}-(\d+)\.ckpt", path.name), path) for path in paths]
    return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def check_saved(path: Path) -> None:
    """Raise ArtifactError where a file has not the sha256 that is recorded beside it."""
    check_sha256(path, str(read_json(path.with_suffix(".json")).get("sha256")))


def newest_sound_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """The newest checkpoint that is sound and finite, and that needs no weights beside it that are
    not; sets aside the newer ones, and says so.
    """
    lost = [*map(_lost, find_checkpoints(folder, kind="weights"))]
    best = folder / BEST_FILE
    lost_best = _lost((_recorded_step(best, "step"), best))
    for step, path in find_checkpoints(folder):
        needed = [*lost, lost_best] if _recorded_step(path, "best_step") else lost
        try:
            check_saved(path)
            for first, fault in filter(None, needed):
                if first <= step:  # an earlier checkpoint goes on to write them again
                    raise ArtifactError(f"{path.name} needs what was lost: {fault}")
            checkpoint = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
            require_finite(checkpoint, step=step)
        except MtnlgError as error:
            aside = set_aside(path).name
            logger.warning(f"checkpoint passed over: {error}; set aside as {aside}")
        else:
            return step, path
    return None


def _lost(saved: tuple[int, Path]) -> tuple[int, MtnlgError] | None:
    """The step of saved weights and what is wrong with them; None where nothing is."""
    step, path = saved
    try:
        check_saved(path)
    except MtnlgError as error:
        return step, error
    return None


def _recorded_step(path: Path, name: str) -> int:
    """A step that is recorded beside a file; 0 where none is."""
    try:
        step = read_json(path.with_suffix(".json")).get(name)
    except MtnlgError:
        return 0
    return step if isinstance(step, int) else 0
