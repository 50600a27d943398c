"""Raw records of each shape to raw examples, which are written out by hand."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from mtnlg import plugins
from mtnlg.config import ResponseTurns, TaskConfig, TaskKind
from mtnlg.corpus.sources.readers import READERS, Reader, Record, check_columns, find_reader
from mtnlg.errors import ConfigError, DataError
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.rows import Row

PARALLEL = {"source": "translation.en|en", "target": "translation.de|de"}
DOCUMENT = {"document": "text", "summary": "summaries|summary"}


def make_task(reader: str, columns: dict[str, str], **settings: object) -> TaskConfig:
    return TaskConfig(
        kind=TaskKind.translation,
        reader=reader,
        source_language="en",
        columns=columns,
        **settings,  # type: ignore[arg-type]
    )


def read(task: TaskConfig, fields: JsonObject) -> list[Row]:
    record = Record("some/train.jsonl:8", "train-7", fields)
    return list(find_reader(task.reader).read(record, task))


@pytest.mark.parametrize(
    "fields",
    [
        {"translation": {"en": "a", "de": "b"}},
        {"en": "a", "de": "b"},
        {"translation.en": "a", "translation.de": "b"},
        {"en": "a", "de": ["b"]},
    ],
)
def test_parallel_text_reads_nested_flat_and_dotted_columns(fields: JsonObject) -> None:
    assert read(make_task("parallel_text", PARALLEL), fields) == [Row("train-7", "a", ("b",))]


def test_a_list_of_targets_gives_several_references() -> None:
    rows = read(make_task("parallel_text", PARALLEL), {"en": "a", "de": ["b", "c"]})

    assert rows == [Row("train-7", "a", ("b", "c"))]


def test_a_document_of_sentences_is_joined_and_keeps_its_id() -> None:
    task = make_task("document_summary", {**DOCUMENT, "id": "key"})

    rows = read(task, {"key": 5, "text": ["One.", "Two."], "summary": "S"})

    assert rows == [Row("5", "One. Two.", ("S",))]


@pytest.mark.parametrize(
    ("language", "sentences", "joined"),
    [("zh", ["下雨了。", "出门。"], "下雨了。出门。"), ("th", ["ฝน", "ตก"], "ฝนตก")],
)
def test_a_document_of_a_language_without_spaces_is_joined_without_them(
    language: str, sentences: list[JsonValue], joined: str
) -> None:
    task = replace(make_task("document_summary", DOCUMENT), source_language=language)

    rows = read(task, {"text": sentences, "summary": "S"})

    assert rows == [Row("train-7", joined, ("S",))]


def test_the_lines_of_a_chinese_turn_become_one_without_a_space() -> None:
    task = make_task("context_response", {"context": "turns", "response": "answer"})

    rows = read(replace(task, source_language="zh"), {"turns": ["你好\n吗", "好"], "answer": "嗯"})

    assert rows == [Row("train-7", "你好吗\n好", ("嗯",))]


def test_the_first_alternative_that_is_there_counts() -> None:
    rows = read(
        make_task("document_summary", DOCUMENT),
        {"text": "d", "summary": "one", "summaries": ["x", "y"]},
    )

    assert rows[0].references == ("x", "y")


def test_every_turn_after_the_first_is_a_response() -> None:
    rows = read(make_task("dialogue_turns", {"turns": "dialog"}), {"dialog": ["a", "b\nb", "c"]})

    assert rows == [Row("train-7:1", "a", ("b b",)), Row("train-7:2", "a\nb b", ("c",))]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"response_turns": ResponseTurns.last}, [Row("train-7:3", "a\nb\nc", ("d",))]),
        (
            {"max_context_turns": 2},
            [
                Row("train-7:1", "a", ("b",)),
                Row("train-7:2", "a\nb", ("c",)),
                Row("train-7:3", "b\nc", ("d",)),
            ],
        ),
    ],
)
def test_turns_and_context_are_chosen(settings: dict[str, object], expected: list[Row]) -> None:
    task = make_task("dialogue_turns", {"turns": "dialog"}, **settings)

    assert read(task, {"dialog": ["a", "b", "c", "d"]}) == expected


@pytest.mark.parametrize("response_turns", list(ResponseTurns))
def test_a_dialogue_of_one_turn_has_no_response(response_turns: ResponseTurns) -> None:
    task = make_task("dialogue_turns", {"turns": "dialog"}, response_turns=response_turns)

    assert read(task, {"dialog": ["a"]}) == []


PERSONA = {"context": "history", "response": "candidates.-1"}


def test_a_response_is_read_with_its_context_and_background() -> None:
    fields: JsonObject = {
        "personality": ["I like tea.", "I am\nold."],
        "history": ["Hi.", "Hello.", "Tea?"],
        "candidates": ["No.", "Always!"],
    }

    plain = read(make_task("context_response", PERSONA), fields)
    whole = read(
        make_task(
            "context_response", {**PERSONA, "background": "personality"}, max_context_turns=1
        ),
        fields,
    )

    assert plain == [Row("train-7", "Hi.\nHello.\nTea?", ("Always!",))]
    assert whole == [Row("train-7", "I like tea.\nI am old.\nTea?", ("Always!",))]


@pytest.mark.parametrize(
    ("column", "expected"),
    [("a.0", "x"), ("a.-1", "z"), ("a.1.b", "y"), ("a.7|c", "w"), ("a.-4|c", "w"), ("a.b|c", "w")],
)
def test_a_number_in_a_path_picks_from_a_list(column: str, expected: str) -> None:
    fields: JsonObject = {"a": ["x", {"b": "y"}, "z"], "c": "w"}

    assert read(make_task("paragraphs", {"text": column}), fields)[0].references == (expected,)


def test_a_paragraph_is_a_target_without_a_source() -> None:
    rows = read(
        make_task("paragraphs", {"text": "body", "id": "key"}), {"body": "A.\nB.", "key": 3}
    )

    assert rows == [Row("3", "", ("A.\nB.",))]


def test_null_is_empty_text() -> None:
    assert read(make_task("parallel_text", PARALLEL), {"en": None, "de": "b"})[0].source == ""


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    with pytest.raises(DataError) as error:
        read(make_task("parallel_text", PARALLEL), {"translation": {"en": "a", "fr": "b"}})

    for part in (
        "some/train.jsonl:8",
        "translation.de|de",
        "translation.en, translation.fr",
        "columns.target",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("reader", "columns", "fields", "message"),
    [
        ("parallel_text", PARALLEL, {"en": 3, "de": "b"}, "found int"),
        ("parallel_text", PARALLEL, {"en": ["a"], "de": "b"}, "found list"),
        ("parallel_text", PARALLEL, {"en": "a", "de": ["b", {}]}, "found dict"),
        ("dialogue_turns", {"turns": "t"}, {"t": "a b"}, "found str"),
        (
            "document_summary",
            {**DOCUMENT, "id": "id"},
            {"text": "", "summary": "", "id": 1.5},
            "1.5",
        ),
    ],
)
def test_a_column_of_another_type_is_an_error(
    reader: str, columns: dict[str, str], fields: JsonObject, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(make_task(reader, columns), fields)


def test_an_unknown_reader_is_named_with_its_nearest() -> None:
    with pytest.raises(ConfigError, match=r"paralel_text.*known:.*did you mean 'parallel_text'\?"):
        find_reader("paralel_text")


def test_a_reader_of_another_package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", "mtnlg.corpus.sources.readers:READERS", "mtnlg.readers")
    monkeypatch.setattr(EntryPoint, "load", lambda self: READERS["parallel_text"])
    monkeypatch.setattr(plugins, "installed", lambda group: [point])

    assert isinstance(find_reader("theirs"), Reader)


def test_an_entry_point_that_is_no_reader_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", "mtnlg.corpus.sources.readers:READERS", "mtnlg.readers")
    monkeypatch.setattr(plugins, "installed", lambda group: [point])

    with pytest.raises(
        ConfigError, match=r"theirs.*READERS of an unknown package is a dict; it must be"
    ):
        find_reader("theirs")


@pytest.mark.parametrize(
    ("reader", "columns", "message"),
    [
        ("parallel_text", {"source": "en"}, "needs target"),
        ("parallel_text", {**PARALLEL, "sorce": "x"}, r"sorce.*did you mean 'source'\?"),
        ("dialogue_turns", {}, "needs turns"),
        ("builtin", {"source": "x"}, "known: none"),
        ("parallel_text", {"source": "a|", "target": "b"}, "must name a column"),
    ],
)
def test_columns_are_checked_before_anything_is_read(
    reader: str, columns: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_columns(make_task(reader, columns))


def test_columns_of_a_full_task_pass() -> None:
    check_columns(make_task("document_summary", {**DOCUMENT, "id": "id"}))
