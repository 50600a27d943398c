"""How a task's text becomes the ids that a model reads: marker, source cut to fit, separator.

One sequence is `<marker> source <sep> target <eos>`. Documents lose their end, dialogues their
oldest turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.errors import ArtifactError
from mtnlg.records.files import JsonObject
from mtnlg.tokenization.tokenizer import TextTokenizer

NUM_SPECIAL = 3
"""Marker, separator, end."""


@dataclass(frozen=True, slots=True)
class TaskPrompt:
    """What a model folder remembers of a task, in tasks.json."""

    name: str
    kind: TaskKind
    source_language: str
    target_language: str
    marker: str
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)

    @classmethod
    def of(cls, title: str, task: TaskConfig, cleaning: CleaningConfig) -> TaskPrompt:
        """The prompt of a configured task; `title` is its full name, kind/name."""
        return cls(
            title, task.kind, task.source_language, task.output_language, task.marker, cleaning
        )

    def to_json(self) -> JsonObject:
        return {**asdict(self), "kind": self.kind.value}

    @classmethod
    def from_json(cls, record: JsonObject) -> TaskPrompt:
        """Raises ArtifactError where the record is not a task of this version."""
        try:
            cleaning = CleaningConfig(**record["cleaning"])  # type: ignore[arg-type]
            values = {**record, "kind": TaskKind(record["kind"]), "cleaning": cleaning}
            return cls(**values)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"tasks.json: {record.get('name')!r} is no task of this version ({error})"
            ) from None


@dataclass(frozen=True, slots=True)
class PromptBuilder:
    """Builds prompts for one model's context."""

    tokenizer: TextTokenizer
    context_length: int

    def source_room(self, output_length: int) -> int:
        """Source tokens that fit beside this many tokens of output; at least half of the context
        goes to the source.
        """
        return max(
            self.context_length - NUM_SPECIAL - output_length,
            self.context_length // 2 - NUM_SPECIAL,
        )

    def build(
        self, source_ids: Sequence[int], task: TaskPrompt, *, output_length: int
    ) -> tuple[list[int], int]:
        """Prompt ids, `<marker> source <sep>`, and how many source tokens were cut to fit; of a
        language model `<marker> <sep> text`, the text being the beginning of the target.
        """
        kept = cut_source(source_ids, task.kind, self.source_room(output_length))
        if task.kind is TaskKind.language_modeling:
            opening = [self.tokenizer.marker_id(task.marker), self.tokenizer.separator_id]
            return [*opening, *kept], len(source_ids) - len(kept)
        ids = [self.tokenizer.marker_id(task.marker), *kept, self.tokenizer.separator_id]
        return ids, len(source_ids) - len(kept)


def cut_source(source_ids: Sequence[int], kind: TaskKind, room: int) -> Sequence[int]:
    """The source's beginning, or for a dialogue and a text to continue its end, in at most `room`
    tokens.
    """
    if len(source_ids) <= room:
        return source_ids
    keeps_end = kind in (TaskKind.dialogue, TaskKind.language_modeling)
    return source_ids[len(source_ids) - room :] if keeps_end else source_ids[:room]
