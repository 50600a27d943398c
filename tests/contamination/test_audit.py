"""Contamination signals, from files to files. Expected values are written out by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from mtnlg.config import TaskConfig, TaskKind
from mtnlg.contamination import audit
from mtnlg.contamination.audit import RowsFile, RunFiles, audit_splits, write_contamination
from mtnlg.errors import DataError
from mtnlg.records.files import read_json, write_jsonl
from mtnlg.records.rows import Row, read_tags

TRAIN = [Row("0", "a cat", ("eine Katze",)), Row("1", "a dog", ("ein Hund",))]
TEST = [Row("x", "a dog", ("ein Tier",)), Row("y", "a bird", ("ein Vogel",))]
SIGNALS = {
    *("train_source", "train_target", "train_pair", "train_lines", "train_ngrams"),
    *("train_near_source", "train_near_target", "train_near_pair"),
    *("train_exchange", "train_dialogue"),
}


def rows_file(path: Path, rows: list[Row]) -> RowsFile:
    write_jsonl(path, (row.to_json() for row in rows))
    return RowsFile(path, "", is_dialogue=False)


def dialogue(name: str, *turns: str) -> list[Row]:
    return [
        Row(f"{name}:{number}", "\n".join(turns[:number]), (turns[number],))
        for number in range(1, len(turns))
    ]


def write_splits(folder: Path, **splits: list[Row]) -> list[str]:
    for name, rows in splits.items():
        rows_file(folder / f"{name}.jsonl", rows)
    return list(splits)


def test_signals_of_every_row_are_written_and_read_again(tmp_path: Path) -> None:
    tests = {"mine.test": rows_file(tmp_path / "test.jsonl", TEST)}
    seen: list[int] = []

    lines = write_contamination(
        tmp_path,
        RunFiles(tests, {"mine.train": rows_file(tmp_path / "train.jsonl", TRAIN)}),
        on_rows=seen.append,
    )

    summary = read_json(tmp_path / "contamination.json")
    assert lines == ["mine.test: signals found in 1 of 2 rows checked"]
    assert read_tags(tmp_path / "mine.test.jsonl") == {
        "x": ("train_source", "train_near_source"),
        "y": (),
    }
    assert sum(seen) == len(TRAIN)
    assert summary["training_sets"] == ["mine.train"]


def test_summary_has_the_counts_of_each_test_set_and_a_rule_for_each_signal(
    tmp_path: Path,
) -> None:
    """Oracle: by eye. Of `b`, one row is a training pair; training sets are named in order."""
    tests = {
        "a.test": rows_file(tmp_path / "a.jsonl", TEST),
        "b.test": rows_file(tmp_path / "b.jsonl", TRAIN[:1]),
    }
    training = {
        "b.train": rows_file(tmp_path / "second.jsonl", TRAIN[1:]),
        "a.train": rows_file(tmp_path / "first.jsonl", TRAIN[:1]),
    }

    write_contamination(tmp_path, RunFiles(tests, training), on_rows=lambda _: None)

    summary = json.loads((tmp_path / "contamination.json").read_text(encoding="utf-8"))
    assert summary["training_sets"] == ["a.train", "b.train"]
    assert set(summary["rules"]) == SIGNALS
    assert "verbatim" in summary["rules"]["train_pair"]
    nothing = dict.fromkeys(SIGNALS - {"train_exchange", "train_dialogue"}, 0)
    few = {"checked": 2, "flagged": 1, "any_ngram": 0, "train_source": 1, "train_near_source": 1}
    pair = {"source", "target", "pair", "near_source", "near_target", "near_pair"}
    all_of_it = dict.fromkeys((f"train_{signal}" for signal in pair), 1)
    assert summary["test_sets"] == {
        "a.test": nothing | few,
        "b.test": nothing | all_of_it | {"checked": 1, "flagged": 1, "any_ngram": 0},
    }


def test_progress_has_every_training_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: five rows, reported two at a time."""
    monkeypatch.setattr(audit, "BLOCK_BYTES", 100)  # a row has about sixty
    tests = {"a.test": rows_file(tmp_path / "test.jsonl", TEST)}
    seen: list[int] = []

    training = {"a.train": rows_file(tmp_path / "train.jsonl", [*TRAIN, *TRAIN, TEST[0]])}
    write_contamination(tmp_path, RunFiles(tests, training), on_rows=seen.append)

    assert seen == [2, 2, 1]


def test_nothing_is_read_where_nothing_is_tested(tmp_path: Path) -> None:
    """Such as in a run of plain text alone, whose training text may be long."""
    missing = RowsFile(tmp_path / "no_such_file.jsonl", "", is_dialogue=False)

    assert (
        write_contamination(tmp_path, RunFiles({}, {"a.train": missing}), on_rows=lambda _: None)
        == []
    )

    assert read_json(tmp_path / "contamination.json")["test_sets"] == {}


def test_file_that_is_none_of_ours_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": "1"}\n', encoding="utf-8")

    with pytest.raises(DataError, match=r"x\.jsonl:1: Object missing required field `tags`"):
        read_tags(tmp_path / "x.jsonl")


def test_files_of_a_run_are_those_of_its_tasks_with_the_recorded_sha256(tmp_path: Path) -> None:
    """Oracle: hashlib. A task without a training split has test sets alone."""
    texts = {"talk": ("test", "train"), "mt": ("test", "test_b")}
    sha256: dict[str, str] = {}
    for name, splits in texts.items():
        folder = tmp_path / name
        folder.mkdir()
        files = {}
        for split in splits:
            content = f"{name} {split}".encode()
            (folder / f"{split}.jsonl").write_bytes(content)
            sha256[f"{name}.{split}"] = hashlib.sha256(content).hexdigest()
            files[f"{split}.jsonl"] = {
                "bytes": len(content),
                "sha256": sha256[f"{name}.{split}"],
            }
        record = {"schema_version": 1, "stage": "rows", "key": "0", "inputs": {}, "files": files}
        (folder / "artifact.json").write_text(json.dumps(record), encoding="utf-8")
    tasks = {
        "talk": TaskConfig(
            kind=TaskKind.dialogue,
            reader="dialogue_turns",
            source_language="en",
            test_sets=["test"],
        ),
        "mt": TaskConfig(
            kind=TaskKind.translation,
            reader="parallel_text",
            source_language="en",
            target_language="de",
            train_split=None,
            test_sets=["test", "test_b"],
        ),
    }

    files_of_run = RunFiles.of(tasks, {name: tmp_path / name for name in tasks})

    assert files_of_run.training_sets == {
        "talk.train": RowsFile(tmp_path / "talk/train.jsonl", sha256["talk.train"], True)
    }
    assert list(files_of_run.test_sets) == ["talk.test", "mt.test", "mt.test_b"]
    assert files_of_run.test_sets["mt.test_b"].path == tmp_path / "mt/test_b.jsonl"
    assert files_of_run.identity == {
        "test_sets": {
            "talk.test": {"sha256": sha256["talk.test"], "is_dialogue": True},
            "mt.test": {"sha256": sha256["mt.test"], "is_dialogue": False},
            "mt.test_b": {"sha256": sha256["mt.test_b"], "is_dialogue": False},
        },
        "training_sets": {"talk.train": {"sha256": sha256["talk.train"], "is_dialogue": True}},
    }


def test_splits_of_dialogues_are_audited_against_train_and_validation(tmp_path: Path) -> None:
    """Oracle: by eye. The first training dialogue comes twice, the other is a test dialogue."""
    stems = write_splits(
        tmp_path,
        train=[
            *dialogue("a", "Hello.", "Good day.", "Bye."),
            *dialogue("b", "Hello.", "Good day.", "Bye."),
            *dialogue("c", "Any tea?", "No tea."),
        ],
        validation=dialogue("v", "Where to?", "Home."),
        test=[*dialogue("t", "Any tea?", "No tea."), *dialogue("u", "Where to?", "Home.")],
    )

    audits = audit_splits(tmp_path, stems, is_dialogue=True)

    assert audits["train"] == {
        "overlap_with_train": None,
        "dialogues": {"checked": 3, "repeated": 1, "held_out": 1},
    }
    assert audits["validation"]["dialogues"] == {"checked": 1, "repeated": 0, "held_out": 1}
    overlaps = {
        (split, name): value
        for split, record in audits.items()
        for name, value in record.items()
        if name.startswith("overlap_") and isinstance(value, dict)
    }
    counted = ("checked", "flagged", "train_pair", "dialogues", "whole_dialogues")
    assert {key: [value[name] for name in counted] for key, value in overlaps.items()} == {
        ("validation", "overlap_with_train"): [1, 0, 0, 1, 0],
        ("test", "overlap_with_train"): [2, 1, 1, 2, 1],
        ("test", "overlap_with_validation"): [2, 1, 1, 2, 1],
    }


def test_splits_of_rows_are_audited_without_dialogues_and_with_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: by eye. Rows are reported two at a time, and the total so far."""
    monkeypatch.setattr(audit, "BLOCK_BYTES", 100)  # a row has about sixty
    stems = write_splits(tmp_path, train=[*TRAIN, TEST[1]], validation=TRAIN[:1], test=TEST)
    reports: list[tuple[str, int]] = []

    audits = audit_splits(
        tmp_path, stems, is_dialogue=False, on_progress=lambda *report: reports.append(report)
    )

    assert audits["train"] == {"overlap_with_train": None}
    overlap = audits["test"]["overlap_with_train"]
    assert isinstance(overlap, dict)
    assert (overlap["checked"], overlap["flagged"], overlap["train_pair"]) == (2, 2, 1)
    assert "dialogues" not in audits["validation"]
    assert reports == [
        ("contamination in train", 2),
        ("contamination in train", 3),
        ("contamination in validation", 1),
    ]


@pytest.mark.parametrize("stems", [["test"], ["validation", "test"], ["train"]])
def test_splits_without_rows_to_compare_have_no_overlap(tmp_path: Path, stems: list[str]) -> None:
    """Oracle: the definition: only test rows are compared with the validation split."""
    write_splits(tmp_path, **dict.fromkeys(stems, TEST))

    audits = audit_splits(tmp_path, stems, is_dialogue=False)

    assert {stem: record["overlap_with_train"] for stem, record in audits.items()} == dict.fromkeys(
        stems
    )
    compared = {stem for stem in stems if "overlap_with_validation" in audits[stem]}
    assert compared == ({"test"} if "validation" in stems else set())


@pytest.mark.parametrize("num_bytes", [1, 90, 400])
@pytest.mark.parametrize("num_workers", [1, 3])
def test_blocks_and_processes_change_no_byte(
    num_bytes: int, num_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the whole file as one block; dialogues of one to six turns are cut everywhere."""
    words = [*"abcdefgh"]
    dialogues = [
        dialogue(f"d{number}", *(" ".join([words[number], *words[:turn]]) for turn in range(1, 7)))
        for number in range(6)
    ]
    rows = [row for number, turns in enumerate(dialogues) for row in turns[: 1 + number % 5]]
    train = [*rows, *dialogue("x", "a dog", "a cat"), Row("alone", "a", ("b",)), *dialogues[4]]
    splits = write_splits(tmp_path, train=train, test=[*rows[:3], *dialogues[4]])

    def audited() -> dict[str, object]:
        return dict(audit_splits(tmp_path, splits, is_dialogue=True, num_workers=num_workers))

    def searched() -> bytes:
        files = {name: RowsFile(tmp_path / f"{name}.jsonl", "", True) for name in splits}
        run = RunFiles({"test": files["test"]}, {"train": files["train"]})
        (tmp_path / "out").mkdir(exist_ok=True)
        write_contamination(tmp_path / "out", run, num_workers=num_workers, on_rows=lambda _: None)
        return b"".join(path.read_bytes() for path in sorted((tmp_path / "out").iterdir()))

    whole = audited(), searched()
    monkeypatch.setattr(audit, "BLOCK_BYTES", num_bytes)

    assert (audited(), searched()) == whole
    assert whole[0]["test"]["overlap_with_train"]["whole_dialogues"] == 3
