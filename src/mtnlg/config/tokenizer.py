"""Settings of the tokenizer and of how raw text becomes token arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from mtnlg.config.checks import Count, at_least, check_fields, require


class Algorithm(Enum):
    """How a tokenizer divides text, where it is not byte-level BPE."""

    unigram = "unigram"
    """The most probable pieces of a unigram model (Kudo 2018, arXiv 1804.10959), over bytes too, so
    that any text comes back. The package that trains it sums in no fixed order: made again from the
    same rows it is another tokenizer, so what depends on it is known by its content.
    """


class Normalizer(Enum):
    """What is done to a text before it is divided, and cannot be undone: text comes back as the
    normalizer left it.
    """

    nfc = "nfc"
    """Canonical composition: what cleaning does anyway."""
    nfkc = "nfkc"
    """Compatibility forms as well: it rewrites Chinese punctuation and full-width digits, so that a
    model never writes them.
    """
    lowercase = "lowercase"
    """A model never writes a capital: cased metrics fall."""


@dataclass(kw_only=True)
class TokenizerConfig:
    """Byte-level BPE (Radford et al. 2019), or another algorithm, trained on the train splits of
    the chosen tasks.
    """

    vocabulary_size: Annotated[int, at_least(300)] = 8_000
    """Tokens, special ones included; at least the 256 bytes and the special tokens."""
    min_frequency: Count = 2
    """Pairs rarer than this are not merged; BPE only."""
    algorithm: Algorithm | None = None
    """None: byte-level BPE."""
    normalizer: Normalizer | None = None
    """None: text stays what it is."""
    tasks: list[str] | None = None
    """Tasks (keys of `tasks`) whose training rows it learns from; None: all. One model has one
    vocabulary, so all tasks use it.
    """
    temperature: Annotated[float, at_least(1)] | None = None
    """A task gives rows in proportion to their number to the power of 1/temperature, so that a
    large one does not swallow a small one (Arivazhagan et al. 2019); the more, the more equal.
    None: all rows, as 1 does.
    """
    max_training_rows: Count | None = None
    """Rows that it learns from at most, evenly spread over each task's. None: all, which for text
    without spaces needs some fifty times its bytes of memory.
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
    """How the work of preparing is spread; nothing here changes a result."""

    num_workers: Count = 1
    """Processes that clean, hash and encode, some 100 MB each; 1: none beside the run's own, which
    alone reads raw records.
    """

    def __post_init__(self) -> None:
        check_fields(self, "preparation.")
