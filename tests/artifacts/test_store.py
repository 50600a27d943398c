"""Folders that appear whole or not at all, once for each key."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from filelock import FileLock

from mtnlg.artifacts import store
from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import (
    STAGE_VERSIONS,
    VERIFY_SINCE,
    artifact_key,
    file_sha256,
    find_artifact,
    folder_sha256,
    make_artifact,
    make_folder,
    package_versions,
    recorded_sha256,
    verify_artifact,
)
from mtnlg.errors import ArtifactError, DamagedError, DataError
from mtnlg.records.files import SEAL, JsonObject, read_json, write_json
from mtnlg.records.places import verified_file

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
    """Oracle: the bytes of the first builder."""
    first = make_artifact(tmp_path, "rows", INPUTS, writer())
    second = make_artifact(tmp_path, "rows", INPUTS, writer("something else"))

    assert (first.is_new, second.is_new) == (True, False)
    assert (second.folder / "nested" / "train.jsonl").read_text() == "a row\n"
    assert visible(tmp_path) == [KEY]


def test_key_depends_on_inputs_and_stage_but_not_on_their_order() -> None:
    """Oracle: one key for equal inputs, three for different ones."""
    assert artifact_key("rows", {"size": 7, "rows": "abc"}) == KEY
    assert len({KEY, artifact_key("rows", {**INPUTS, "size": 8}), artifact_key("x", INPUTS)}) == 3


@pytest.mark.parametrize("error", [DataError("bad line"), KeyboardInterrupt(), ValueError("ours")])
def test_failing_builder_leaves_nothing_and_the_next_call_rebuilds(
    tmp_path: Path, error: BaseException
) -> None:
    """Oracle: the folder of the stage, listed."""

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
    """Oracle: the file that the interrupted builder wrote."""

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
    """Oracle: the folder of the stage, listed."""

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
    """Oracle: the hashes of the files, checked again."""
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
    """Oracle: the operating system's words for a full disk."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "train.jsonl")

    monkeypatch.setattr("mtnlg.artifacts.store.write_record", full)

    with pytest.raises(ArtifactError, match=rf"{KEY}.*No space left.*bytes are free"):
        make_artifact(tmp_path, "rows", INPUTS, full if when == "building" else writer())

    assert visible(tmp_path) == []


FAULTS: dict[str, Callable[[Path], object]] = {
    "truncate": lambda path: path.write_bytes(path.read_bytes()[:-2]),
    "empty": lambda path: path.write_bytes(b""),
    "flip": lambda path: path.write_bytes(flipped(path.read_bytes())),
    "delete": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(bytes(range(256))),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


def flipped(content: bytes) -> bytes:
    """The bytes with one bit changed in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["nested/train.jsonl", "artifact.json"])
def test_damaged_folder_is_set_aside_and_built_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, fault: str
) -> None:
    """Oracle: the bytes of the first build, and the damaged bytes in the folder set aside."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    FAULTS[fault](folder / name)

    with pytest.raises(DamagedError, match=re.escape(f"{folder / name}")):
        find_artifact(tmp_path, "rows", KEY)
    again = make_artifact(tmp_path, "rows", INPUTS, writer())

    assert (again.is_new, again.folder) == (True, folder)
    assert (folder / "nested" / "train.jsonl").read_bytes() == b"a row\n"
    assert find_artifact(tmp_path, "rows", KEY) == folder
    assert visible(tmp_path) == [KEY, f"{KEY}.damaged-1"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {folder / name}")
    assert line.endswith(f"; set aside as {KEY}.damaged-1, built again")
    if fault == "flip" and name != "artifact.json":
        assert hashlib.sha256(b"a row\n").hexdigest() in line
        assert hashlib.sha256(flipped(b"a row\n")).hexdigest() in line


def test_each_damaged_folder_has_a_number_of_its_own(tmp_path: Path) -> None:
    """Oracle: the folder of the stage, listed; a file may stand where the folder was."""
    for number in range(2):
        folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
        (folder / "nested" / "train.jsonl").write_text(f"{number} row\n", encoding="utf-8")
    make_artifact(tmp_path, "rows", INPUTS, writer())
    folder.rename(tmp_path / "away")
    folder.write_text("no folder", encoding="utf-8")

    assert make_artifact(tmp_path, "rows", INPUTS, writer()).is_new
    assert visible(tmp_path) == [KEY, *(f"{KEY}.damaged-{number}" for number in (1, 2, 3))]


def test_record_that_was_edited_together_with_its_file_is_damaged(tmp_path: Path) -> None:
    """Oracle: a row and its recorded sha256, both replaced by hand."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    (folder / "nested" / "train.jsonl").write_text("a raw\n", encoding="utf-8")
    text = (folder / "artifact.json").read_text(encoding="utf-8")
    before, after = (hashlib.sha256(row).hexdigest() for row in (b"a row\n", b"a raw\n"))
    (folder / "artifact.json").write_text(text.replace(before, after), encoding="utf-8")

    with pytest.raises(ArtifactError, match=r"artifact\.json is corrupt"):
        verify_artifact(folder)
    with pytest.raises(DamagedError, match=r"artifact\.json is corrupt"):
        find_artifact(tmp_path, "rows", KEY)


def test_folder_of_another_key_is_damaged(tmp_path: Path) -> None:
    """Oracle: a sound folder, renamed."""
    folder = make_artifact(tmp_path, "rows", {**INPUTS, "size": 8}, writer()).folder
    folder.rename(folder.with_name(KEY))

    with pytest.raises(DamagedError, match=f"its inputs are not those of rows {KEY}"):
        find_artifact(tmp_path, "rows", KEY)


def test_damaged_file_that_is_not_asked_for_does_not_count(tmp_path: Path) -> None:
    """Oracle: a folder of two files, one of them damaged."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    (folder / "nested" / "train.jsonl").write_text("a raw\n", encoding="utf-8")

    assert find_artifact(tmp_path, "rows", KEY, "test.jsonl") == folder
    with pytest.raises(DamagedError):
        find_artifact(tmp_path, "rows", KEY, "nested/train.jsonl")


@pytest.mark.parametrize("cache", ["kept", "deleted", "garbage", "of other hashes"])
def test_file_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    """Oracle: the calls of the hash; only a cache that is not kept costs another."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    file, verified = folder / "nested" / "train.jsonl", verified_file(folder)
    hashed: list[Path] = []
    monkeypatch.setattr(store, "RECENT_NANOSECONDS", 0)
    monkeypatch.setattr(store, "file_sha256", lambda path: hashed.append(path) or file_sha256(path))

    find_artifact(tmp_path, "rows", KEY)
    find_artifact(tmp_path, "rows", KEY)
    assert hashed == [file]
    if cache == "deleted":
        verified.unlink()
    elif cache == "garbage":
        verified.write_bytes(b"\0garbage")
    elif cache == "of other hashes":
        verified.write_text(verified.read_text().replace("a", "b"), encoding="utf-8")
    find_artifact(tmp_path, "rows", KEY)
    find_artifact(tmp_path, "rows", KEY)

    assert hashed == [file] * (1 if cache == "kept" else 2)


def test_file_with_the_old_size_and_time_is_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: a byte changed in place, and the time set back: the time of the change remains."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    file = folder / "nested" / "train.jsonl"
    monkeypatch.setattr(store, "RECENT_NANOSECONDS", 0)
    find_artifact(tmp_path, "rows", KEY)
    status = file.stat()
    time.sleep(0.02)  # more than a tick of the file system
    with file.open("r+b") as stream:
        stream.write(b"A")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(DamagedError):
        find_artifact(tmp_path, "rows", KEY)


def test_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    """A file may change twice within one tick of the clock, with one stamp."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    os.utime(folder / "nested" / "train.jsonl")

    find_artifact(tmp_path, "rows", KEY)

    assert not verified_file(folder).exists()


def test_all_files_are_hashed_again_once_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the calls of the hash; the variable says since when."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    hashed: list[Path] = []
    monkeypatch.setattr(store, "RECENT_NANOSECONDS", 0)
    monkeypatch.setattr(store, "file_sha256", lambda path: hashed.append(path) or file_sha256(path))
    find_artifact(tmp_path, "rows", KEY)
    os.utime(verified_file(folder), ns=(0, 0))
    monkeypatch.setenv(VERIFY_SINCE, "1")

    find_artifact(tmp_path, "rows", KEY)
    find_artifact(tmp_path, "rows", KEY)

    assert len(hashed) == 2


def test_read_only_folder_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: a cache that cannot be written, and a folder that is found."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(store, "write_json", refuse)
    monkeypatch.setattr(store, "RECENT_NANOSECONDS", 0)

    assert find_artifact(tmp_path, "rows", KEY) == folder


@pytest.mark.parametrize(
    "record", ["{}", '{"files": 3}', '{"files": {"x": {}}}', '{"files": {"x": 1}}', "nonsense"]
)
def test_broken_record_is_an_error_that_names_it(tmp_path: Path, record: str) -> None:
    """Oracle: records written by hand."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    (folder / "artifact.json").write_text(record, encoding="utf-8")

    with pytest.raises(DamagedError, match=r"artifact\.json"):
        find_artifact(tmp_path, "rows", KEY)
    with pytest.raises(ArtifactError, match=r"artifact\.json"):
        verify_artifact(folder)


def test_record_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """Oracle: a version number beyond ours, sealed; it is not set aside."""
    folder = make_artifact(tmp_path, "rows", INPUTS, writer()).folder
    record = {**read_json(folder / "artifact.json"), "schema_version": 99}
    write_json(folder / "artifact.json", record, is_sealed=True)

    with pytest.raises(ArtifactError, match=r"schema_version 99 is newer than 1; update mtnlg"):
        find_artifact(tmp_path, "rows", KEY)
    with pytest.raises(ArtifactError, match=r"schema_version 99 is newer than 1; update mtnlg"):
        make_artifact(tmp_path, "rows", INPUTS, writer())


def test_recorded_sha256_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Oracle: the length of a sha256, and a name that the record lacks."""
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


@pytest.mark.parametrize(
    ("inputs", "canonical"),
    [
        (INPUTS, '["rows",{"rows":"abc","size":7}]'),
        ({"b": [1, None], "a": {"d": 0.5, "c": True}}, '["rows",{"a":{"c":true,"d":0.5},'
         '"b":[1,null]}]'),
        ({"text": "猫"}, '["rows",{"text":"猫"}]'),
    ],
)  # fmt: skip
def test_key_is_the_start_of_the_sha256_of_canonical_json(
    inputs: JsonObject, canonical: str
) -> None:
    """Oracle: the JSON written out, hashed by hashlib: a key must stay what it is."""
    assert artifact_key("rows", inputs) == hashlib.sha256(canonical.encode()).hexdigest()[:16]


def test_key_of_what_is_no_number_is_refused() -> None:
    """Oracle: JSON has no NaN."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        artifact_key("rows", {"share": float("nan")})


def test_releases_count_by_major_and_minor_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: written out."""
    versions = {"made-a": "2.13.0+cpu", "made-b": "10.4", "made-c": "6.3.1.dev2"}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)

    releases = package_versions(*versions)

    assert releases == {"made-a": "2.13", "made-b": "10.4", "made-c": "6.3"}


def test_record_says_what_gave_the_key_and_what_was_built(tmp_path: Path) -> None:
    """Oracle: the inputs, and the files hashed again."""
    made = make_artifact(tmp_path, "rows", INPUTS, writer())

    record = json.loads((made.folder / "artifact.json").read_text(encoding="utf-8"))
    record.pop("schema_version", None)
    assert len(record.pop(SEAL)) == 64
    assert made.folder == tmp_path / "rows" / KEY
    assert (made.stage, made.key) == ("rows", KEY)
    assert record == {
        "stage": "rows",
        "key": KEY,
        "inputs": INPUTS,
        "files": {
            "nested/train.jsonl": {
                "bytes": 6,
                "sha256": hashlib.sha256(b"a row\n").hexdigest(),
            }
        },
    }
    digest = hashlib.sha256(b"a row\n").hexdigest()
    assert recorded_sha256(made.folder, "nested/train.jsonl") == digest
    assert file_sha256(made.folder / "nested" / "train.jsonl") == digest


def test_folder_is_known_by_its_files_and_their_names(tmp_path: Path) -> None:
    """Oracle: equal files under other inputs are one content; another name, byte or stage is not,
    and a file that is left out never counts.
    """

    def build(**files: str) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")

        return write

    first = make_artifact(tmp_path, "rows", {"a": 1}, build(x="1", y="2"))
    same = make_artifact(tmp_path, "rows", {"a": 2}, build(y="2", x="1"))
    others = [
        make_artifact(tmp_path, stage, {"a": number}, build(**files))
        for number, (stage, files) in enumerate(
            [
                ("rows", {"x": "2", "y": "1"}),
                ("rows", {"x": "1", "z": "2"}),
                ("rows", {"x": "1", "y": "2", "log": "3"}),
                ("tokens", {"x": "1", "y": "2"}),
            ],
            start=3,
        )
    ]

    assert first.key != same.key
    assert first.content() == same.content()
    assert len({first.content(), *(other.content() for other in others)}) == 5
    assert others[2].content(without=("log",)) == first.content()
    assert first.content(without=("y",)) != first.content()


def test_hash_of_a_folder_is_that_of_its_files_by_name(tmp_path: Path) -> None:
    """Oracle: the sha256 of the JSON of names and sha256s, written out."""
    folder = tmp_path / "data"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "x").write_bytes(b"1")
    (folder / "a").write_bytes(b"2")
    digests = {"a": hashlib.sha256(b"2").hexdigest(), "b/x": hashlib.sha256(b"1").hexdigest()}

    found = folder_sha256(folder)

    assert found == hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    with pytest.raises(ArtifactError, match="nowhere: no such folder"):
        folder_sha256(tmp_path / "nowhere")


def test_who_has_to_wait_for_a_lock_says_so_and_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: a lock that is held until the words are said; the other process built meanwhile."""
    (tmp_path / "rows").mkdir()
    lock = FileLock(tmp_path / "rows" / f".{KEY}.lock")
    lock.acquire()
    said: list[str] = []

    def wait(words: str) -> None:
        said.append(words)
        lock.release()

    monkeypatch.setattr(store.logger, "info", wait)
    made = make_artifact(tmp_path, "rows", INPUTS, writer())
    again = make_artifact(tmp_path, "rows", {**INPUTS, "size": 8}, writer())

    assert said == [f"waiting for another process that makes rows {KEY}"]
    assert made.is_new
    assert again.is_new


def test_folder_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the order of the calls of the operating system: each file, the folder, its new name,
    and then the folder that holds the name.
    """
    calls: list[str] = []
    rename, fsync = os.rename, os.fsync

    def watched_fsync(descriptor: int) -> None:
        calls.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def watched_rename(old: Path, new: Path) -> None:
        calls.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "rename", watched_rename)

    make_artifact(tmp_path, "rows", INPUTS, writer())

    end = calls.index("rename")
    assert {"train.jsonl", "artifact.json", f"{KEY}.partial"} <= set(calls[:end])
    assert calls[end:] == ["rename", "rows"]


def test_fault_without_a_number_of_the_system_passes_unchanged(tmp_path: Path) -> None:
    """Oracle: the error that was raised; only what the system refuses is about the disk."""

    def build(_: Path) -> None:
        raise OSError("not a gzip file")

    with pytest.raises(OSError, match=r"^not a gzip file$"):
        make_artifact(tmp_path, "rows", INPUTS, build)


def test_stage_folder_has_its_number_its_code_and_its_packages_in_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the inputs in the record; each of them makes another key, and each call says what
    became of it.
    """
    code = Code(make_folder, packages=("numpy",))
    monkeypatch.setattr(Code, "digest", lambda *_: "c0de")
    monkeypatch.setattr(Code, "load", lambda _: None)

    first = make_folder(tmp_path, "rows", INPUTS, writer(), code=code)
    second = make_folder(tmp_path, "rows", INPUTS, writer("other"), code=code)
    plain = make_folder(str(tmp_path), "rows", INPUTS, writer())
    monkeypatch.setattr(Code, "digest", lambda *_: "0ther")
    edited = make_folder(tmp_path, "rows", INPUTS, writer(), code=code)
    monkeypatch.setitem(STAGE_VERSIONS, "rows", 99)
    raised = make_folder(tmp_path, "rows", INPUTS, writer(), code=code)

    record = json.loads((first.folder / "artifact.json").read_text(encoding="utf-8"))
    assert record["inputs"] == {
        **INPUTS,
        "version": 4,
        "code": "c0de",
        "packages": package_versions("numpy"),
    }
    assert (first.is_new, second.is_new, second.key) == (True, False, first.key)
    assert len({artifact.key for artifact in (first, plain, edited, raised)}) == 4
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rows")]
    assert lines[:3] == [
        f"rows          {first.key}  built",
        f"rows          {first.key}  cached",
        f"rows          {plain.key}  built",
    ]


def test_code_is_imported_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the order of the calls; code that was edited builds nothing."""
    order: list[str] = []

    def load(_: Code) -> None:
        order.append("load")
        raise ArtifactError("was changed while this run works")

    monkeypatch.setattr(Code, "digest", lambda *_: "c0de")
    monkeypatch.setattr(Code, "load", load)

    with pytest.raises(ArtifactError, match="was changed"):
        make_folder(
            tmp_path, "rows", INPUTS, lambda _: order.append("build"), code=Code(make_folder)
        )

    assert order == ["load"]
    assert visible(tmp_path) == []
