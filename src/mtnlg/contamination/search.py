"""Signals that a model may have seen a test row in training, looked for in all its training sets.

A signal is no verdict: a greeting stands in every corpus, and a paraphrase gives no signal. What is
held out is kept in memory, what was trained on is streamed past it once, whatever the data sets.
Refuses to know: files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mtnlg.contamination.ngrams import CHARACTER_LENGTH, WORD_LENGTH, NgramSearch
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.rows import Row
from mtnlg.text.spelling import is_unspaced, normalized_key, units, verbatim, without_labels

SOURCE, TARGET, PAIR = "train_source", "train_target", "train_pair"
NEAR_SOURCE, NEAR_TARGET, NEAR_PAIR = "train_near_source", "train_near_target", "train_near_pair"
EXCHANGE, DIALOGUE = "train_exchange", "train_dialogue"
LINES, NGRAMS = "train_lines", "train_ngrams"

LONG_LINE_WORDS, LONG_LINE_CHARACTERS = 6, 9
"""Units of a line that says more than a greeting, by script."""
SIGNAL_SHARE = 0.5
"""Least share of a text's longer lines, or n-grams, that is a signal."""

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
"""Signal -> when a row has it; each is looked for in all training sets of the model."""
OF_DIALOGUES = (EXCHANGE, DIALOGUE)
RULE = (
    "a signal is: the source, a reference, or both as one pair in training, verbatim (NFC, white "
    "space collapsed) or by letters and digits (NFKC, lower case); at least half of the source's "
    f"or a reference's {WORD_LENGTH}-grams of words ({CHARACTER_LENGTH}-grams of characters in "
    f"scripts without spaces), or of its lines of {LONG_LINE_WORDS} words ({LONG_LINE_CHARACTERS} "
    "characters) or more; in dialogues, the last turn with the response, or the whole dialogue. "
    "Looked for in all training sets of the model"
)
"""The same in one sentence, for boards."""


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows of one file. In dialogues the source is turns, one on a line, and rows with ids
    `<dialogue>:<turn>` that continue each other are one dialogue.
    """

    rows: Iterable[Row]
    is_dialogue: bool


@dataclass(frozen=True, slots=True)
class RowSignals:
    """What was found of one row. Shares are of its n-grams seen in training: None where the text is
    too short for one; of several references, the largest.
    """

    id: str
    tags: tuple[str, ...]
    source_ngrams: float | None
    target_ngrams: float | None

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "tags": list(self.tags),
            "source_ngrams": _rounded(self.source_ngrams),
            "target_ngrams": _rounded(self.target_ngrams),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """The signals of one set of held-out rows, in their order."""

    rows: list[RowSignals]
    dialogues: list[bool]
    """For each dialogue, whether a training text is the whole of it; empty for other tasks."""

    def counts(self) -> dict[str, int]:
        """Rows checked, with any signal, with any n-gram seen, and with each signal; of dialogues
        how many there are and how many were found.
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


class LeakSearch:
    """Held-out rows, by name of their set, looked for in training rows: read those, then ask what
    was found.
    """

    def __init__(self, held_out: Mapping[str, RowSet]) -> None:
        self.num_dialogues_found = 0
        """Training texts that are a whole held-out dialogue."""
        self._seen: dict[str, dict[Hashable, bool]] = {tag: {} for tag in RULES}
        texts: list[list[str]] = []
        self._expected = {
            name: [
                [_Expected.of(row, dialogue, texts) for row in record]
                for record in records(one)
                for dialogue in [_joined(_turns(record)) if one.is_dialogue else None]
            ]
            for name, one in held_out.items()
        }
        self._ngrams = NgramSearch(texts)
        for sets in self._expected.values():
            for record in sets:
                for row in record:
                    for tag, keys in row.keys.items():
                        self._seen[tag].update(dict.fromkeys(keys, False))

    def read(self, training: RowSet) -> None:
        """Look through the rows of one training set."""
        for record in records(training):
            self.read_record(record, is_dialogue=training.is_dialogue)

    def read_record(self, record: Sequence[Row], *, is_dialogue: bool) -> None:
        """Look through the rows of one dialogue, or through one row."""
        known: dict[str, _Line] = {}
        if is_dialogue:
            self._read_text([_line(turn, known) for turn in _turns(record)])
        for row in record:
            source = [_line(line, known) for line in row.source.split("\n")]
            targets = [[_line(line, known) for line in one.split("\n")] for one in row.references]
            if not is_dialogue:
                self._read_text(source)
            for target in targets if not is_dialogue else targets[1:]:
                self._read_text(target)
            self._read_pair(row, source, targets)

    def found(self, name: str) -> Found:
        """The signals of one set of rows, in all that was read."""
        shares = self._ngrams.shares()
        sets = self._expected[name]
        rows = [self._signals(row, shares) for record in sets for row in record]
        whole = [record[0].keys[DIALOGUE] for record in sets if DIALOGUE in record[0].keys]
        return Found(rows, [self._seen[DIALOGUE][keys[0]] for keys in whole])

    def _read_text(self, lines: Sequence[_Line]) -> None:
        """One text, or one dialogue, wherever it stands."""
        self._ngrams.read(
            lines[0].units if len(lines) == 1 else [unit for line in lines for unit in line.units]
        )
        seen = self._seen[LINES]
        for line in lines:
            if line.spoken in seen:
                seen[line.spoken] = True
        if len(lines) > 1:
            exchanges = self._seen[EXCHANGE]
            for one, other in pairwise(lines):
                if (one.spoken, other.spoken) in exchanges:
                    exchanges[one.spoken, other.spoken] = True
            dialogue = _joined_lines(lines)
            if dialogue in self._seen[DIALOGUE]:
                self._seen[DIALOGUE][dialogue] = True
                self.num_dialogues_found += 1

    def _read_pair(
        self, row: Row, source: Sequence[_Line], targets: Sequence[Sequence[_Line]]
    ) -> None:
        """Sources, targets and pairs: what is equal verbatim is equal by letters and digits."""
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
        seen = self._seen[tag]
        if key not in seen:
            return False
        seen[key] = True
        return True

    def _signals(self, row: _Expected, shares: Sequence[float | None]) -> RowSignals:
        source = shares[row.texts[0]]
        targets = [share for place in row.texts[1:] if (share := shares[place]) is not None]
        target = max(targets, default=None)
        has = {tag: any(self._seen[tag][key] for key in keys) for tag, keys in row.keys.items()}
        has[LINES] = any(
            sum(self._seen[LINES][line] for line in lines) >= SIGNAL_SHARE * len(lines)
            for lines in row.lines
            if lines
        )
        has[NGRAMS] = max(source or 0.0, target or 0.0) >= SIGNAL_SHARE
        return RowSignals(row.id, tuple(tag for tag in RULES if has.get(tag)), source, target)


def records(one: RowSet) -> Iterator[list[Row]]:
    """The rows of each dialogue together; of other tasks each row by itself."""
    record: list[Row] = []
    for row in one.rows:
        if record and not (one.is_dialogue and _continues(record[-1], row)):
            yield record
            record = []
        record.append(row)
    if record:
        yield record


def dialogue_key(record: Sequence[Row]) -> str:
    """What two dialogues share that are the same by letters and digits, speaker labels apart."""
    return _joined(_turns(record))


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a text, or one turn."""

    letters: str
    units: list[str]
    """Without speaker labels."""
    spoken: str
    """The letters and digits of `units`."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is looked for of one held-out row."""

    id: str
    keys: dict[str, list[Hashable]]
    lines: list[list[str]]
    """The longer lines of the source and of each reference."""
    texts: list[int]
    """Places of source and references among the texts whose n-grams are looked for."""

    @classmethod
    def of(cls, row: Row, dialogue: str | None, texts: list[list[str]]) -> _Expected:
        source, *targets = lines = [
            [_line(line) for line in text.split("\n")] for text in (row.source, *row.references)
        ]
        long_lines = [[line.spoken for line in one if _is_long(line.units)] for one in lines]
        near, *nears = (
            _normalized_key(one, text)
            for one, text in zip(lines, (row.source, *row.references), strict=True)
        )
        exact, exacts = verbatim(row.source), [verbatim(text) for text in row.references]
        keys: dict[str, list[Hashable]] = {
            TARGET: [*exacts],
            NEAR_TARGET: [*nears],
            LINES: [line for one in long_lines for line in one],
        }
        if row.source:  # else plain text: an empty source is nothing that could be seen again
            keys |= {
                SOURCE: [exact],
                PAIR: [(exact, text) for text in exacts],
                NEAR_SOURCE: [near],
                NEAR_PAIR: [(near, text) for text in nears],
            }
        if dialogue:
            keys[EXCHANGE] = [(source[-1].spoken, target[0].spoken) for target in targets]
            keys[DIALOGUE] = [dialogue]
        places = list(range(len(texts), len(texts) + len(lines)))
        texts.extend([unit for line in one for unit in line.units] for one in lines)
        return cls(row.id, keys, long_lines, places)


def _continues(previous: Row, row: Row) -> bool:
    dialogue = previous.id.rpartition(":")[0]
    if not dialogue or row.id.rpartition(":")[0] != dialogue:
        return False
    turn = previous.references[0]
    return row.source == turn or row.source.endswith("\n" + turn)


def _turns(record: Sequence[Row]) -> list[str]:
    return [*record[0].source.split("\n"), *(row.references[0] for row in record)]


def _joined(turns: Sequence[str]) -> str:
    return _joined_lines([_line(turn) for turn in turns])


def _joined_lines(lines: Sequence[_Line]) -> str:
    return "".join([line.spoken for line in lines])


def _line(text: str, known: dict[str, _Line] | None = None) -> _Line:
    """A line in all its forms, from those that are known where it is one."""
    if known is not None and text in known:
        return known[text]
    found = units(text)
    rest = without_labels(text)
    spoken = found if rest is text else units(rest)
    joined = "".join(found)
    line = _Line(joined, spoken, joined if spoken is found else "".join(spoken))
    if known is not None:
        known[text] = line
    return line


def _normalized_key(lines: Sequence[_Line], text: str) -> str:
    """The same as `normalized_key(text)`, from its lines."""
    return "".join([line.letters for line in lines]) or normalized_key(text)


def _is_long(found: list[str]) -> bool:
    return len(found) >= (LONG_LINE_CHARACTERS if is_unspaced(found) else LONG_LINE_WORDS)


def _rounded(share: float | None) -> JsonValue:
    return None if share is None else round(share, 4)
