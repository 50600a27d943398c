"""Checkpoints of a training in progress: each whole or not at all, found again by the newest that
is sound.

They hold tensors and plain values, are read with `weights_only=True` and are for the owner's own
resume alone.
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
"""Newest checkpoints that stay: one may be torn by a failing disk."""


class AtomicCheckpointIO(CheckpointIO):
    """Writes beside the target, syncs, records the sha256, renames."""

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


def checkpoint_path(folder: Path, step: int) -> Path:
    """The file of a step."""
    return folder / f"step-{step:08d}.ckpt"


def find_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Steps and files, newest first; leftovers of a killed write are removed."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)
    matches = [
        (re.fullmatch(r"step-(\d+)\.ckpt", path.name), path) for path in folder.glob("*.ckpt")
    ]
    return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def is_sound(path: Path) -> bool:
    """Whether a file's bytes are those that were written; raises MtnlgError where that was not
    recorded.
    """
    return read_json(path.with_suffix(".json")).get("sha256") == file_sha256(path)


def newest_sound_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """The newest checkpoint whose bytes are those that were written; says which ones are passed
    over.
    """
    for step, path in find_checkpoints(folder):
        try:
            if is_sound(path):
                return step, path
        except MtnlgError as error:
            logger.info(f"checkpoint passed over: {error}")
            continue
        logger.info(
            f"checkpoint passed over: {path} is corrupt "
            f"(its sha256 differs from {path.with_suffix('.json').name})"
        )
    return None
