"""Systems that learn nothing, or next to nothing: what a board is read against.

Refuses to know: metrics. Each baseline is one function and one row in BASELINES; all are
deterministic.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtnlg.config import TaskConfig, TaskKind
from mtnlg.errors import DataError
from mtnlg.evaluation.retrieval import SourceIndex
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Prediction, Row, read_rows
from mtnlg.text.scripts import IDEOGRAPH

Baseline = Callable[[Sequence[Row], Sequence[Row], str, str], list[str]]
"""Training rows, test rows, name of the TaskKind, source language -> one output per test row."""

SENTENCE_END = re.compile(r"""[.!?…؟۔।॥]+["'”’»)\]]*(?=\s|$)|[。！？｡]+["'”’」』）]*|(?=\n)""")
"""Where a sentence ends: Western marks before a space (not in 3.14), Chinese ones anywhere, and at
each line's end."""

SPEAKER = re.compile(r"[^\s:：][^:：]{0,39}[:：]")
"""How each line of a dialogue begins, where a dialogue is the document: a name and a colon."""

PIECE = re.compile(rf"\s*(?:{IDEOGRAPH.pattern}|(?:(?!{IDEOGRAPH.pattern})\S)+)")
"""What openings grow by: an ideograph or kana, or a run of other characters, with the space before.
"""

SMALLEST_SHARE = 0.1
"""Share of the targets with one opening that must go on alike for it to grow; below it lie the
words that differ from topic to topic."""


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


def lead_3(train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str) -> list[str]:
    """The source up to the end of its third sentence, the summary to beat for news (See et al.
    2017); of a dialogue the first three turns, which are lines.
    """
    return [split_lead(row.source, 3) for row in test]


def common_opening(
    train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str
) -> list[str]:
    """How targets most commonly begin, for every row: what a system gets for form alone.

    The opening grows piece by piece: by the commonest next one among the training targets that
    share it so far, the first to occur among equals. It stops before a piece that less than
    SMALLEST_SHARE of these, or a single one, go on with, and where most of them end.
    """
    targets = [target for row in _some(train, "common_opening") for target in row.references]
    return [_grow_opening([PIECE.findall(target) for target in targets])] * len(test)


def random_training_target(
    train: Sequence[Row], test: Sequence[Row], kind: str, source_language: str
) -> list[str]:
    """A training target drawn for each row, with the row's place as the seed: fluent and about
    something else.
    """
    targets = [
        target for row in _some(train, "random_training_target") for target in row.references
    ]
    return [
        targets[int(random.Random(place).random() * len(targets))] for place in range(len(test))
    ]


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
    "lead_3": lead_3,
    "common_opening": common_opening,
    "random_training_target": random_training_target,
    "most_frequent_target": most_frequent_target,
    "nearest_training_source": nearest_training_source,
}

FOR_SUMMARIES = ("first_sentence", "lead_3")
NEEDS_TRAINING_ROWS = (
    *("common_opening", "random_training_target"),
    *("most_frequent_target", "nearest_training_source"),
)


def baselines_for(kind: str, *, has_training_rows: bool = True) -> list[str]:
    """The baselines that make sense for a kind of task.

    First sentences are a summary, but neither a translation nor an answer.
    """
    has_lead = TaskKind(kind) is TaskKind.summarization
    return [
        name
        for name in BASELINES
        if (has_lead or name not in FOR_SUMMARIES)
        and (has_training_rows or name not in NEEDS_TRAINING_ROWS)
    ]


def write_baseline(
    path: Path,
    name: str,
    task: TaskConfig,
    test_file: Path,
    *,
    tags: Mapping[str, tuple[str, ...]],
) -> None:
    """The predictions of one baseline for a file of rows; train.jsonl lies beside that file where
    the task has training rows. Tags are by row id.
    """
    test = list(read_rows(test_file))
    train = list(read_rows(test_file.with_name("train.jsonl"))) if task.train_split else []
    texts = BASELINES[name](train, test, task.kind.value, task.source_language)
    predictions = (
        Prediction(row.id, row.source, row.references, text, tags[row.id]).to_json()
        for row, text in zip(test, texts, strict=True)
    )
    write_jsonl(path, predictions)


def split_first_sentence(text: str) -> str:
    """The text up to and with its first mark of a sentence's end; all of it where there is none."""
    return _split_sentences(text.strip(), 1)


def split_lead(text: str, num_parts: int) -> str:
    """The first sentences of a text; the first lines where each line begins with a speaker."""
    lines = text.strip().split("\n")
    if len(lines) > 1 and all(SPEAKER.match(line) for line in lines):
        return "\n".join(lines[:num_parts])
    return _split_sentences(text.strip(), num_parts)


def _split_sentences(text: str, num_sentences: int) -> str:
    end = 0
    for _ in range(num_sentences):
        num_spaces = len(text[end:]) - len(text[end:].lstrip())
        found = SENTENCE_END.search(text, end + num_spaces)
        if found is None:
            return text
        end = found.end()
    return text[:end]


def _grow_opening(targets: Sequence[Sequence[str]]) -> str:
    """The commonest opening of targets that are cut into pieces; at least one piece."""
    opening: list[str] = []
    while True:
        place = len(opening)
        counts = Counter(target[place] if place < len(target) else None for target in targets)
        ((piece, count),) = counts.most_common(1)
        is_shared = count >= max(2, SMALLEST_SHARE * len(targets))
        if piece is None or (opening and not is_shared):
            return "".join(opening).strip()
        opening.append(piece)
        targets = [target for target in targets if target[place : place + 1] == [piece]]


def _some(train: Sequence[Row], name: str) -> Sequence[Row]:
    if not train:
        raise DataError(
            f"baseline {name} needs training rows and there are none; set tasks.*.train_split or "
            "leave it out"
        )
    return train
