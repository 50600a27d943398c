"""Folders of models that transformers opens; nothing is downloaded, and no code of them is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mtnlg.errors import ArtifactError, ConfigError

SAFE = {"local_files_only": True, "trust_remote_code": False}
"""Arguments of each `from_pretrained`."""


def import_transformers(problem: str) -> Any:
    """The package, which then prints errors alone; raises ConfigError, which begins with the
    problem, where it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise ConfigError(f"{problem}; pip install 'mtnlg[hf]'") from None
    logs: Any = transformers.logging
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    return transformers


def opened(name: object, load: Callable[[], Any]) -> Any:
    """What `load` gives; raises ArtifactError, in one line that begins with the name, where it
    cannot read the folder.
    """
    try:
        return load()
    except Exception as error:  # a folder of others can be broken in any way
        reason = " ".join(str(error).split())[:300]
        raise ArtifactError(
            f"{name}: transformers cannot open it ({type(error).__name__}: {reason})"
        ) from None
