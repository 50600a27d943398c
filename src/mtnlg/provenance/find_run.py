"""Finds the run that a word of the command line means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtnlg.errors import ConfigError, suggestion
from mtnlg.records.files import JsonObject
from mtnlg.records.places import RUN_FILE
from mtnlg.records.run_config import read_config
from mtnlg.records.runs import RunRecord, read_run


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its manifest and its configuration."""

    folder: Path
    record: RunRecord
    config: JsonObject
    """Empty where `config_reason` says why there is none."""
    config_reason: str


def find_run(word: str, *, runs_root: Path) -> Run:
    """The run with this folder, id or beginning of an id; raises ConfigError if not exactly one."""
    folder = Path(word)
    if not (folder / RUN_FILE).is_file():
        folder = _find_folder(word, runs_root)
    config = read_config(folder)
    return Run(
        folder,
        read_run(folder.resolve().name, folder=folder.resolve().parent),
        {} if isinstance(config, str) else config,
        config if isinstance(config, str) else "",
    )


def _find_folder(word: str, runs_root: Path) -> Path:
    folders = sorted(path.parent for path in runs_root.glob(f"*/*/{RUN_FILE}"))
    exact = [folder for folder in folders if folder.name == word]
    matches = exact or [folder for folder in folders if folder.name.startswith(word)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(str(folder.relative_to(runs_root)) for folder in matches)
        raise ConfigError(f"run {word!r} may be any of {names}; give more of it, or its folder")
    raise ConfigError(
        f"run {word!r}: no folder with a {RUN_FILE}, and no run of {runs_root} begins so"
        + suggestion(word, (folder.name for folder in folders))
    )
