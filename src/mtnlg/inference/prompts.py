"""The layout of a sequence, `<marker> source <sep> target <eos>`: how it is cut to fit the context,
and where its labels are. Training, decoding and likelihoods all build their sequences here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.errors import ArtifactError
from mtnlg.records.codec import decode_settings
from mtnlg.records.files import JsonObject, read_json, write_json
from mtnlg.tokenization.tokenizer import TextTokenizer

NUM_AROUND_SOURCE = 2
"""Tokens of a prompt that are not its source: marker and separator."""
NUM_SPECIAL = NUM_AROUND_SOURCE + 1
"""Marker, separator, end."""

Lengths = NDArray[np.int64]
Tokens = Sequence[int] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class TaskPrompt:
    """What a model folder stores about a task, in tasks.json."""

    name: str
    kind: TaskKind
    source_language: str
    target_language: str
    marker: str
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    license: str | None = None
    """Of its data. None: not known."""

    @classmethod
    def of(cls, title: str, task: TaskConfig, cleaning: CleaningConfig) -> TaskPrompt:
        """The prompt of a configured task with the full name `title`, kind/name."""
        return cls(
            title,
            task.kind,
            task.source_language,
            task.output_language,
            task.marker,
            cleaning,
            task.license,
        )

    def to_json(self) -> JsonObject:
        document: JsonObject = msgspec.to_builtins(self)
        return document

    @classmethod
    def from_json(cls, record: object) -> TaskPrompt:
        """Raises ArtifactError if the record is not a task of this version."""
        try:
            return decode_settings(record, cls)
        except ArtifactError as error:
            name = record.get("name") if isinstance(record, dict) else record
            raise ArtifactError(
                f"tasks.json: {name!r} is no task of this version ({error})"
            ) from None


def read_tasks(path: Path) -> tuple[dict[str, TaskPrompt], str]:
    """The tasks of tasks.json by full name, and the name of the default."""
    document = read_json(path)
    records, default_task = document.get("tasks"), document.get("default_task")
    if not isinstance(records, list) or not isinstance(default_task, str):
        raise ArtifactError(f"{path}: expected a list 'tasks' and a name 'default_task'")
    prompts = [TaskPrompt.from_json(record) for record in records]
    return {prompt.name: prompt for prompt in prompts}, default_task


def write_tasks(path: Path, tasks: dict[str, TaskPrompt], default_task: str) -> None:
    """Write tasks.json."""
    prompts = [prompt.to_json() for prompt in tasks.values()]
    write_json(path, {"default_task": default_task, "tasks": prompts})


@dataclass(frozen=True, slots=True)
class PromptBuilder:
    """Builds prompts, and the sequences that begin with them, for one model's context."""

    tokenizer: TextTokenizer
    context_length: int
    marker_ids: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    def longest_target(self, kind: TaskKind) -> int:
        """The most target tokens: half of the context, or all of it without a source."""
        if kind is TaskKind.language_modeling:
            return self.context_length - NUM_SPECIAL
        return self.context_length // 2

    def source_rooms(self, target_lengths: Lengths) -> Lengths:
        """Source tokens that fit beside targets of these lengths, at least half of the context."""
        rooms = self.context_length - NUM_SPECIAL - target_lengths
        return np.maximum(rooms, self.context_length // 2 - NUM_SPECIAL)

    def source_room(self, target_length: int) -> int:
        """Source tokens that fit beside one target."""
        return int(self.source_rooms(np.asarray(target_length)))

    def kept_lengths(
        self, source_lengths: Lengths, target_lengths: Lengths, kind: TaskKind
    ) -> tuple[Lengths, Lengths]:
        """The source and target lengths after `sequence` has cut them."""
        targets = np.minimum(target_lengths, self.longest_target(kind))
        return np.minimum(source_lengths, self.source_rooms(targets)), targets

    def build(
        self, source_ids: Sequence[int], task: TaskPrompt, *, output_length: int
    ) -> tuple[list[int], int]:
        """The prompt, `<marker> source <sep>`, and how many source tokens were cut to fit. For a
        language model it is `<marker> <sep> text`, where the text begins the target.
        """
        kept = cut_source(source_ids, task.kind, self.source_room(output_length))
        marker, separator = self._marker_id(task.marker), self.tokenizer.separator_id
        num_cut = len(source_ids) - len(kept)
        if task.kind is TaskKind.language_modeling:
            return [marker, separator, *kept], num_cut
        return [marker, *kept, separator], num_cut

    def sequence(
        self, source_ids: Tokens, target_ids: Tokens, task: TaskPrompt
    ) -> tuple[NDArray[np.int64], int]:
        """The sequence, cut to fit the context, and the length of its prefix, the part before the
        target.
        """
        target = target_ids[: self.longest_target(task.kind)]
        source = cut_source(source_ids, task.kind, self.source_room(len(target)))
        tokenizer, marker = self.tokenizer, self._marker_id(task.marker)
        parts = ([marker], source, [tokenizer.separator_id], target, [tokenizer.end_id])
        return np.concatenate(parts).astype(np.int64), len(source) + NUM_AROUND_SOURCE

    def _marker_id(self, marker: str) -> int:
        if marker not in self.marker_ids:
            self.marker_ids[marker] = self.tokenizer.marker_id(marker)
        return self.marker_ids[marker]


def label_index(prefix_lengths: Sequence[int], lengths: Sequence[int], *, width: int) -> Lengths:
    """(N,) positions in the flattened (B * T), T = `width`, whose next token is a label. All tokens
    after a prefix are labels.
    """
    bounds = enumerate(zip(prefix_lengths, lengths, strict=True))
    return np.concatenate(
        [row * width + np.arange(prefix - 1, length - 1) for row, (prefix, length) in bounds]
    )


def cut_source(source_ids: Tokens, kind: TaskKind, room: int) -> Tokens:
    """At most `room` tokens of a source: the last of a dialogue or of a text to continue, the first
    of anything else.
    """
    if len(source_ids) <= room:
        return source_ids
    keeps_end = kind in (TaskKind.dialogue, TaskKind.language_modeling)
    return source_ids[len(source_ids) - room :] if keeps_end else source_ids[:room]
