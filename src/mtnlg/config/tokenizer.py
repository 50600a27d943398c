"""Settings of the tokenizer and of how raw text becomes token arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from mtnlg.config.checks import Count, at_least, check_fields, require


class Algorithm(Enum):
    """How a tokenizer divides text, where it is not byte-level BPE."""

    unigram = "unigram"
    """The most probable pieces of a unigram model (Kudo 2018, arXiv 1804.10959), with bytes for the
    rest. Its trainer sums in no fixed order, so the same rows give another tokenizer: what depends
    on it is keyed by its content.
    """


class Normalizer(Enum):
    """What changes a text for good before it is divided."""

    nfc = "nfc"
    """Canonical composition: what cleaning does anyway."""
    nfkc = "nfkc"
    """Compatibility forms too: a model never writes full-width punctuation and digits."""
    lowercase = "lowercase"
    """A model never writes a capital: cased metrics fall."""


class WordPattern(Enum):
    """What divides text into the words that no token crosses, where it is not the usual pattern."""

    gpt2 = "gpt2"
    """That of GPT-2, which cuts words at combining marks, such as the vowel signs of Hindi."""


@dataclass(kw_only=True)
class TokenizerConfig:
    """Byte-level BPE (Radford et al. 2019), or another algorithm, trained on the train splits."""

    vocabulary_size: Annotated[int, at_least(300)] = 8_000
    """Tokens, special ones included; at least the 256 bytes and the special tokens."""
    min_frequency: Count = 2
    """Pairs rarer than this are not merged; BPE only."""
    algorithm: Algorithm | None = None
    """How text is divided. None: byte-level BPE."""
    normalizer: Normalizer | None = None
    """What changes text for good before it is divided. None: nothing."""
    pattern: WordPattern | None = None
    """What divides text into words. None: GPT-2's pattern with combining marks as letters, which is
    the same in texts without marks.
    """
    tasks: list[str] | None = None
    """Tasks (keys of `tasks`) whose training rows it learns from; None: all. All tasks use it."""
    temperature: Annotated[float, at_least(1)] | None = None
    """A task gives rows in proportion to their number ** (1 / temperature), so that small tasks
    count more (Arivazhagan et al. 2019). None: all rows, as 1 does.
    """
    max_training_rows: Count | None = None
    """Most rows that it learns from, evenly spread over each task. None: all, which for text
    without spaces takes some fifty times its bytes in memory.
    """

    def __post_init__(self) -> None:
        check_fields(self, "tokenizer.")
        if self.algorithm is Algorithm.unigram:
            default = TokenizerConfig.min_frequency
            require(
                self.min_frequency == default,
                "tokenizer.min_frequency",
                self.min_frequency,
                f"left at {default} where tokenizer.algorithm=unigram: it has no merges to bound",
            )
        if self.tasks is not None:
            require(bool(self.tasks), "tokenizer.tasks", self.tasks, "null, or at least one task")


@dataclass(kw_only=True)
class PreparationConfig:
    """How preparation is spread over processes; it changes no result."""

    num_workers: Count = 1
    """Processes that clean, hash and encode, some 100 MB each; 1: only the run's own."""

    def __post_init__(self) -> None:
        check_fields(self, "preparation.")
