"""Everything that can be wrong with a run or a score, planted one by one and all at once: the
report is written in every format, shows every run with its reason, and ranks only what can be
compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from made_launch import MadeLaunch, made_task
from mtnlg.evaluation import Resampling, score_predictions
from mtnlg.records.files import JsonObject, JsonValue, write_jsonl
from mtnlg.records.rows import Prediction
from mtnlg.records.scores import save_scores
from read_report import written
from report_tables import ABSENT, READERS, ReadRow

NUM_ROWS = 12
Plant = Callable[[MadeLaunch, str], None]


def add_real(
    launch: MadeLaunch,
    name: str,
    *,
    num_right: int = 5,
    num_rows: int = NUM_ROWS,
    first: int = 0,
    **run: JsonValue,
) -> Path:
    """A system with real scores of made-up texts, of rows from a first one on; their folder."""
    rows = []
    for index in range(first, first + num_rows):
        words = [f"w{index + step}" for step in range(8)]
        output = " ".join([*words[:num_right], *["x"] * (8 - num_right)])
        rows.append(Prediction(f"row-{index}", "a source", (" ".join(words),), output))
    predictions = launch.artifacts_root / "predictions" / name
    predictions.mkdir(parents=True)
    write_jsonl(predictions / "predictions.jsonl", (row.to_json() for row in rows))
    folder = launch.artifacts_root / "scores" / name
    scores = score_predictions(
        rows, language="de", metrics=["rouge1"], resampling=Resampling(num_resamples=50)
    )
    save_scores(folder, scores)
    tasks: list[JsonValue] = [made_task(main_metric="rouge1")]
    score = launch.score(name, system=name, scored_rows=f"rows {first} to {first + num_rows}")
    launch.add_run(name, [score], system=name, tasks=tasks, **run)
    return folder


def change_metric(folder: Path, **changes: JsonValue) -> None:
    """Write other fields of the one metric into scores.json, as any program might."""
    path = folder / "scores.json"
    document: JsonObject = json.loads(path.read_text("utf-8"))
    document["subsets"]["all"]["metrics"]["rouge1"] |= changes  # type: ignore[index,call-overload,operator]
    path.write_text(json.dumps(document), "utf-8")


def fell(launch: MadeLaunch, name: str) -> None:
    launch.add_run(name, status="failed", reason="out of memory at step 7", system=name)


def goes_on(launch: MadeLaunch, name: str) -> None:
    launch.add_run(name, status="running", system=name, finished_at=None)


def never_started(launch: MadeLaunch, name: str) -> None:
    launch.run_ids.append(name)


def without_a_score(launch: MadeLaunch, name: str) -> None:
    launch.add_run(name, system=name)


def with_value(value: float) -> Plant:
    return lambda launch, name: change_metric(add_real(launch, name), value=value)


def with_scores(content: bytes) -> Plant:
    def plant(launch: MadeLaunch, name: str) -> None:
        (add_real(launch, name) / "scores.json").write_bytes(content)

    return plant


def truncated(launch: MadeLaunch, name: str) -> None:
    path = add_real(launch, name) / "scores.json"
    path.write_bytes(path.read_bytes()[:-40])


def elsewhere(launch: MadeLaunch, name: str) -> None:
    launch.add_run(name, [launch.score("../../etc/passwd", system=name)], system=name)


def other_signature(launch: MadeLaunch, name: str) -> None:
    change_metric(add_real(launch, name), signature="nrefs:1|tok:other|version:0")


def other_size(launch: MadeLaunch, name: str) -> None:
    add_real(launch, name, num_rows=NUM_ROWS - 5)


def other_data(launch: MadeLaunch, name: str) -> None:
    add_real(launch, name, first=100)


def no_evidence(launch: MadeLaunch, name: str) -> None:
    change_metric(add_real(launch, name), signature=None)


def no_statistics(launch: MadeLaunch, name: str) -> None:
    (add_real(launch, name) / "statistics.npz").unlink()


def corrupt_statistics(launch: MadeLaunch, name: str) -> None:
    path = add_real(launch, name) / "statistics.npz"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3 : len(raw) // 2] = b"\xff" * (len(raw) // 2 - len(raw) // 3)
    path.write_bytes(raw)


def pickled_statistics(launch: MadeLaunch, name: str) -> None:
    folder = add_real(launch, name)
    with (folder / "statistics.npz").open("wb") as stream:
        np.savez(stream, rouge1=np.array([{"a": 1}], dtype=object))


def other_statistics(launch: MadeLaunch, name: str) -> None:
    change_metric(add_real(launch, name), value=99.0)


UNRANKED: dict[str, tuple[Plant, str]] = {
    "fell": (fell, "out of memory at step 7"),
    "goes-on": (goes_on, "it has not finished"),
    "never-started": (never_started, "there is no run.json: it did not start"),
    "without-a-score": (without_a_score, "the run finished without a score here"),
    "not-a-number": (with_value(float("nan")), "its value is nan, which is no finite number"),
    "infinite": (with_value(float("inf")), "its value is inf, which is no finite number"),
    "truncated": (truncated, "its scores cannot be read: scores.json: not valid JSON"),
    "no-json": (with_scores(b"scores: 1\n"), "scores.json: not valid JSON"),
    "no-text": (with_scores(b"\xff\xfe\x00"), "scores.json: not valid JSON"),
    "a-list": (with_scores(b"[1, 2]"), "scores.json: expected a JSON object, found list"),
    "empty": (with_scores(b""), "scores.json: not valid JSON"),
    "deep": (with_scores(b"[" * 100_000), "scores.json: not valid JSON"),
    "elsewhere": (elsewhere, "the key of its scores is no folder name"),
    "other-signature": (other_signature, "not comparable: rouge1 has signature nrefs:1|tok:other"),
    "other-size": (other_size, "rouge1 is over 7 examples, most rows over 12"),
    "other-data": (
        other_data,
        "its test set has other ids, sources or references than",
    ),
    "no-evidence": (
        no_evidence,
        "its score cannot be read: Expected `str`, got `null` - at "
        "`$.subsets.all.metrics.rouge1.signature`",
    ),
}
"""Fault -> how it is planted, and what the report says of a row that has no rank for it."""

UNTESTED: dict[str, tuple[Plant, str]] = {
    "no-statistics": (no_statistics, "its statistics.npz: missing or broken (no such file)"),
    "corrupt-statistics": (corrupt_statistics, "its statistics.npz: missing or broken ("),
    "pickled-statistics": (pickled_statistics, "its statistics.npz: missing or broken ("),
    "other-statistics": (other_statistics, "its statistics give 62.5 and not its score"),
}
"""Those whose number can be ranked, and what the report says of why it is in no test."""

FAULTS = UNRANKED | UNTESTED


def with_good_systems(launch: MadeLaunch) -> MadeLaunch:
    """Three systems without fault, which say what is usual."""
    for name, num_right in (("best", 8), ("good", 6), ("fair", 4)):
        add_real(launch, name, num_right=num_right)
    return launch


def row_of(rows: list[ReadRow], name: str) -> ReadRow:
    """The one row of that system."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    (row,) = [row for row in rows if pattern.search(row.text.partition(" is ")[0])]
    return row


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_in_every_format_and_the_others_are_ranked(
    launch: MadeLaunch, tmp_path: Path, name: str
) -> None:
    plant, reason = FAULTS[name]
    with_good_systems(launch)
    plant(launch, name)

    report = written(launch.build(), tmp_path / "report")

    for file, read in READERS.items():
        rows = read(report[file])
        assert len(rows) == 4, file
        assert [row.rank != ABSENT for row in rows].count(True) == (3 + (name in UNTESTED)), file
        assert (row_of(rows, name).rank == ABSENT) == (name in UNRANKED), file
        shown = (
            row_of(rows, name).text
            if name in UNRANKED or file.endswith("json")
            else plain(report[file])
        )
        assert reason in shown, (file, shown)


def plain(text: str) -> str:
    """A report without what its format escapes text by."""
    text = re.sub(r"<[^>]*>", "", text).replace("&#39;", "'")
    return re.sub(r"\\(?:text[a-z]+\{\}|(?=[^\w]))", "", text)


def test_all_faults_at_once_are_named_in_every_format(launch: MadeLaunch, tmp_path: Path) -> None:
    with_good_systems(launch)
    for name, (plant, _) in FAULTS.items():
        plant(launch, name)

    report = written(launch.build(), tmp_path / "report")

    for file, read in READERS.items():
        rows = read(report[file])
        assert len(rows) == 3 + len(FAULTS), file
        ranked = [row for row in rows if row.rank != ABSENT]
        assert len(ranked) == 3 + len(UNTESTED), file
        for name, (_, reason) in UNRANKED.items():
            row = row_of(rows, name)
            assert row.rank == ABSENT, (file, name)
            assert reason in row.text, (file, name)


def test_faults_never_move_the_numbers_of_others(launch: MadeLaunch, tmp_path: Path) -> None:
    alone = with_good_systems(MadeLaunch(tmp_path / "alone")).build().boards[0]
    with_good_systems(launch)
    for name, (plant, _) in UNRANKED.items():
        plant(launch, name)

    board = launch.build().boards[0]

    def numbers(rows: object) -> list[object]:
        return [(row.label, row.rank, row.metrics, row.cld) for row in rows]  # type: ignore[attr-defined]

    assert numbers(board.ranked) == numbers(alone.ranked)
    assert board.comparisons == alone.comparisons


def test_most_rows_being_broken_leaves_the_good_one_ranked(launch: MadeLaunch) -> None:
    add_real(launch, "good")
    for index in range(3):
        with_value(float("nan"))(launch, f"nan-{index}")
        fell(launch, f"fell-{index}")

    board = launch.build().boards[0]

    assert [(row.system, row.rank) for row in board.ranked] == [("good", 1)]
    assert all(row.reason for row in board.rows if row.rank is None)
