"""run.json, launch.json and imports.json: what is written comes back; what is broken is a failed
run with the path of the field. Expected values are written out by hand.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtnlg.errors import ArtifactError
from mtnlg.records.files import JsonObject, JsonValue, read_json
from mtnlg.records.launches import read_launch, read_runs, register
from mtnlg.records.runs import (
    Contamination,
    Cost,
    ImportRecord,
    RunArtifacts,
    RunRecord,
    ScoreRecord,
    TaskRecord,
    read_imports,
    read_run,
    record_import,
    write_run,
)

TASK = "translation/tiny_en_de"
SCORE = ScoreRecord(
    TASK,
    "test",
    "de",
    "trained",
    "nano",
    "greedy",
    "p1",
    "s1",
    Cost(parameters=2_200_000, training_seconds=1140.5),
    Contamination(7, 2, "a match", {"train_source": 2}),
    "0123abc",
)
RUN = RunRecord(
    "run1",
    "finished",
    None,
    "nano",
    experiment="tiny",
    seed=3,
    decoding="greedy",
    tags=("demo",),
    tasks=(TaskRecord(TASK, "de", ("test", "2016"), "bleu"),),
    versions={"torch": "2.13.0", "lightning": None},
    python="3.11.7",
    git={"commit": "0123abc", "dirty": False},
    hardware={"cores": 2},
    code={"rows": "ab12"},
    started=datetime(2026, 5, 1, 10, 0, tzinfo=UTC),
    artifacts=RunArtifacts({"tiny": "r1"}, "c1", "t1", {"tiny": "k1"}, "m1"),
    scores=(SCORE,),
    objective=21.5,
    seconds=1200.0,
    finished=datetime(2026, 5, 1, 10, 20, tzinfo=UTC),
)


def change(path: Path, **changes: JsonValue) -> None:
    """Write other fields into a JSON file."""
    document: JsonObject = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(document | changes), "utf-8")


def test_run_comes_back(tmp_path: Path) -> None:
    write_run(tmp_path / "run1", RUN)

    assert read_run("run1", folder=tmp_path) == RUN


def test_overrides_are_those_of_the_launch(tmp_path: Path) -> None:
    """run.json says nothing of them, since a frozen configuration does not know them."""
    folder = tmp_path / "tiny"
    write_run(folder / "run1", RUN)
    register(folder, {"run1": ["seed=3"], "run2": []}, command=["/bin/mtnlg", "run"], code={})

    launch = read_launch("tiny", runs_root=tmp_path)
    first, second = read_runs(launch, runs_root=tmp_path)

    assert "overrides" not in read_json(folder / "run1" / "run.json")
    assert (launch.command, launch.run_ids) == ("mtnlg run", ("run1", "run2"))
    assert (first.overrides, second.status) == (("seed=3",), "waiting")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": "done"}, "Invalid enum value 'done' - at `$.status`"),
        ({"seed": "3"}, "Expected `int | null`, got `str` - at `$.seed`"),
        ({"scores": [{}]}, "Object missing required field `task` - at `$.scores[0]`"),
        ({"started_at": "noon"}, "Invalid RFC3339 encoded datetime - at `$.started_at`"),
        ({"seconds": float("nan")}, "not valid JSON (NaN is no JSON number)"),
        ({"artifacts": {"model": 7}}, "Expected `str | null`, got `int` - at `$.artifacts.model`"),
    ],
)
def test_run_of_another_shape_is_a_failed_one_that_names_the_field(
    tmp_path: Path, changes: JsonObject, fault: str
) -> None:
    write_run(tmp_path / "run1", RUN)
    change(tmp_path / "run1" / "run.json", **changes)

    run = read_run("run1", folder=tmp_path)

    assert (run.status, run.system, run.scores) == ("failed", "run1", ())
    assert run.reason == f"run.json cannot be read: {fault}"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("running", "it has not finished"),
        ("incomplete", "not all stages were asked for"),
        ("failed", "it failed without saying why"),
        ("finished", None),
    ],
)
def test_run_without_a_reason_has_that_of_its_status(
    tmp_path: Path, status: str, reason: str | None
) -> None:
    write_run(tmp_path / "run1", RUN)
    change(tmp_path / "run1" / "run.json", status=status)

    assert read_run("run1", folder=tmp_path).reason == reason


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2026-05-01T12:20:00+02:00", datetime(2026, 5, 1, 10, 20, tzinfo=UTC)),
        ("2026-05-01T12:20:00", datetime(2026, 5, 1, 12, 20, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_times_are_in_utc(tmp_path: Path, stamp: str, moment: datetime | None) -> None:
    write_run(tmp_path / "run1", RUN)
    change(tmp_path / "run1" / "run.json", finished_at=stamp)

    assert read_run("run1", folder=tmp_path).finished == moment


def test_launch_of_another_shape_is_an_error_with_the_field(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "launch.json").write_text('{"run_ids": ["a", 3]}')

    with pytest.raises(ArtifactError, match=r"launch\.json: Expected `str`.*`\$\.run_ids\[1\]`"):
        read_launch("tiny", runs_root=tmp_path)


def made_import(system: str, scores: str) -> ImportRecord:
    return ImportRecord(
        TASK, "test", "de", "external", system, None, "p", scores, note="theirs", published=("b=1",)
    )


def test_import_replaces_an_earlier_one_of_the_same_system(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()

    known = [
        record_import(folder, made_import(system, scores))
        for system, scores in (("x", "s1"), ("y", "s2"), ("x", "s3"))
    ]

    assert known == [False, False, True]
    assert read_imports("tiny", runs_root=tmp_path) == (
        made_import("x", "s3"),
        made_import("y", "s2"),
    )


def test_import_of_a_trained_system_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    record_import(folder, made_import("x", "s1"))
    text = (folder / "imports.json").read_text().replace("external", "trained")
    (folder / "imports.json").write_text(text)

    with pytest.raises(ArtifactError, match=r"'trained' - at `\$\.imports\[0\]\.kind`; import its"):
        read_imports("tiny", runs_root=tmp_path)


def test_launched_run_without_a_manifest_waits(tmp_path: Path) -> None:
    """Oracle: by hand; one that nothing launched did not start, which is a failure."""
    register(tmp_path / "x", {"a": []}, command=["mtnlg"], code={})

    assert read_run("a", folder=tmp_path / "x").status == "waiting"
    assert read_run("b", folder=tmp_path / "x").status == "failed"
