"""Data sets: where their text comes from, how it is read and cleaned, and what it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from mtnlg.config.checks import Count, Positive, ShareOrAll, check_fields, require
from mtnlg.config.system import InstructionConfig

PARQUET_REVISION = "refs/convert/parquet"
"""The hub's own Parquet copy of a data set; `datasets` no longer runs scripts of data sets."""
RESERVED_PROMPTS = ("pad", "sep", "eos")
"""Names of the tokenizer's own special tokens."""


class TaskKind(Enum):
    """What a model does with the text."""

    translation = "translation"
    """Into another language."""
    summarization = "summarization"
    """Into a shorter text."""
    dialogue = "dialogue"
    """The next turn of a conversation."""
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
    """Each turn after the first."""
    last = "last"
    """Only the last turn."""


@dataclass(kw_only=True)
class KnownContamination:
    """A published count of rows of a data set that are in training data too."""

    held_out: list[str] = field(default_factory=list)
    """Splits whose rows were looked up; empty: repeats within `training`."""
    training: list[str] = field(default_factory=lambda: ["train"])
    """Splits that were searched, or `<kind>/<name>/<split>` of another data set."""
    claim: str
    """What was counted, in words."""
    count: int | None = None
    """The number of such rows. None: not published."""
    measure: str
    """The audit's name for the same count."""
    others_measure: str | None = None
    """Row of corpus.known_contamination.RULES, if others count in another way."""
    remark: str = ""
    """What else a reader of the count must know."""


@dataclass(kw_only=True)
class TaskConfig:
    """One data set; its name is its key in `tasks`."""

    kind: TaskKind
    """What a model does with the text; it chooses metrics and baselines."""
    reader: str
    """The shape of one record."""
    source_language: str
    """ISO 639 code, as en or yue."""
    target_language: str | None = None
    """ISO 639 code; None: the source language."""
    hub: str | None = None
    """Hugging Face hub id, read when `data_root` does not hold the folder."""
    hub_config: str | None = None
    """The hub data set's configuration, where it has several."""
    revision: str | None = None
    """Full commit hash (or tag) of the hub data set; required with `hub`."""
    hub_folder: str | None = None
    """The only hub folder to read: refs/convert/parquet has one for each configuration."""
    streaming: bool = False
    """Read the hub data set record by record, up to `max_train_rows`, without downloading it first.
    Local files are always read this way.
    """
    folder: str | None = None
    """Folder with `<split>.jsonl`, .tsv, .csv, .parquet or .txt files, or with parallel
    `<split>.<language>` files; absolute or in `data_root`. All but Parquet can be .gz.
    """
    columns: dict[str, str] = field(default_factory=dict)
    """Field of the reader -> column of the record; a dot leads into an object: translation.en."""
    prompt: str | None = None
    """The marker that opens each example; tasks with the same marker are one task to the model.
    None: from kind and languages.
    """
    train_split: str | None = "train"
    """Split to train on. None: the data set is for tests only."""
    validation_split: str | None = "validation"
    """Split for the validation loss and the choice of the checkpoint."""
    test_sets: list[str] = field(default_factory=lambda: ["test"])
    """Splits to decode and score, one board each. Empty for language modeling."""
    main_metric: str | None = None
    """Metric that ranks its boards and chooses checkpoints: one that has a better direction. None:
    BLEU for translation, ROUGE-L for summarization and dialogue, and only the loss for language
    modeling.
    """
    weight: Positive = 1.0
    """How often each training example is shown in one epoch, on average."""
    max_train_rows: Count | None = None
    """Most training rows to read, in file order; None: all, or 5,000 of a built-in task."""
    response_turns: ResponseTurns = ResponseTurns.all
    """dialogue_turns only: which turns are responses."""
    max_context_turns: Count | None = None
    """dialogue_turns and context_response only: turns kept before the response; None: all."""
    license: str | None = field(default=None, compare=False)
    """Of the data, for model cards. None: not known."""
    instruction: InstructionConfig | None = field(default=None, compare=False)
    """What a system that was not trained on the task is asked; no part of anything without one."""
    known_contamination: list[KnownContamination] = field(default_factory=list, compare=False)
    """What others counted: to count again; no part of any key or frozen configuration."""

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
        allowed = f"the commit of {self.hub} to read: an unpinned data set cannot be reproduced"
        require(self.revision is not None, "tasks.*.revision", self.revision, allowed)
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
    """What is repaired in texts, and which rows are dropped; audit.json counts every drop."""

    repair_unicode: bool = True
    """Repair mojibake and broken surrogates by ftfy, without its changes to width and quotes, which
    rewrite Chinese.
    """
    strip_control: bool = True
    """Remove control, byte-order and zero-width characters, but not line feeds and the joiners that
    scripts and emoji need.
    """
    normalize_space: bool = True
    """Make runs of spaces, tabs and no-break spaces one space, and remove blank lines."""
    max_characters: Count = 20_000
    """Longest source or target kept."""
    max_bad_share: ShareOrAll = 0.0
    """Largest share of unreadable lines in a file; they are counted and put in quarantine."""

    def __post_init__(self) -> None:
        check_fields(self, "cleaning.")
