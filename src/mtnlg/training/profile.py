"""Where the time of the training steps goes, as a table of operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from torch.profiler import ProfilerActivity, profile

from mtnlg.artifacts.store import PARTIAL_SUFFIX
from mtnlg.progress import say
from mtnlg.records.files import write_text

PROFILE_FILE = "profile.txt"
SKIPPED_BATCHES = 2
"""The first ones allocate memory and choose kernels, as no later one does."""
PROFILED_BATCHES = 10
SHOWN_OPERATIONS = 40


class Profile(Callback):
    """Times some micro-batches, loading included, and validation left out, and writes the table."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_batches = 0
        self.profiler: profile | None = None

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.num_batches += 1
        is_last = self.num_batches == SKIPPED_BATCHES + PROFILED_BATCHES or trainer.should_stop
        if self.profiler is not None and is_last:
            self._write(self.profiler)
        elif self.num_batches == SKIPPED_BATCHES and not is_last:
            self.profiler = profile(activities=_activities())
            self.profiler.start()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        if self.profiler is not None:
            self._write(self.profiler)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if not self.path.exists():
            say(f"warning: no profile: fewer than {SKIPPED_BATCHES + 1} micro-batches were trained")

    def _write(self, profiler: profile) -> None:
        profiler.stop()
        self.profiler = None
        device = "cuda" if ProfilerActivity.CUDA in _activities() else "cpu"
        table = profiler.key_averages().table(
            sort_by=f"self_{device}_time_total", row_limit=SHOWN_OPERATIONS
        )
        num_profiled = self.num_batches - SKIPPED_BATCHES
        write_text(self.path, f"{num_profiled} micro-batches after {SKIPPED_BATCHES}\n{table}\n")
        folder = self.path.parent.with_name(self.path.parent.name.removesuffix(PARTIAL_SUFFIX))
        say(f"profile of {num_profiled} micro-batches: {folder / self.path.name}")


def _activities() -> list[ProfilerActivity]:
    has_cuda = torch.cuda.is_available()
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if has_cuda else [])]
