"""The shapes of raw records, and how a record of each shape becomes examples.

A new shape is one function and its row in READERS. Another package adds its own by the entry point
group `mtnlg.readers`, whose names load a `Reader`.

A column is named by its key, by a dotted path into nested objects (`translation.en`) and lists
(`candidates.-1` is the last item), or by alternatives (`translation.en|en`), the first of which
that exists counts: so one task file fits both a local and a hub copy of a data set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter

from mtnlg.config import ResponseTurns, TaskConfig
from mtnlg.errors import ConfigError, DataError, suggestion
from mtnlg.plugins import Table
from mtnlg.records.codec import decode
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.rows import Row
from mtnlg.text.scripts import join_texts

BUILTIN = "builtin"
CONVERSATION, TURNS = "conversation", "turns"
"""Columns of a dialogue: the id of its conversation, and its turns or one utterance."""


@dataclass(frozen=True, slots=True)
class Record:
    """A raw record with its location."""

    location: str
    """`file:line`, with lines from 1, or the like for the hub; the start of every error message."""
    id: str
    """`<split>-<line from 0>`, the id of rows whose data have none."""
    fields: JsonObject


class Quarantine:
    """The unreadable lines of one split."""

    def __init__(self, max_bad_share: float = 0.0) -> None:
        self.max_bad_share = max_bad_share
        self.num_lines = 0
        self.entries: list[tuple[str, str]] = []
        """Location and reason of each unreadable line."""

    def reject(self, location: str, error: DataError) -> None:
        """Quarantine a line; raises the error where no bad line is tolerated."""
        if self.max_bad_share == 0:
            raise error
        self.entries.append((location, str(error).removeprefix(f"{location}: ")))

    def check(self) -> None:
        """Raise DataError if more lines are unreadable than are tolerated."""
        if len(self.entries) > self.max_bad_share * self.num_lines:
            location, reason = self.entries[0]
            raise DataError(
                f"{location}: {reason}; and so on: {len(self.entries)} of {self.num_lines} lines "
                f"are unreadable, more than cleaning.max_bad_share={self.max_bad_share}; "
                "repair them or raise the share"
            )


@dataclass(frozen=True, slots=True)
class Reader:
    """One shape: its columns, and the function from a record to raw examples."""

    read: Callable[[Record, TaskConfig], Iterator[Row]]
    required_columns: tuple[str, ...] = ()
    optional_columns: tuple[str, ...] = ()


def read_parallel_text(record: Record, task: TaskConfig) -> Iterator[Row]:
    """A source and its translation, or a list of several references."""
    source = _as_text(record, task, "source")
    yield Row(_row_id(record, task), source, _as_texts(record, task, "target"))


def read_document_summary(record: Record, task: TaskConfig) -> Iterator[Row]:
    """A document, or a list of its sentences, and its summary, or a list of several references."""
    document = join_texts(_as_texts(record, task, "document"), task.source_language)
    yield Row(_row_id(record, task), document, _as_texts(record, task, "summary"))


def read_dialogue_turns(record: Record, task: TaskConfig) -> Iterator[Row]:
    """Each chosen turn as the response to the turns before it, a line for each."""
    column = task.columns[TURNS]
    value = find_column(record, column, name=TURNS)
    if not isinstance(value, list):
        kind = type(value).__name__
        raise DataError(f"{record.location}: column {column} must be a list of turns, found {kind}")
    turns = [_text(record, column, turn, allowed="a list of turns") for turn in value]
    turns = [_on_one_line(turn, task) for turn in turns]
    record_id = _row_id(record, task)
    last = len(turns) - 1
    first = 1 if task.response_turns is ResponseTurns.all else max(1, last)
    for number in range(first, len(turns)):
        start = 0 if task.max_context_turns is None else max(0, number - task.max_context_turns)
        yield Row(f"{record_id}:{number}", "\n".join(turns[start:number]), (turns[number],))


def read_context_response(record: Record, task: TaskConfig) -> Iterator[Row]:
    """A response and the turns before it, a line for each, after a background if it has one."""
    turns = [_on_one_line(turn, task) for turn in _as_texts(record, task, "context")]
    if task.max_context_turns is not None:
        turns = turns[-task.max_context_turns :]
    background = _as_texts(record, task, "background") if "background" in task.columns else ()
    lines = [_on_one_line(line, task) for line in background]
    yield Row(
        _row_id(record, task), "\n".join([*lines, *turns]), _as_texts(record, task, "response")
    )


def read_paragraphs(record: Record, task: TaskConfig) -> Iterator[Row]:
    """A text for a language model: a target with an empty source."""
    yield Row(_row_id(record, task), "", (_as_text(record, task, "text"),))


def read_builtin(record: Record, task: TaskConfig) -> Iterator[Row]:
    """A row of the built-in corpus, whose records are rows already."""
    yield decode(record.fields, Row)


READERS: dict[str, Reader] = {
    "parallel_text": Reader(read_parallel_text, ("source", "target"), ("id",)),
    "document_summary": Reader(read_document_summary, ("document", "summary"), ("id",)),
    "dialogue_turns": Reader(read_dialogue_turns, (TURNS,), ("id", CONVERSATION)),
    "context_response": Reader(
        read_context_response, ("context", "response"), ("id", "background")
    ),
    "paragraphs": Reader(read_paragraphs, ("text",), ("id",)),
    BUILTIN: Reader(read_builtin),
}
READER_TABLE = Table("mtnlg.readers", Reader, READERS)


def find_reader(name: str) -> Reader:
    """The reader of this name, ours or another package's; raises ConfigError if it is unknown."""
    return READER_TABLE.find(name, key="tasks.*.reader")


def group_turns(
    records: Iterable[Record], task: TaskConfig, quarantine: Quarantine
) -> Iterator[Record]:
    """One record for each conversation, from records with one utterance each: the first, with all
    utterances as a list of turns. A conversation that continues after another began is quarantined.
    """
    ended: set[int] = set()
    for key, group in groupby(_utterances(records, task, quarantine), key=itemgetter(0)):
        turns = list(group)
        _, record, _ = turns[0]
        if hash(key) in ended:
            reason = (
                f"column {task.columns[CONVERSATION]} is {key!r} again after another conversation; "
                "sort the records by conversation"
            )
            quarantine.reject(record.location, DataError(f"{record.location}: {reason}"))
            continue
        ended.add(hash(key))
        column = task.columns[TURNS].split("|")[0].strip()
        fields: JsonObject = {**record.fields, column: [utterance for _, _, utterance in turns]}
        yield Record(record.location, record.id, fields)


def _utterances(
    records: Iterable[Record], task: TaskConfig, quarantine: Quarantine
) -> Iterator[tuple[str, Record, JsonValue]]:
    """The conversation, the record and the utterance of each readable record."""
    for record in records:
        try:
            key = _id_at(record, task, CONVERSATION)
            utterance = find_column(record, task.columns[TURNS], name=TURNS)
        except DataError as error:
            quarantine.reject(record.location, error)
            continue
        yield key, record, utterance


def check_columns(task: TaskConfig) -> None:
    """Raise ConfigError unless `columns` has what the task's reader needs, and nothing unknown."""
    reader = find_reader(task.reader)
    known = [*reader.required_columns, *reader.optional_columns]
    for name, column in task.columns.items():
        if name not in known:
            raise ConfigError(
                f"tasks.*.columns.{name}={column}: reader {task.reader} has no such column; "
                f"known: {', '.join(known) or 'none'}{suggestion(name, known)}"
            )
        if not all(part.strip() for part in column.split("|")):
            raise ConfigError(f"tasks.*.columns.{name}={column!r}: must name a column of the data")
    missing = [name for name in reader.required_columns if name not in task.columns]
    if missing:
        raise ConfigError(
            f"tasks.*.columns: reader {task.reader} needs {', '.join(missing)} as well; "
            f"say which column of the data each is, as in columns: {{{missing[0]}: text}}"
        )


def find_column(record: Record, column: str, *, name: str) -> JsonValue:
    """The value at the first alternative that the record has; raises DataError if it has none."""
    for path in _alternatives(column):
        if path in record.fields:
            return record.fields[path]
        exists, value = _look_up(record.fields, path) if "." in path else (False, None)
        if exists:
            return value
    raise DataError(
        f"{record.location}: no column {column}; "
        f"the record has: {', '.join(_paths(record.fields)) or 'none'}; "
        f"set tasks.*.columns.{name} to one of them"
    )


@cache
def _alternatives(column: str) -> list[str]:
    return [path.strip() for path in column.split("|")]


def _look_up(value: JsonValue, path: str) -> tuple[bool, JsonValue]:
    """Whether the path exists, and its value; a key that has the dots itself comes first."""
    if isinstance(value, dict) and path in value:
        return True, value[path]
    head, _, rest = path.partition(".")
    if isinstance(value, dict):
        return _look_up(value[head], rest) if rest and head in value else (False, None)
    if isinstance(value, list) and re.fullmatch(r"-?\d+", head):
        index = int(head)
        if -len(value) <= index < len(value):
            return _look_up(value[index], rest) if rest else (True, value[index])
    return False, None


def _paths(fields: JsonObject) -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from (f"{name}.{inner}" for inner in value)
        else:
            yield name


def _as_text(record: Record, task: TaskConfig, name: str) -> str:
    value = find_column(record, task.columns[name], name=name)
    return _text(record, task.columns[name], value, allowed="text")


def _as_texts(record: Record, task: TaskConfig, name: str) -> tuple[str, ...]:
    column = task.columns[name]
    value = find_column(record, column, name=name)
    if isinstance(value, list):
        return tuple(_text(record, column, item, allowed="a list of texts") for item in value)
    return (_text(record, column, value, allowed="text or a list of texts"),)


def _text(record: Record, column: str, value: JsonValue, *, allowed: str) -> str:
    """The text of a value; null is empty text, which cleaning drops and counts."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(
            f"{record.location}: column {column} must be {allowed}, found {type(value).__name__}"
        )
    return value


def _on_one_line(text: str, task: TaskConfig) -> str:
    return join_texts(text.splitlines(), task.source_language)


def _row_id(record: Record, task: TaskConfig) -> str:
    return _id_at(record, task, "id") if "id" in task.columns else record.id


def _id_at(record: Record, task: TaskConfig, name: str) -> str:
    column = task.columns[name]
    value = find_column(record, column, name=name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DataError(
            f"{record.location}: column {column} must be an id (text or integer), found {value!r}"
        )
    return str(value)
