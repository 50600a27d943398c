"""Folders that appear whole or not at all, once for each key."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mtnlg.artifacts.store import (
    artifact_key,
    find_artifact,
    make_artifact,
    recorded_sha256,
    verify_artifact,
)
from mtnlg.errors import ArtifactError, DataError
from mtnlg.records.files import JsonObject

INPUTS: JsonObject = {"rows": "abc", "size": 7}
KEY = artifact_key("rows", INPUTS)


def writer(text: str = "a row\n") -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / "nested").mkdir(exist_ok=True)
        (folder / "nested" / "train.jsonl").write_text(text, encoding="utf-8")

    return build


def visible(root: Path) -> list[str]:
    """What lies beside the artifacts, locks apart."""
    return sorted(path.name for path in (root / "rows").iterdir() if not path.name.startswith("."))


def test_artifact_is_made_once(tmp_path: Path) -> None:
    first = make_artifact(tmp_path, "rows", INPUTS, writer())
    second = make_artifact(tmp_path, "rows", INPUTS, writer("something else"))

    assert (first.is_new, second.is_new) == (True, False)
    assert (second.folder / "nested" / "train.jsonl").read_text() == "a row\n"
    assert visible(tmp_path) == [KEY]


def test_key_depends_on_inputs_and_stage_but_not_on_their_order() -> None:
    assert artifact_key("rows", {"size": 7, "rows": "abc"}) == KEY
    assert len({KEY, artifact_key("rows", {**INPUTS, "size": 8}), artifact_key("x", INPUTS)}) == 3


@pytest.mark.parametrize("error", [DataError("bad line"), KeyboardInterrupt(), ValueError("ours")])
def test_failing_builder_leaves_nothing_and_the_next_call_rebuilds(
    tmp_path: Path, error: BaseException
) -> None:
    def build(folder: Path) -> None:
        (folder / "half.jsonl").write_text("half", encoding="utf-8")
        raise error

    with pytest.raises(type(error)):
        make_artifact(tmp_path, "rows", INPUTS, build)
    left = visible(tmp_path)
    again = make_artifact(tmp_path, "rows", INPUTS, writer())

    assert left == []
    assert again.is_new
    assert not (again.folder / "half.jsonl").exists()


def test_resumable_builder_finds_what_an_interrupted_attempt_left(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "step-5.ckpt").write_text("weights", encoding="utf-8")
        raise KeyboardInterrupt

    def resumed(folder: Path) -> None:
        assert (folder / "step-5.ckpt").read_text() == "weights"
        writer()(folder)

    with pytest.raises(KeyboardInterrupt):
        make_artifact(tmp_path, "rows", INPUTS, interrupted, is_resumable=True)
    assert visible(tmp_path) == [f"{KEY}.partial"]
    made = make_artifact(tmp_path, "rows", INPUTS, resumed, is_resumable=True)

    assert visible(tmp_path) == [KEY]
    verify_artifact(made.folder)


def test_resumable_builder_that_left_nothing_leaves_no_folder(tmp_path: Path) -> None:
    def refused(folder: Path) -> None:
        raise ValueError("broken data")

    with pytest.raises(ValueError, match="broken data"):
        make_artifact(tmp_path, "rows", INPUTS, refused, is_resumable=True)

    assert visible(tmp_path) == []


def test_leftover_of_a_killed_process_is_no_artifact(tmp_path: Path) -> None:
    """A killed process cleans nothing up: what it left is removed by the next attempt."""
    (tmp_path / "rows" / f"{KEY}.partial").mkdir(parents=True)
    (tmp_path / "rows" / f"{KEY}.partial" / "half.jsonl").write_text("half", encoding="utf-8")

    assert find_artifact(tmp_path, "rows", KEY) is None
    made = make_artifact(tmp_path, "rows", INPUTS, writer())

    assert not (made.folder / "half.jsonl").exists()


def test_record_of_an_attempt_killed_before_the_rename_is_written_anew(tmp_path: Path) -> None:
    partial = tmp_path / "rows" / f"{KEY}.partial"
    partial.mkdir(parents=True)
    (partial / "artifact.json").write_text('{"files": {}}', encoding="utf-8")

    made = make_artifact(tmp_path, "rows", INPUTS, writer(), is_resumable=True)

    assert find_artifact(tmp_path, "rows", KEY) == made.folder
    verify_artifact(made.folder)


@pytest.mark.parametrize("when", ["building", "recording"])
def test_full_disk_is_one_error_that_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "train.jsonl")

    monkeypatch.setattr("mtnlg.artifacts.store.write_record", full)

    with pytest.raises(ArtifactError, match=rf"{KEY}.*No space left.*bytes are free"):
        make_artifact(tmp_path, "rows", INPUTS, full if when == "building" else writer())

    assert visible(tmp_path) == []


def test_missing_and_shrunk_files_are_found_at_once(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    file = folder / "nested" / "train.jsonl"

    file.write_text("a ro", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"train\.jsonl: missing or not 6 bytes; delete"):
        find_artifact(tmp_path, "rows", KEY)
    file.unlink()
    with pytest.raises(ArtifactError, match=r"train\.jsonl"):
        find_artifact(tmp_path, "rows", KEY)
    with pytest.raises(ArtifactError, match=r"train\.jsonl: no such file"):
        verify_artifact(folder)


def test_flipped_byte_is_found_by_its_sha256(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    (folder / "nested" / "train.jsonl").write_text("a raw\n", encoding="utf-8")

    assert find_artifact(tmp_path, "rows", KEY) == folder
    with pytest.raises(ArtifactError, match=r"train\.jsonl is corrupt: sha256 is"):
        verify_artifact(folder)


@pytest.mark.parametrize(
    "record", ["{}", '{"files": 3}', '{"files": {"x": {}}}', '{"files": {"x": 1}}', "nonsense"]
)
def test_broken_record_is_an_error_that_names_it(tmp_path: Path, record: str) -> None:
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    (folder / "artifact.json").write_text(record, encoding="utf-8")

    with pytest.raises(ArtifactError, match=r"artifact\.json"):
        find_artifact(tmp_path, "rows", KEY)
    with pytest.raises(ArtifactError, match=r"artifact\.json"):
        verify_artifact(folder)


def test_record_of_a_later_version_is_refused(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    record = json.loads((folder / "artifact.json").read_text())
    (folder / "artifact.json").write_text(json.dumps({**record, "schema_version": 99}))

    with pytest.raises(ArtifactError, match=r"schema_version 99 is newer than 1; update mtnlg"):
        find_artifact(tmp_path, "rows", KEY)


def test_recorded_sha256_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder

    assert len(recorded_sha256(folder, "nested/train.jsonl")) == 64
    with pytest.raises(ArtifactError, match=r"has no file test\.jsonl"):
        recorded_sha256(folder, "test.jsonl")


def test_two_processes_build_one_key_once(tmp_path: Path) -> None:
    """The builder waits until both processes are there, so that one must wait for the other."""
    code = """
import sys, time
from pathlib import Path
from mtnlg.artifacts.store import make_artifact
root, name = Path(sys.argv[1]), sys.argv[2]
(root / f"ready-{name}").touch()
while len(list(root.glob("ready-*"))) < 2:
    time.sleep(0.01)
def build(folder):
    with (root / "builds").open("a") as stream:
        stream.write(name)
    (folder / "who").write_text(name)
print(make_artifact(root, "rows", {"rows": "abc"}, build).is_new)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), name], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    outputs = sorted(process.communicate(timeout=60)[0].strip() for process in processes)

    assert outputs == ["False", "True"]
    assert len((tmp_path / "builds").read_text()) == 1
