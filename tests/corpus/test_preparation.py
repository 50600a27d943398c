"""Preparation: raw splits to cleaned rows and their audit.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.corpus.builtin.corpus import generate_rows
from mtnlg.corpus.preparation import prepare_rows
from mtnlg.corpus.sources.sources import BUILTIN_SIZES, split_sources
from mtnlg.errors import ConfigError, DataError
from mtnlg.records.files import JsonObject
from mtnlg.records.rows import Row, read_rows

TRAIN = [
    {"en": "a  cat", "de": ["eine Katze", "die Katze"]},
    {"en": "a dog", "de": "ein Hund"},
    {"en": "a dog", "de": "ein Hund"},
    {"en": "a dog", "de": "der Hund"},
    {"en": "", "de": "leer"},
    {"en": "empty", "de": ["", " "]},
    {"en": "x" * 41, "de": "lang"},
]
VALIDATION = [{"en": "a cat", "de": "die Katze"}, {"en": "a cow", "de": "der Hund"}]
TEST = [{"en": "a bird", "de": "ein Vogel"}]
RAW = Path("raw")
CLEANING = CleaningConfig(max_characters=40)


def make_task(folder: Path, **settings: object) -> TaskConfig:
    values: dict[str, object] = {
        "kind": TaskKind.translation,
        "reader": "parallel_text",
        "source_language": "en",
        "target_language": "de",
        "folder": str(folder),
        "columns": {"source": "en", "target": "de"},
    }
    return TaskConfig(**{**values, **settings})  # type: ignore[arg-type]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for split, records in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        write_split(folder, split, [json.dumps(record) for record in records])
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def write_split(folder: Path, split: str, lines: list[str]) -> None:
    (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def prepare(
    task: TaskConfig, out: Path, cleaning: CleaningConfig = CLEANING
) -> dict[str, JsonObject]:
    prepare_rows("mine", task, cleaning, data_root=None, folder=out)
    audit = json.loads((out / "audit.json").read_text())
    assert audit["task"] == f"{task.kind.value}/mine"
    splits: dict[str, JsonObject] = audit["splits"]
    return splits


def test_rows_are_cleaned_and_keep_their_line_numbers(raw: Path, out: Path) -> None:
    task = make_task(raw)

    prepare(task, out)

    assert list(read_rows(out / "train.jsonl")) == [
        Row("train-0", "a cat", ("eine Katze", "die Katze")),
        Row("train-1", "a dog", ("ein Hund",)),
        Row("train-2", "a dog", ("ein Hund",)),
        Row("train-3", "a dog", ("der Hund",)),
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["audit.json", *(f"{stem}.jsonl" for stem in split_sources(task))]
    )


def test_the_audit_counts_everything(raw: Path, out: Path) -> None:
    audit = prepare(make_task(raw), out)

    assert audit["train"] == {
        "records_in": 7,
        "rows_in": 7,
        "rows_out": 4,
        "quarantined": 0,
        "dropped": {"empty_reference": 1, "empty_source": 1, "too_long": 1},
        "changed": {"space": 2},
        "duplicates": {"pairs": 1, "sources": 2},
        "references_per_row": {"min": 1, "max": 2},
        "source_characters": {"mean": 5.0, "max": 5},
        "target_characters": {"mean": 8.6, "max": 10},
        "misaligned": None,
        "overlap_with_train": None,
    }


def test_overlap_is_counted_for_each_held_out_split(raw: Path, out: Path) -> None:
    audit = prepare(make_task(raw), out)

    nothing = {"flagged": 0, "any_ngram": 0, "train_lines": 0, "train_ngrams": 0} | {
        f"train_{name}": 0
        for name in ("source", "target", "pair", "near_source", "near_target", "near_pair")
    }
    assert audit["validation"]["overlap_with_train"] == nothing | {
        "checked": 2,
        "flagged": 2,
        "train_source": 1,
        "train_target": 2,
        "train_pair": 1,
        "train_near_source": 1,
        "train_near_target": 2,
        "train_near_pair": 1,
    }
    assert audit["test"]["overlap_with_train"] == nothing | {"checked": 1}
    assert audit["test"]["overlap_with_validation"] == nothing | {"checked": 1}
    assert "overlap_with_validation" not in audit["validation"]


def test_whole_dialogues_are_counted(raw: Path, out: Path) -> None:
    for split, dialogues in (
        ("train", ["a b c", "A B c", "d e"]),
        ("validation", ["x y"]),
        ("test", ["a b c", "a b", "x y", "D, e"]),
    ):
        write_split(raw, split, [json.dumps({"turns": turns.split()}) for turns in dialogues])
    task = make_task(
        raw,
        kind=TaskKind.dialogue,
        reader="dialogue_turns",
        target_language=None,
        columns={"turns": "turns"},
    )

    audit = prepare(task, out)

    overlap = audit["test"]["overlap_with_train"]
    assert isinstance(overlap, dict)
    assert (overlap["dialogues"], overlap["whole_dialogues"]) == (4, 2)
    assert (overlap["checked"], overlap["train_dialogue"], overlap["train_exchange"]) == (5, 3, 4)
    assert audit["train"]["dialogues"] == {"checked": 3, "repeated": 1, "held_out": 3}
    overlap = audit["test"]["overlap_with_validation"]
    assert isinstance(overlap, dict)
    assert overlap["whole_dialogues"] == 1


def test_a_data_set_for_tests_only_has_no_overlap_to_count(raw: Path, out: Path) -> None:
    (raw / "train.jsonl").unlink()

    audit = prepare(make_task(raw, train_split=None, validation_split=None), out)

    assert list(audit) == ["test"]
    assert audit["test"]["overlap_with_train"] is None


def test_only_the_first_training_rows_are_read(raw: Path, out: Path) -> None:
    audit = prepare(make_task(raw, max_train_rows=2), out)

    assert audit["train"]["rows_in"] == 2
    assert audit["validation"]["rows_in"] == 2


@pytest.mark.parametrize("limit", [1, 3])
def test_limit_of_training_rows_leaves_held_out_splits_whole(
    raw: Path, out: Path, limit: int
) -> None:
    """Oracle: the lines of the raw files; the held-out splits have more rows than the limit, or
    their raw split is even called train.
    """
    write_split(raw, "test", [json.dumps({"en": f"bird {n}", "de": "Vogel"}) for n in range(5)])
    write_split(raw, "extra", [json.dumps({"en": f"cow {n}", "de": "Kuh"}) for n in range(4)])
    task = make_task(raw, max_train_rows=limit, test_sets=["test", "extra"])

    audit = prepare(task, out)

    assert {stem: counts["rows_in"] for stem, counts in audit.items()} == {
        "train": limit,
        "validation": 2,
        "test": 5,
        "extra": 4,
    }
    assert [row.id for row in read_rows(out / "train.jsonl")] == [
        f"train-{number}" for number in range(limit)
    ]


def test_limit_is_of_the_split_that_is_trained_on_whatever_its_name(raw: Path, out: Path) -> None:
    """Oracle: the lines of the raw files; what is called train is the test set here."""
    task = make_task(
        raw, train_split="validation", validation_split=None, test_sets=["only"], max_train_rows=1
    )
    (raw / "train.jsonl").rename(raw / "only.jsonl")

    audit = prepare(task, out)

    assert {stem: counts["rows_in"] for stem, counts in audit.items()} == {"train": 1, "only": 7}


def test_splits_are_written_under_the_name_of_their_use(raw: Path, out: Path) -> None:
    task = make_task(raw, train_split="validation", validation_split="test", test_sets=["test"])

    prepare(task, out)

    assert [row.id for row in read_rows(out / "train.jsonl")] == ["validation-0", "validation-1"]


def test_unreadable_lines_and_bad_records_are_quarantined(raw: Path, out: Path) -> None:
    lines = [json.dumps(record) for record in TEST * 6]
    write_split(raw, "test", [*lines, "{broken", '{"en": "no german"}'])

    audit = prepare(make_task(raw), out, CleaningConfig(max_bad_share=0.25))

    assert audit["test"]["quarantined"] == 2
    assert audit["test"]["records_in"] == 8
    entries = [json.loads(line) for line in (out / "quarantine.jsonl").read_text().splitlines()]
    assert [(entry["split"], entry["location"]) for entry in entries] == [
        ("test", "test.jsonl:7"),
        ("test", "test.jsonl:8"),
    ]
    assert entries[1]["reason"].startswith("no column de")
    assert str(raw) not in (out / "quarantine.jsonl").read_text()


def test_more_bad_records_than_tolerated_are_an_error(raw: Path, out: Path) -> None:
    write_split(raw, "test", ['{"en": "no german"}', *[json.dumps(record) for record in TEST * 2]])

    with pytest.raises(DataError, match=r"test\.jsonl:1: no column de.*1 of 3 lines"):
        prepare(make_task(raw), out, CleaningConfig(max_bad_share=0.3))


def test_a_split_without_a_row_left_is_an_error_with_the_reasons(raw: Path, out: Path) -> None:
    write_split(raw, "test", ['{"en": "", "de": "x"}', '{"en": "x", "de": []}'])

    message = r"tasks\.mine: split test has no row left of 2.*empty_source: 1, empty_reference: 1"
    with pytest.raises(DataError, match=message):
        prepare(make_task(raw), out)


def test_a_repeated_id_is_an_error_that_names_it(raw: Path, out: Path) -> None:
    write_split(raw, "test", ['{"en": "a", "de": "b", "key": 7}'] * 3)
    columns = {"source": "en", "target": "de", "id": "key|en"}

    with pytest.raises(DataError, match=r"the id 7 is given to several rows \(2 repeats\)"):
        prepare(make_task(raw, train_split="test", columns=columns), out)


def test_a_missing_test_set_is_known_before_anything_is_written(raw: Path, out: Path) -> None:
    with pytest.raises(DataError, match="no file for split late"):
        prepare(make_task(raw, test_sets=["test", "late"]), out)

    assert list(out.iterdir()) == []


def test_wrong_columns_are_known_before_anything_is_written(raw: Path, out: Path) -> None:
    with pytest.raises(ConfigError, match="needs target"):
        prepare(make_task(raw, columns={"source": "en"}), out)


def test_the_same_raw_data_gives_the_same_bytes(raw: Path, out: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()

    prepare(make_task(raw), out)
    prepare(make_task(raw), again)

    for path in out.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


@pytest.mark.parametrize("kind", [TaskKind.translation, TaskKind.summarization, TaskKind.dialogue])
def test_the_builtin_corpus_is_prepared_for_each_kind(kind: TaskKind, out: Path) -> None:
    task = TaskConfig(kind=kind, reader="builtin", source_language="en", target_language="zh")

    prepare_rows("made", task, CleaningConfig(), data_root=None, folder=out)

    audit = json.loads((out / "audit.json").read_text())["splits"]
    assert {split: counts["rows_out"] for split, counts in audit.items()} == BUILTIN_SIZES
    assert all(counts["dropped"] == {} == counts["changed"] for counts in audit.values())


@pytest.mark.parametrize("num_rows", [40, 5_100])
def test_a_builtin_task_has_as_many_training_rows_as_asked_for(num_rows: int, out: Path) -> None:
    """The first of them are the same, whatever the number."""
    task = TaskConfig(
        kind=TaskKind.dialogue, reader="builtin", source_language="en", max_train_rows=num_rows
    )

    prepare_rows("made", task, CleaningConfig(), data_root=None, folder=out)

    sources = [json.loads(line)["source"] for line in (out / "train.jsonl").open(encoding="utf-8")]
    assert len(sources) == num_rows
    assert sources[:40] == [row.source for row in generate_rows("dialogue", "train", num_rows=40)]


def test_prepared_splits_are_named_by_their_use() -> None:
    task = make_task(RAW, train_split="train_small", validation_split="dev", test_sets=["a", "b"])

    assert split_sources(task) == {"train": "train_small", "validation": "dev", "a": "a", "b": "b"}
    assert list(split_sources(make_task(RAW, train_split=None))) == ["validation", "test"]
    assert list(split_sources(make_task(RAW, test_sets=["validation"]))) == ["train", "validation"]


@pytest.mark.parametrize(
    "settings",
    [
        {"train_split": "train_small", "test_sets": ["train"]},
        {"validation_split": "dev", "test_sets": ["validation"]},
        {"test_sets": ["quarantine"]},
    ],
)
def test_two_splits_for_one_file_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="would name two files"):
        split_sources(make_task(RAW, **settings))


def test_progress_ends_with_the_rows_kept(raw: Path, out: Path) -> None:
    seen: dict[str, int] = {}

    prepare_rows(
        "mine", make_task(raw), CLEANING, data_root=None, folder=out, on_progress=seen.__setitem__
    )

    kept = {"train": 4, "validation": 2, "test": 1}
    assert seen == kept | {"contamination in train": 4, "contamination in validation": 2}
