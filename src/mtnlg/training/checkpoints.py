"""Checkpoints of a training in progress: each is whole or absent, and the newest sound one can be
found.

They hold only tensors and plain values, and are read with `weights_only=True`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from mtnlg.artifacts.store import file_sha256
from mtnlg.errors import MtnlgError
from mtnlg.records.files import read_json, write_json

logger = logging.getLogger(__name__)

KEPT = 2
"""How many of the newest checkpoints stay: a failing disk may damage one."""


class AtomicCheckpointIO(CheckpointIO):
    """Writes to a temporary file, syncs, records the sha256, renames."""

    def save_checkpoint(
        self, checkpoint: Mapping[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            write_json(target.with_suffix(".json"), {"sha256": file_sha256(temporary)})
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = True
    ) -> Any:
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)
        Path(path).with_suffix(".json").unlink(missing_ok=True)


def checkpoint_path(folder: Path, step: int, *, kind: str = "step") -> Path:
    """The file of a step."""
    return folder / f"{kind}-{step:08d}.ckpt"


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


def is_sound(path: Path) -> bool:
    """Whether a file has the sha256 recorded for it; raises MtnlgError if there is no record."""
    return read_json(path.with_suffix(".json")).get("sha256") == file_sha256(path)


def newest_sound_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """The newest checkpoint that is sound; logs the newer ones it skips."""
    for step, path in find_checkpoints(folder):
        try:
            if is_sound(path):
                return step, path
        except MtnlgError as error:
            logger.info(f"checkpoint passed over: {error}")
        else:
            logger.info(
                f"checkpoint passed over: {path} is corrupt "
                f"(its sha256 differs from {path.with_suffix('.json').name})"
            )
    return None
