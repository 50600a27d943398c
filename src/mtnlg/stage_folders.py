"""What the stages have in common: a version of each one's code, and a folder that is made once.

Refuses to know what a stage does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mtnlg.artifacts import Artifact, make_artifact, package_versions
from mtnlg.progress import say
from mtnlg.records import JsonObject

STAGE_VERSIONS = {
    "rows": 2,
    "leaks": 1,
    "tokenizer": 1,
    "tokens": 1,
    "model": 1,
    "predictions": 2,
    "scores": 2,
}
"""Raised by one where the code of a stage gives another output for the same inputs; a golden test
reminds of it.
"""


def make_folder(
    artifacts_root: str | Path,
    stage: str,
    inputs: JsonObject,
    build: Callable[[Path], None],
    *,
    is_resumable: bool = False,
) -> Artifact:
    """The artifact of these inputs, made or found, and a line that says which."""
    artifact = make_artifact(
        Path(artifacts_root), stage, inputs, build, is_resumable=is_resumable, on_wait=say
    )
    say(f"{stage:<12}{artifact.key}  {'made' if artifact.is_new else 'found'}")
    return artifact


def versions(stage: str, *packages: str) -> JsonObject:
    """The part of a stage's inputs that its code, and packages that can change a result, are."""
    return {"version": STAGE_VERSIONS[stage], "packages": package_versions(*packages)}
