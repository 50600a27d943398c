"""Systems that learn nothing, or next to nothing: what a board is read against.

Refuses to know: metrics. Each baseline is one function and one row in BASELINES; all are
deterministic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from mtnlg.config import TaskKind
from mtnlg.errors import DataError
from mtnlg.evaluation.retrieval import SourceIndex
from mtnlg.records import Row

Baseline = Callable[[Sequence[Row], Sequence[Row], str, str], list[str]]
"""Training rows, test rows, name of the TaskKind, source language -> one output per test row."""

SENTENCE_END = re.compile(r"""[.!?…؟۔।॥]+["'”’»)\]]*(?=\s|$)|[。！？｡]+["'”’」』）]*|(?=\n)""")
"""Where a sentence ends: Western marks before a space (not in 3.14), Chinese ones anywhere, and at
each line's end."""


def copy_source(
    train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str
) -> list[str]:
    """The source itself; in a dialogue its last turn, which is its last line."""
    if TaskKind(kind) is TaskKind.dialogue:
        return [row.source.strip().rsplit("\n", maxsplit=1)[-1] for row in test]
    return [row.source for row in test]


def first_sentence(
    train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str
) -> list[str]:
    """The source up to the end of its first sentence: lead-1 of the summarization literature."""
    return [split_first_sentence(row.source) for row in test]


def most_frequent_target(
    train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str
) -> list[str]:
    """The commonest training target for every row: what ignoring the source gives.

    Among equals the first to occur.
    """
    counts = Counter(
        target for row in _some(train, "most_frequent_target") for target in row.references
    )
    return [max(counts, key=counts.__getitem__)] * len(test)


def nearest_training_source(
    train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str
) -> list[str]:
    """A target of the training row with the most similar source: what copying from memory gives."""
    rows = _some(train, "nearest_training_source")
    index = SourceIndex([row.source for row in rows], language=source_language)
    return [
        rows[nearest].references[0] for nearest in index.find_nearest([row.source for row in test])
    ]


BASELINES: dict[str, Baseline] = {
    "copy_source": copy_source,
    "first_sentence": first_sentence,
    "most_frequent_target": most_frequent_target,
    "nearest_training_source": nearest_training_source,
}

NEEDS_TRAINING_ROWS = ("most_frequent_target", "nearest_training_source")


def baselines_for(kind: str, *, has_training_rows: bool = True) -> list[str]:
    """The baselines that make sense for a kind of task.

    A first sentence is a summary, but neither a translation nor an answer.
    """
    has_lead = TaskKind(kind) is TaskKind.summarization
    return [
        name
        for name in BASELINES
        if (has_lead or name != "first_sentence")
        and (has_training_rows or name not in NEEDS_TRAINING_ROWS)
    ]


def split_first_sentence(text: str) -> str:
    """The text up to and with its first mark of a sentence's end; all of it where there is none."""
    text = text.strip()
    found = SENTENCE_END.search(text)
    return text if found is None else text[: found.end()]


def _some(train: Sequence[Row], name: str) -> Sequence[Row]:
    if not train:
        raise DataError(
            f"baseline {name} needs training rows and there are none; set tasks.*.train_split or "
            "leave it out"
        )
    return train
