"""The built-in corpus: three tasks about one small world, generated without files or network.

Two fillers of an example, such as a person and a thing, decide its split by their hash, whatever
the task and seed. The training split never has a combination of the test split, although it has
each of its words: a model that only memorizes sentences scores low.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mtnlg.corpus.builtin.templates import (
    Dice,
    Draft,
    draw_dialogue,
    draw_summarization,
    draw_translation,
)
from mtnlg.errors import ConfigError
from mtnlg.records.rows import Row

KINDS: Mapping[str, Callable[[Dice], Draft]] = {
    "translation": draw_translation,
    "summarization": draw_summarization,
    "dialogue": draw_dialogue,
}
SPLITS = ("train", "validation", "test")

_PERCENT_TEST = 10
_PERCENT_VALIDATION = 6
_MAX_FAILED_DRAWS = 5000
"""Successive draws without a new row, after which the split is exhausted."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row with the fillers that decided its split."""

    row: Row
    combination: tuple[str, ...]


def generate_rows(kind: str, split: str, *, num_rows: int, seed: int = 1) -> list[Row]:
    """The first `num_rows` rows of a split; raises ConfigError like `generate_examples`."""
    return [example.row for example in generate_examples(kind, split, num_rows=num_rows, seed=seed)]


def generate_examples(kind: str, split: str, *, num_rows: int, seed: int = 1) -> list[Example]:
    """The first `num_rows` examples of a split, without repeated sources.

    A smaller `num_rows` gives a prefix. Raises ConfigError for an unknown kind or split, and for
    less than 1 row or more rows than there are.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}")
    if split not in SPLITS:
        raise ConfigError(f"split is {split!r}; choose one of {', '.join(SPLITS)}")
    if num_rows < 1:
        raise ConfigError(f"num_rows is {num_rows}; ask for at least 1 row")
    drafts = _draw_new_drafts(kind, split, seed=seed)
    examples = [
        Example(Row(f"{split}-{index}", draft.source, (draft.reference,)), draft.combination)
        for index, draft in zip(range(num_rows), drafts, strict=False)
    ]
    if len(examples) < num_rows:
        raise ConfigError(
            f"num_rows is {num_rows}, but the {split} split of the built-in {kind} corpus "
            f"has about {len(examples)} rows; ask for fewer"
        )
    return examples


def split_of(combination: tuple[str, ...]) -> str:
    """The split of a combination, whatever the seed and kind."""
    digest = hashlib.sha256("\n".join(combination).encode()).digest()
    percentile = int.from_bytes(digest[:8], "big") % 100
    if percentile < _PERCENT_TEST:
        return "test"
    return "validation" if percentile < _PERCENT_TEST + _PERCENT_VALIDATION else "train"


def _draw_new_drafts(kind: str, split: str, *, seed: int) -> Iterator[Draft]:
    """Drafts of the split with new sources, until the split is exhausted."""
    draw = KINDS[kind]
    dice = Dice(kind, split, seed)
    seen: set[str] = set()
    num_failed = 0
    while num_failed < _MAX_FAILED_DRAWS:
        draft = draw(dice)
        num_failed += 1
        if split_of(draft.combination) == split and draft.source not in seen:
            seen.add(draft.source)
            num_failed = 0
            yield draft
