"""Signals that a model may have seen a test row in training, searched for in all its training sets.

A signal is no proof: every corpus has greetings. A paraphrase gives no signal. Held-out rows are
kept in memory; training rows are streamed past them once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from mtnlg.contamination.ngrams import CHARACTER_LENGTH, WORD_LENGTH, NgramSearch, SeenNgrams
from mtnlg.records.rows import Row, RowSignals
from mtnlg.text.spelling import is_unspaced, normalized_key, units, verbatim, without_labels

SOURCE, TARGET, PAIR = "train_source", "train_target", "train_pair"
NEAR_SOURCE, NEAR_TARGET, NEAR_PAIR = "train_near_source", "train_near_target", "train_near_pair"
EXCHANGE, DIALOGUE = "train_exchange", "train_dialogue"
LINES, NGRAMS = "train_lines", "train_ngrams"

LONG_LINE_WORDS, LONG_LINE_CHARACTERS = 6, 9
"""Least units of a line that is more than a greeting, by script."""
SIGNAL_SHARE = 0.5
"""Least share of a text's longer lines, or of its n-grams, that is a signal."""

RULES = {
    SOURCE: "the source is a training source, verbatim (NFC, white space collapsed)",
    TARGET: "a reference is a training target, verbatim",
    PAIR: "source and a reference are one training pair, verbatim",
    NEAR_SOURCE: "the source is a training source by letters and digits (NFKC, lower case)",
    NEAR_TARGET: "a reference is a training target by letters and digits",
    NEAR_PAIR: "source and a reference are one training pair by letters and digits",
    EXCHANGE: "dialogue: the last turn and the response follow each other in a training text, "
    "by letters and digits, speaker labels apart",
    DIALOGUE: "dialogue: all turns of the row's whole dialogue are one training text, "
    "by letters and digits, speaker labels apart",
    LINES: f"at least {SIGNAL_SHARE:.0%} of the longer lines ({LONG_LINE_WORDS} words, or "
    f"{LONG_LINE_CHARACTERS} characters of a script without spaces) of the source or of a "
    "reference stand anywhere in training, by letters and digits, speaker labels apart",
    NGRAMS: f"at least {SIGNAL_SHARE:.0%} of the {WORD_LENGTH}-grams of words "
    f"({CHARACTER_LENGTH}-grams of characters where most of the text is in a script without "
    "spaces) of the source or of a reference stand in training; a shorter text has none",
}
"""Signal -> when a row has it; training is all training sets of the model."""
OF_DIALOGUES = (EXCHANGE, DIALOGUE)
RULE = (
    "a signal is: the source, a reference, or both as one pair in training, verbatim (NFC, white "
    "space collapsed) or by letters and digits (NFKC, lower case); at least half of the source's "
    f"or a reference's {WORD_LENGTH}-grams of words ({CHARACTER_LENGTH}-grams of characters in "
    f"scripts without spaces), or of its lines of {LONG_LINE_WORDS} words ({LONG_LINE_CHARACTERS} "
    "characters) or more; in dialogues, the last turn with the response, or the whole dialogue. "
    "Looked for in all training sets of the model"
)
"""All rules in one sentence, for boards."""


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows of one file. In dialogues each line of a source is a turn, and successive rows with ids
    `<dialogue>:<turn>` are one dialogue.
    """

    rows: Iterable[Row]
    is_dialogue: bool


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals of one set of held-out rows, in order."""

    rows: list[RowSignals]
    dialogues: list[bool]
    """Whether each dialogue is as a whole a training text; empty for other tasks."""

    def counts(self) -> dict[str, int]:
        """The number of rows, of those with any signal, any n-gram in training, and each signal; of
        dialogues, and of those that are a training text.
        """
        tags = Counter(tag for row in self.rows for tag in row.tags)
        counts = {
            "checked": len(self.rows),
            "flagged": sum(bool(row.tags) for row in self.rows),
            "any_ngram": sum(
                bool(row.source_ngrams) or bool(row.target_ngrams) for row in self.rows
            ),
            **{tag: tags[tag] for tag in RULES},
        }
        if not self.dialogues:
            return {name: count for name, count in counts.items() if name not in OF_DIALOGUES}
        dialogues = {"dialogues": len(self.dialogues), "whole_dialogues": sum(self.dialogues)}
        return {**counts, **dialogues}


@dataclass(frozen=True, slots=True)
class Seen:
    """What held-out rows have and training rows too."""

    keys: Mapping[str, set[Hashable]]
    """By signal."""
    ngrams: SeenNgrams
    num_dialogues: int
    """Training texts that are a whole held-out dialogue."""


class ContaminationSearch:
    """Searches training rows for held-out rows, which are given by name of their set: `read` the
    training rows, then take the `signals`.
    """

    def __init__(self, held_out: Mapping[str, RowSet]) -> None:
        self.num_dialogues_seen = 0
        """Training texts that are a whole held-out dialogue."""
        self._known: dict[str, set[Hashable]] = {tag: set() for tag in RULES}
        self._seen: dict[str, set[Hashable]] = {tag: set() for tag in RULES}
        texts: list[list[str]] = []
        self._expected = {
            name: [
                [_Expected.of(row, dialogue, texts) for row in record]
                for record in records(row_set)
                for dialogue in [dialogue_key(record) if row_set.is_dialogue else None]
            ]
            for name, row_set in held_out.items()
        }
        self._ngrams = NgramSearch(texts)
        for row_records in self._expected.values():
            for record in row_records:
                for row in record:
                    for tag, keys in row.keys.items():
                        self._known[tag].update(keys)

    def read(self, training: RowSet) -> None:
        """Search the rows of one training set."""
        for record in records(training):
            self.read_record(record, is_dialogue=training.is_dialogue)

    def read_record(self, record: Sequence[Row], *, is_dialogue: bool) -> None:
        """Search the rows of one dialogue, or a single row of another task."""
        known: dict[str, _Line] = {}
        if is_dialogue:
            self._read_text([_line(turn, known) for turn in _turns(record)])
        for row in record:
            source = [_line(line, known) for line in row.source.split("\n")]
            targets = [[_line(line, known) for line in text.split("\n")] for text in row.references]
            if not is_dialogue:
                self._read_text(source)
            for target in targets if not is_dialogue else targets[1:]:
                self._read_text(target)
            self._read_pair(row, source, targets)

    def signals(self, name: str) -> Signals:
        """The signals of one set of held-out rows in all rows that were read."""
        shares = self._ngrams.shares()
        expected = self._expected[name]
        rows = [self._row_signals(row, shares) for record in expected for row in record]
        dialogues = [record[0].keys[DIALOGUE] for record in expected if DIALOGUE in record[0].keys]
        return Signals(rows, [keys[0] in self._seen[DIALOGUE] for keys in dialogues])

    def take_seen(self) -> Seen:
        """What was seen since the last call, which this search then forgets."""
        seen = Seen(self._seen, self._ngrams.take_seen(), self.num_dialogues_seen)
        self._seen, self.num_dialogues_seen = {tag: set() for tag in RULES}, 0
        return seen

    def add_seen(self, seen: Seen) -> None:
        """As if this search had read what an equal search has read."""
        for tag, keys in seen.keys.items():
            self._seen[tag] |= keys
        self._ngrams.add_seen(seen.ngrams)
        self.num_dialogues_seen += seen.num_dialogues

    def _read_text(self, lines: Sequence[_Line]) -> None:
        """Search one text or dialogue for lines, n-grams, exchanges and whole dialogues."""
        self._ngrams.read(_joined_units(lines))
        for line in lines:
            self._see(LINES, line.spoken)
        for turn, response in pairwise(lines):
            self._see(EXCHANGE, (turn.spoken, response.spoken))
        if len(lines) > 1:
            self.num_dialogues_seen += self._see(DIALOGUE, "".join(line.spoken for line in lines))

    def _read_pair(
        self, row: Row, source: Sequence[_Line], targets: Sequence[Sequence[_Line]]
    ) -> None:
        """Search for the source, the targets and their pairs. Looser keys come first: texts that
        are equal verbatim have equal normalized keys.
        """
        near_source = _normalized_key(source, row.source)
        has_source = self._see(NEAR_SOURCE, near_source)
        if has_source:
            self._see(SOURCE, verbatim(row.source))
        for reference, target in zip(row.references, targets, strict=True):
            near_target = _normalized_key(target, reference)
            if self._see(NEAR_TARGET, near_target):
                self._see(TARGET, verbatim(reference))
                if has_source and self._see(NEAR_PAIR, (near_source, near_target)):
                    self._see(PAIR, (verbatim(row.source), verbatim(reference)))

    def _see(self, tag: str, key: Hashable) -> bool:
        """Note that training has this key; False where no held-out row has it."""
        if key not in self._known[tag]:
            return False
        self._seen[tag].add(key)
        return True

    def _row_signals(self, row: _Expected, shares: Sequence[float | None]) -> RowSignals:
        source = shares[row.texts[0]]
        targets = [share for index in row.texts[1:] if (share := shares[index]) is not None]
        target = max(targets, default=None)
        has = {tag: not self._seen[tag].isdisjoint(keys) for tag, keys in row.keys.items()}
        has[LINES] = any(
            sum(line in self._seen[LINES] for line in lines) >= SIGNAL_SHARE * len(lines)
            for lines in row.lines
            if lines
        )
        has[NGRAMS] = max(source or 0.0, target or 0.0) >= SIGNAL_SHARE
        return RowSignals(row.id, tuple(tag for tag in RULES if has.get(tag)), source, target)


def records(row_set: RowSet) -> Iterator[list[Row]]:
    """The rows of each dialogue together; each row of another task alone."""
    record: list[Row] = []
    for row in row_set.rows:
        if record and not (row_set.is_dialogue and _continues(record[-1], row)):
            yield record
            record = []
        record.append(row)
    if record:
        yield record


def dialogue_key(record: Sequence[Row]) -> str:
    """The letters and digits of a dialogue without its speaker labels."""
    return "".join(_line(turn).spoken for turn in _turns(record))


class _Line(NamedTuple):
    """One line of a text, or one turn."""

    key: str
    """Its letters and digits."""
    units: list[str]
    """Its units without speaker labels."""
    spoken: str
    """The letters and digits of `units`."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is searched for one held-out row."""

    id: str
    keys: dict[str, list[Hashable]]
    """Signal -> keys, any of which in training gives the signal."""
    lines: list[list[str]]
    """The longer lines of the source and of each reference."""
    texts: list[int]
    """Indexes of source and references among the texts whose n-grams are searched."""

    @classmethod
    def of(cls, row: Row, dialogue: str | None, texts: list[list[str]]) -> _Expected:
        row_texts = (row.source, *row.references)
        source, *targets = split = [
            [_line(line) for line in text.split("\n")] for text in row_texts
        ]
        long_lines = [[line.spoken for line in lines if _is_long(line.units)] for lines in split]
        near, *nears = map(_normalized_key, split, row_texts)
        exact, exacts = verbatim(row.source), [verbatim(text) for text in row.references]
        keys: dict[str, list[Hashable]] = {
            TARGET: [*exacts],
            NEAR_TARGET: [*nears],
            LINES: [line for lines in long_lines for line in lines],
        }
        if row.source:  # plain text has an empty source, which is no signal
            keys |= {
                SOURCE: [exact],
                PAIR: [(exact, text) for text in exacts],
                NEAR_SOURCE: [near],
                NEAR_PAIR: [(near, text) for text in nears],
            }
        if dialogue:
            keys[EXCHANGE] = [(source[-1].spoken, target[0].spoken) for target in targets]
            keys[DIALOGUE] = [dialogue]
        indexes = list(range(len(texts), len(texts) + len(split)))
        texts.extend(map(_joined_units, split))
        return cls(row.id, keys, long_lines, indexes)


def _continues(previous: Row, row: Row) -> bool:
    dialogue = previous.id.rpartition(":")[0]
    if not dialogue or row.id.rpartition(":")[0] != dialogue:
        return False
    turn = previous.references[0]
    return row.source == turn or row.source.endswith("\n" + turn)


def _turns(record: Sequence[Row]) -> list[str]:
    return [*record[0].source.split("\n"), *(row.references[0] for row in record)]


def _line(text: str, known: dict[str, _Line] | None = None) -> _Line:
    """A line in all its forms; `known` caches them."""
    if known is not None and text in known:
        return known[text]
    all_units = units(text)
    rest = without_labels(text)
    spoken = all_units if rest is text else units(rest)
    key = "".join(all_units)
    line = _Line(key, spoken, key if spoken is all_units else "".join(spoken))
    if known is not None:
        known[text] = line
    return line


def _joined_units(lines: Sequence[_Line]) -> list[str]:
    return lines[0].units if len(lines) == 1 else [unit for line in lines for unit in line.units]


def _normalized_key(lines: Sequence[_Line], text: str) -> str:
    """`normalized_key(text)`, joined from its lines."""
    return "".join([line.key for line in lines]) or normalized_key(text)


def _is_long(line: list[str]) -> bool:
    return len(line) >= (LONG_LINE_CHARACTERS if is_unspaced(line) else LONG_LINE_WORDS)
