"""The manifest of a run: what was asked, what it gave, with what, and how it ended. Written when
the run starts, and at its end.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from mtnlg.records.files import JsonObject, JsonValue, write_json
from mtnlg.records.runs import RUN_FILE

PACKAGES = (
    *("mtnlg", "torch", "lightning", "hydra-core", "omegaconf", "tokenizers", "datasets"),
    *("sacrebleu", "rouge-score", "numpy", "safetensors"),
)

PACKAGE_FOLDER = Path(__file__).parents[1]


class Manifest:
    """run.json of one run, kept up to date while it works."""

    def __init__(self, folder: Path, asked: JsonObject, *, rounding: JsonObject) -> None:
        self.folder = folder
        self.started = time.monotonic()
        self.artifacts: JsonObject = {}
        self.scores: list[JsonValue] = []
        self.objective: float | None = None
        self.body: JsonObject = {
            "run_id": folder.name,
            "experiment": folder.parent.name,
            **asked,
            "versions": {name: _version(name) for name in PACKAGES},
            "python": platform.python_version(),
            "git": git_state(),
            "hardware": hardware() | rounding,
            "code": {},
            "code_changed": [],
            "process": os.getpid(),
            "started_at": _now(),
        }
        self._write("running", None)

    def record_code(self, code: JsonObject, *, changed: Sequence[str]) -> None:
        """Note the hash of each stage's code, and the stages whose code is not the launch's."""
        self.body |= {"code": code, "code_changed": list[JsonValue](changed)}
        self._write("running", None)

    def finish(self, *, is_scored: bool) -> None:
        """The run did what was asked; one that was not asked for scores says so."""
        reason = None if is_scored else "only an earlier stage was asked for: no scores yet"
        self._write("finished" if is_scored else "incomplete", reason)

    def fail(self, reason: str) -> None:
        """The run ended early; its row on the board tells why."""
        self._write("failed", reason)

    def _write(self, status: str, reason: str | None) -> None:
        state: JsonObject = {
            "status": status,
            "reason": reason,
            "artifacts": self.artifacts,
            "scores": self.scores,
            "objective": self.objective,
            "seconds": round(time.monotonic() - self.started, 1),
            "finished_at": None if status == "running" else _now(),
        }
        write_json(self.folder / RUN_FILE, {**self.body, **state})


def git_state() -> JsonObject:
    """Commit of the repository that holds this package, and whether the package has changes there;
    nulls where it was installed without one.
    """
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:  # of somebody else's repository
        return {"commit": None, "dirty": None}
    return {"commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain", "."))}


def hardware() -> JsonObject:
    """The machine, as far as it can change a result or explain a time."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), ""
    )


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", *arguments],
            env={name: text for name, text in os.environ.items() if name[:4] != "GIT_"},
            cwd=PACKAGE_FOLDER,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
