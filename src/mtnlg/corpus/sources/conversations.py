"""Data sets with one utterance in each record: successive records of a conversation become one
record with the list of its turns.

The turn of a quarantined record is left out of its conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from mtnlg.config import TaskConfig
from mtnlg.corpus.sources.readers import Quarantine, Record, find_column
from mtnlg.errors import DataError
from mtnlg.records.files import JsonObject, JsonValue

CONVERSATION, TURNS = "conversation", "turns"
"""Columns of the task: the id of the conversation, and the utterance."""


def group_turns(
    records: Iterable[Record], task: TaskConfig, quarantine: Quarantine
) -> Iterator[Record]:
    """A record for each conversation: fields, location and id of its first record, with its turns
    as a list.

    A conversation that continues after another one began is quarantined or raises DataError.
    """
    readable = _with_keys(records, task, quarantine)
    ended: set[int] = set()
    for key, turns in groupby(readable, key=lambda turn: turn[0]):
        first, *later = list(turns)
        record = first[1]
        if hash(key) in ended:
            reason = (
                f"column {task.columns[CONVERSATION]} is {key!r} again after another conversation; "
                "sort the records by conversation"
            )
            quarantine.reject(record.location, DataError(f"{record.location}: {reason}"))
            continue
        ended.add(hash(key))
        texts: list[JsonValue] = [first[2], *(turn[2] for turn in later)]
        column = task.columns[TURNS].split("|")[0].strip()
        fields: JsonObject = {**record.fields, column: texts}
        yield Record(record.location, record.id, fields)


def _with_keys(
    records: Iterable[Record], task: TaskConfig, quarantine: Quarantine
) -> Iterator[tuple[str, Record, JsonValue]]:
    """The conversation, the record and the utterance of each record."""
    for record in records:
        try:
            key = find_column(record, task.columns[CONVERSATION], name=CONVERSATION)
            if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
                raise DataError(
                    f"{record.location}: column {task.columns[CONVERSATION]} must be an id "
                    f"(text or integer), found {key!r}"
                )
            utterance = find_column(record, task.columns[TURNS], name=TURNS)
        except DataError as error:
            quarantine.reject(record.location, error)
            continue
        yield str(key), record, utterance
