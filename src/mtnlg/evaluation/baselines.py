"""Systems that learn nothing, or next to nothing, which boards show for comparison.

Each baseline is one function and one row in BASELINES; all are deterministic.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mtnlg.config import TaskConfig, TaskKind
from mtnlg.errors import DataError
from mtnlg.evaluation.metrics.tokenization import rouge_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.records.files import write_jsonl
from mtnlg.records.places import TRAIN, rows_file
from mtnlg.records.rows import Prediction, Row, read_rows
from mtnlg.text.scripts import unspaced_letters, unspaced_unit

SENTENCE_END = re.compile(r"""[.!?…؟۔।॥]+["'”’»)\]]*(?=\s|$)|[。！？｡။។៕།༎]+["'”’」』）]*|(?=\n)""")
"""The end of a sentence: Western marks before a space (not in 3.14), marks of scripts without
spaces anywhere, and the end of a line."""

SPEAKER = re.compile(r"[^\s:：][^:：]{0,39}[:：]")
"""The start of each line of a dialogue that is a document: a name and a colon."""

SMALLEST_SHARE = 0.1
"""Share of the targets with an opening that must continue alike for it to grow; words of a topic
are below it."""

IntArray = npt.NDArray[np.int64]

TIE_TOLERANCE = 1e-12
"""Cosines closer than this are equal: their sums differ only in the order of their terms."""


@dataclass(frozen=True, slots=True)
class BaselineRows:
    """What a baseline sees of a task: the rows that it answers and those that it may learn from."""

    train: Sequence[Row]
    test: Sequence[Row]
    kind: TaskKind
    source_language: str

    def train_targets(self, name: str) -> list[str]:
        """All references of the training rows."""
        return [target for row in self.train_rows(name) for target in row.references]

    def train_rows(self, name: str) -> Sequence[Row]:
        """The training rows; raises DataError, naming the baseline, if there are none."""
        if not self.train:
            raise DataError(
                f"baseline {name} needs training rows and there are none; set tasks.*.train_split "
                "or leave it out"
            )
        return self.train


Baseline = Callable[[BaselineRows], list[str]]
"""One output for each test row."""


def copy_source(rows: BaselineRows) -> list[str]:
    """The source itself; in a dialogue its last turn, which is its last line."""
    if rows.kind is TaskKind.dialogue:
        return [row.source.strip().rsplit("\n", maxsplit=1)[-1] for row in rows.test]
    return [row.source for row in rows.test]


def first_sentence(rows: BaselineRows) -> list[str]:
    """The first sentence of the source, called lead-1 in the summarization literature."""
    return [split_first_sentence(row.source) for row in rows.test]


def lead_3(rows: BaselineRows) -> list[str]:
    """The first three sentences of the source, the summary to beat for news (See et al. 2017); of a
    dialogue the first three turns, which are lines.
    """
    return [split_lead(row.source, 3) for row in rows.test]


def common_opening(rows: BaselineRows) -> list[str]:
    """The most common opening of targets, for every row: what a system gets for form alone.

    The opening grows by the most common next chunk of the training targets that share it so far,
    the first of several equally common ones. It ends where most of them end, or before a chunk
    that only one of them has, or a share below SMALLEST_SHARE.
    """
    targets = [_chunk_pattern().findall(target) for target in rows.train_targets("common_opening")]
    return [_grow_opening(targets)] * len(rows.test)


def random_training_target(rows: BaselineRows) -> list[str]:
    """A random training target for each row, seeded by the row's index: fluent text about something
    else.
    """
    targets = rows.train_targets("random_training_target")
    return [
        targets[int(random.Random(index).random() * len(targets))]
        for index in range(len(rows.test))
    ]


def most_frequent_target(rows: BaselineRows) -> list[str]:
    """The most common training target, for every row: what a system gets that ignores the source.
    The first of several equally common ones.
    """
    counts = Counter(rows.train_targets("most_frequent_target"))
    return [max(counts, key=counts.__getitem__)] * len(rows.test)


def nearest_training_source(rows: BaselineRows) -> list[str]:
    """A target of the training row with the most similar source: what copying from memory gives."""
    train = rows.train_rows("nearest_training_source")
    index = _SourceIndex([row.source for row in train], language=rows.source_language)
    nearest = index.find_nearest([row.source for row in rows.test])
    return [train[row].references[0] for row in nearest]


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
    """The baselines that make sense for a kind of task: first sentences are a summary, but no
    translation and no response.
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
    """Write the predictions of one baseline for a file of rows, with tags by row id.

    Training rows are read from train.jsonl in the same folder, where the task has any.
    """
    test = list(read_rows(test_file))
    train = list(read_rows(test_file.with_name(rows_file(TRAIN)))) if task.train_split else []
    texts = BASELINES[name](BaselineRows(train, test, task.kind, task.source_language))
    predictions = (
        Prediction(row.id, row.source, row.references, text, tags[row.id]).to_json()
        for row, text in zip(test, texts, strict=True)
    )
    write_jsonl(path, predictions)


def split_first_sentence(text: str) -> str:
    """The text up to the end of its first sentence; all of it where no sentence ends."""
    return _split_sentences(text.strip(), 1)


def split_lead(text: str, num_parts: int) -> str:
    """The first sentences of a text; the first lines if every line begins with a speaker."""
    lines = text.strip().split("\n")
    if len(lines) > 1 and all(SPEAKER.match(line) for line in lines):
        return "\n".join(lines[:num_parts])
    return _split_sentences(text.strip(), num_parts)


@cache
def _chunk_pattern() -> re.Pattern[str]:
    """What an opening grows by: a character of a script without spaces, or a run of others, with
    the whitespace before it.
    """
    letters = f"[{unspaced_letters()}\uff66-\uff9f]"
    return re.compile(rf"\s*(?:{unspaced_unit()}|{letters}|(?:(?!{letters})\S)+)")


def _split_sentences(text: str, num_sentences: int) -> str:
    end = 0
    for _ in range(num_sentences):
        num_spaces = len(text[end:]) - len(text[end:].lstrip())
        match = SENTENCE_END.search(text, end + num_spaces)
        if match is None:
            return text
        end = match.end()
    return text[:end]


def _grow_opening(targets: Sequence[Sequence[str]]) -> str:
    """The most common opening of targets that are cut into chunks; at least one chunk."""
    opening: list[str] = []
    while True:
        index = len(opening)
        counts = Counter(target[index] if index < len(target) else None for target in targets)
        ((chunk, count),) = counts.most_common(1)
        is_shared = count >= max(2, SMALLEST_SHARE * len(targets))
        if chunk is None or (opening and not is_shared):
            return "".join(opening).strip()
        opening.append(chunk)
        targets = [target for target in targets if target[index : index + 1] == [chunk]]


class _SourceIndex:
    """Finds the indexed text that is most similar to a query, by the cosine of TF-IDF vectors.

    An inverted index, whose terms are the tokens of ROUGE: words, or characters in Chinese and
    Japanese. Legend: N indexed texts, V terms.
    """

    def __init__(self, texts: Sequence[str], *, language: str) -> None:
        self._language = language
        self._terms: dict[str, int] = {}
        self._num_texts = len(texts)
        owners, terms, counts = self._count_terms(texts)
        frequency = np.bincount(terms, minlength=len(self._terms))
        self._weights = np.log((1 + len(texts)) / (1 + frequency)) + 1
        """Inverse document frequency (V,), smoothed as in scikit-learn."""
        values = counts * self._weights[terms]
        values /= np.sqrt(np.bincount(owners, weights=values**2, minlength=len(texts)))[owners]
        order = np.argsort(terms, kind="stable")
        self._owners, self._values = owners[order], values[order]
        self._starts = np.concatenate([[0], np.cumsum(frequency)])
        """The postings of term v are those from _starts[v] to before _starts[v + 1]."""

    def find_nearest(self, queries: Sequence[str]) -> Iterator[int]:
        """For each query the index of the most similar text, the first of several equal ones; 0
        where no text shares a term with it.
        """
        for query in queries:
            cosines = self._cosines(query)
            yield int(np.argmax(cosines >= cosines.max() - TIE_TOLERANCE))

    def _cosines(self, query: str) -> FloatArray:
        """Cosines (N,) but for the length of the query, which is the same for all texts."""
        cosines = np.zeros(self._num_texts)
        for token, count in Counter(rouge_tokens(query, self._language)).items():
            term = self._terms.get(token)
            if term is not None:
                postings = slice(self._starts[term], self._starts[term + 1])
                cosines[self._owners[postings]] += (
                    count * self._weights[term] * self._values[postings]
                )
        return cosines

    def _count_terms(self, texts: Sequence[str]) -> tuple[IntArray, IntArray, IntArray]:
        """Text, term and count of each pair that occurs, ordered by text, then by term."""
        owners: list[int] = []
        terms: list[int] = []
        counts: list[int] = []
        for owner, text in enumerate(texts):
            text_counts = Counter(
                self._terms.setdefault(token, len(self._terms))
                for token in rouge_tokens(text, self._language)
            )
            for term in sorted(text_counts):
                owners.append(owner)
                terms.append(term)
                counts.append(text_counts[term])
        return np.array(owners, np.int64), np.array(terms, np.int64), np.array(counts, np.int64)
