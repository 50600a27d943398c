"""What is behind each item of the raters' sheets: `key.json`, which raters must not see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import yaml

from mtnlg.errors import ArtifactError
from mtnlg.records.codec import decode
from mtnlg.records.files import read_json, write_json

KEY_FILE = "key.json"


@dataclass(frozen=True, slots=True)
class Question:
    """What raters are asked of every output."""

    name: str
    text: str
    lowest: str
    """What the least answer means."""
    highest: str


QUESTIONS = {
    name: Question(name, **question)
    for name, question in yaml.safe_load(
        (resources.files("mtnlg.ratings") / "questions.yaml").read_text(encoding="utf-8")
    ).items()
}
"""Questions that have a name; any other is asked as it is written."""


@dataclass(frozen=True, slots=True)
class KeySystem:
    """One system that was rated, and the artifact keys of its outputs and their scores."""

    label: str
    kind: str
    predictions: str
    scores: str | None


@dataclass(frozen=True, slots=True)
class KeyOutput:
    """One text to rate: its row of the test set, and the systems that gave it."""

    row: str
    systems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a rater's sheet."""

    output: int
    """The index of the output in the key."""
    is_repeat: bool
    """Whether the rater has had it before: it only measures self-consistency."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """Everything needed to understand the answers."""

    experiment: str
    task: str
    test_set: str
    language: str
    question: Question
    scale: tuple[int, int]
    """Least and greatest answer; all whole numbers between them are answers too."""
    seed: int
    raters_per_item: int
    systems: tuple[KeySystem, ...]
    outputs: tuple[KeyOutput, ...]
    sheets: Mapping[str, tuple[Entry, ...]]
    """Rater -> the entries of the sheet, in its order."""

    @property
    def export(self) -> str:
        """A short name of this export. All its item numbers begin with it, so that sheets of two
        exports cannot be confused.
        """
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:6]

    @property
    def items(self) -> dict[str, tuple[str, Entry]]:
        """Item number -> the rater whose sheet has it, and its entry."""
        export = self.export
        return {
            item_number(export, rater, position): (rater, entry)
            for rater, entries in self.sheets.items()
            for position, entry in enumerate(entries, start=1)
        }

    @property
    def rows(self) -> list[str]:
        """The rows that were rated, once each."""
        return list(dict.fromkeys(output.row for output in self.outputs))

    def to_json(self) -> dict[str, object]:
        """The document, with the row and systems of every item spelled out for people."""
        items = {
            item: {
                "rater": rater,
                "output": entry.output,
                "row": self.outputs[entry.output].row,
                "systems": self.outputs[entry.output].systems,
                "is_repeat": entry.is_repeat,
            }
            for item, (rater, entry) in self.items.items()
        }
        return {"export": self.export, **asdict(self), "items": items}


def item_number(export: str, rater: str, position: int) -> str:
    """An item's name on a rater's sheet, which no spreadsheet takes for a number."""
    return f"{export}-{rater}-{position:03d}"


def write_key(folder: Path, key: Key) -> None:
    """Write key.json."""
    write_json(folder / KEY_FILE, key.to_json())


def read_key(folder: Path) -> Key:
    """The key in a folder of sheets; raises ArtifactError where it is missing or was changed."""
    path = folder / KEY_FILE
    document = read_json(path)
    try:
        key = decode(document, Key)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}; export the ratings again") from None
    if key.export != document.get("export"):
        raise ArtifactError(
            f"{path}: was changed since it was written, so that its items cannot be trusted; "
            "bring back the file that was exported with the sheets"
        )
    return key
