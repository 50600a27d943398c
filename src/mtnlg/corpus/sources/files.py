"""The local files of a data set: one folder with a file for each split, or two files for parallel
plain text.
"""

from __future__ import annotations

from pathlib import Path

from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.formats import FORMATS, PACKED_ENDING, WHOLE_FORMATS
from mtnlg.errors import DataError

LISTED_NAMES = 12


def local_folder(task: TaskConfig, data_root: Path | None) -> Path | None:
    """The folder of the local copy, which need not exist; None where none is set.

    Raises DataError where data_root does not exist.
    """
    if task.folder is None:
        return None
    if Path(task.folder).is_absolute():
        return Path(task.folder)
    if data_root is None:
        return None
    if not data_root.is_dir():
        raise DataError(
            f"data_root={data_root}: no such folder; give the folder that holds {task.folder}"
        )
    return data_root / task.folder


def describe_folder(task: TaskConfig, data_root: Path | None) -> str:
    """The start of an error message that says why there is no local copy."""
    folder = local_folder(task, data_root)
    if folder is not None:
        return f"no folder {folder}"
    if task.folder is None:
        return "no local folder (tasks.*.folder is not set)"
    return f"no local folder {task.folder} (data_root is not set)"


def remedy(task: TaskConfig) -> str:
    """How to make a local copy, for error messages."""
    single = ", ".join(f".{ending}" for ending in FORMATS if ending != "jsonl")
    layout = f"<split>.jsonl (or {single})"
    if task.output_language != task.source_language:
        layout += f" or <split>.{task.source_language} + <split>.{task.output_language}"
    if task.folder is not None and Path(task.folder).is_absolute():
        return f"put {layout} into {task.folder}"
    return f"put {layout} into <data_root>/{task.folder or '<tasks.*.folder>'} and set data_root"


def split_files(folder: Path, split: str, task: TaskConfig) -> list[Path]:
    """The file of a split, or the two files of parallel plain text; raises DataError where there is
    none, or a choice of several.
    """
    candidates = [[name] for name in _single_names(split)]
    if task.output_language != task.source_language:
        languages = (task.source_language, task.output_language)
        candidates += [
            [f"{split}.{language}{end}" for language in languages] for end in ("", PACKED_ENDING)
        ]
    matches = [names for names in candidates if all((folder / name).is_file() for name in names)]
    if len(matches) == 1:
        return [folder / name for name in matches[0]]
    if matches:
        choices = ", ".join(" + ".join(names) for names in matches)
        raise DataError(
            f"{folder}: several files for split {split}: {choices}; leave one of them there"
        )
    present = sorted(path.name for path in folder.iterdir() if path.is_file())[:LISTED_NAMES]
    expected = ", ".join(" + ".join(names) for names in candidates)
    raise DataError(
        f"{folder}: no file for split {split}; looked for {expected}; "
        f"the folder has: {', '.join(present) or 'nothing'}; "
        "add the file, or take the split out of train_split, validation_split or test_sets"
    )


def _single_names(split: str) -> list[str]:
    names = []
    for ending in FORMATS:
        names.append(f"{split}.{ending}")
        if ending not in WHOLE_FORMATS:
            names.append(f"{split}.{ending}{PACKED_ENDING}")
    return names
