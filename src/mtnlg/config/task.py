"""What a data set is: where its text comes from, which columns to read, and how a model is asked
for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from mtnlg.config.checks import Count, Positive, ShareOrAll, check_fields, require

PARQUET_REVISION = "refs/convert/parquet"
"""The hub's own Parquet copy of a data set; `datasets` no longer runs scripts of data sets."""
RESERVED_PROMPTS = ("pad", "sep", "eos")
"""Names of the tokenizer's own special tokens."""


class TaskKind(Enum):
    """What is done with the text."""

    translation = "translation"
    summarization = "summarization"
    dialogue = "dialogue"
    language_modeling = "language_modeling"
    """Plain text: rows have an empty source, and their reference is the text."""


USUAL_METRICS = {
    TaskKind.translation: "bleu",
    TaskKind.summarization: "rougeL",
    TaskKind.dialogue: "rougeL",
}
"""The main metric of a task that names none."""


class ResponseTurns(Enum):
    """Which turns of a dialogue become responses."""

    all = "all"
    last = "last"


@dataclass(kw_only=True)
class KnownContamination:
    """A published count of rows of a data set that are in training data too."""

    held_out: list[str] = field(default_factory=list)
    """Splits whose rows were looked up; empty: repeats inside `training`."""
    training: list[str] = field(default_factory=lambda: ["train"])
    """Splits that were searched; those of another data set with its folder, as in
    dialogue/dailydialog/train.
    """
    claim: str
    """What was counted, in words."""
    count: int | None = None
    """None: nobody has published it."""
    measure: str
    """The audit's name of the same count."""
    others_measure: str | None = None
    """A row of corpus.known_contamination.RULES, where others count in another way."""
    remark: str = ""


@dataclass(kw_only=True)
class TaskConfig:
    """One data set; its name is its key in `tasks`. A data set of a known shape needs no more than
    these values.
    """

    kind: TaskKind
    reader: str
    """Row of corpus.sources.readers.READERS: the shape of one record."""
    source_language: str
    """ISO 639-1 code."""
    target_language: str | None = None
    """ISO 639-1 code; None: the source language."""
    hub: str | None = None
    """Hugging Face hub id, read when `data_root` does not hold the folder."""
    hub_config: str | None = None
    """The hub data set's configuration, where it has several."""
    revision: str | None = None
    """Full commit hash (or tag) of the hub data set; asked for wherever `hub` is given."""
    hub_folder: str | None = None
    """Folder of the hub data set to read alone: refs/convert/parquet keeps each configuration in a
    folder of its own, and knows none by name.
    """
    streaming: bool = False
    """Read the hub data set over the network record by record, as far as `max_train_rows` asks for,
    instead of downloading it first. Local files are always read so.
    """
    folder: str | None = None
    """Folder with <split>.jsonl, .tsv, .csv, .parquet or .txt files, or with parallel
    <split>.<language> files, below `data_root` or absolute; all but Parquet also as .gz.
    """
    columns: dict[str, str] = field(default_factory=dict)
    """What the reader needs -> the record's column; a dot goes into a nested object
    (`translation.en`).
    """
    prompt: str | None = None
    """The marker that opens each example; tasks with the same marker are one task to the model.
    None: from kind and languages."""
    train_split: str | None = "train"
    """None: the data set is for tests only."""
    validation_split: str | None = "validation"
    """Split for the validation loss and the choice of the checkpoint."""
    test_sets: list[str] = field(default_factory=lambda: ["test"])
    """Splits that are decoded and scored; one board each. Empty for language modeling, whose
    text answers nothing.
    """
    main_metric: str | None = None
    """Metric that its boards are ranked by and checkpoints are chosen by: any row of
    evaluation.METRICS of which more or less is better. None: BLEU for translation, ROUGE-L for
    summarization and dialogue, and the loss alone for language modeling.
    """
    weight: Positive = 1.0
    """How often each training example is shown in one epoch, on average."""
    max_train_rows: Count | None = None
    """Training rows read at most, in file order; None: all."""
    response_turns: ResponseTurns = ResponseTurns.all
    """dialogue_turns only: which turns are responses."""
    max_context_turns: Count | None = None
    """dialogue_turns and context_response only: turns of context kept, counted from the response;
    None: all.
    """

    known_contamination: list[KnownContamination] = field(default_factory=list, compare=False)
    """What others counted: shown and counted again, and no part of a key or a frozen file."""

    def __post_init__(self) -> None:
        check_fields(self, "tasks.*.")
        if self.kind is TaskKind.language_modeling:
            allowed = "[] for language_modeling, which has no outputs to score"
            require(not self.test_sets, "tasks.*.test_sets", self.test_sets, allowed)
            allowed = "null for language_modeling, which has no outputs to score"
            require(self.main_metric is None, "tasks.*.main_metric", self.main_metric, allowed)
        else:
            require(bool(self.test_sets), "tasks.*.test_sets", self.test_sets, "at least one split")
            self.main_metric = self.main_metric or USUAL_METRICS[self.kind]
        for split in [*self.test_sets, self.train_split or "train", self.validation_split or "x"]:
            is_safe = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", split) is not None
            require(
                is_safe, "tasks.*.test_sets", split, "a name of letters, digits, '_', '-' and '.'"
            )
        if self.prompt is not None:
            is_name = re.fullmatch(r"[A-Za-z0-9_]{1,80}", self.prompt) is not None
            require(
                is_name and self.prompt not in RESERVED_PROMPTS,
                "tasks.*.prompt",
                self.prompt,
                f"a name of letters, digits and '_', and not {', '.join(RESERVED_PROMPTS)}",
            )
        self._check_hub()

    def _check_hub(self) -> None:
        if self.hub is None:
            for name in ("hub_config", "hub_folder"):
                value = getattr(self, name)
                require(value is None, f"tasks.*.{name}", value, "left out where tasks.*.hub is")
            require(not self.streaming, "tasks.*.streaming", "true", "false without a tasks.*.hub")
            return
        require(
            self.revision is not None,
            "tasks.*.revision",
            self.revision,
            f"the commit of {self.hub} to read: an unpinned data set cannot be reproduced",
        )
        require(
            self.hub_config is None
            or (self.hub_folder is None and self.revision != PARQUET_REVISION),
            "tasks.*.hub_config",
            self.hub_config,
            f"left out with a hub_folder and at {PARQUET_REVISION}, which has a folder for each "
            f"configuration, as in hub_folder: {self.hub_config}",
        )

    @property
    def output_language(self) -> str:
        """The language of the references."""
        return self.target_language or self.source_language

    @property
    def marker(self) -> str:
        """The special token that opens each example of this task."""
        languages = [self.source_language]
        if self.output_language != self.source_language:
            languages.append(self.output_language)
        return f"<{self.prompt or '_'.join([self.kind.value, *languages])}>"


@dataclass(kw_only=True)
class CleaningConfig:
    """What is repaired in a text, and when a row is dropped instead; every drop is counted in
    audit.json.
    """

    repair_unicode: bool = True
    """Mojibake and broken surrogates by ftfy, with its changes to width and quotes off: they
    rewrite Chinese.
    """
    strip_control: bool = True
    """Control, byte-order and zero-width characters, except line feeds and the joiners that scripts
    and emoji need.
    """
    normalize_space: bool = True
    """Runs of spaces, tabs and no-break spaces become one space; blank lines go."""
    max_characters: Count = 20_000
    """Longest source or target kept."""
    max_bad_share: ShareOrAll = 0.0
    """Share of the lines of a file that may be unreadable before the stage fails; they are
    quarantined and counted.
    """

    def __post_init__(self) -> None:
        check_fields(self, "cleaning.")
