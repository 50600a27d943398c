"""Shards over several processes, and files that grow by them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mtnlg
from mtnlg.artifacts.shards import GrowingFiles, map_in_order
from mtnlg.errors import ArtifactError
from mtnlg.process.signals import end_at_once, handled_by


def product(factor: int, number: int) -> int:
    return factor * number


def killed(shared: None, number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refused(shared: None, number: int) -> int:
    raise ValueError(f"no {number}")


@pytest.mark.parametrize("num_workers", [1, 2])
def test_results_come_in_the_order_of_the_shards(num_workers: int) -> None:
    """Oracle: the built-in map."""
    results = map_in_order(product, 7, iter(range(23)), num_workers=num_workers)

    assert list(results) == [7 * number for number in range(23)]


def test_killed_worker_is_an_error_that_says_what_to_do() -> None:
    """Oracle: a worker that kills itself, and the setting to lower."""
    with pytest.raises(ArtifactError, match=r"killed.*lower preparation\.num_workers"):
        list(map_in_order(killed, None, range(9), num_workers=2))


def test_error_of_a_worker_is_raised_here() -> None:
    """Oracle: the error that the function raises."""
    with pytest.raises(ValueError, match="no 0"):
        list(map_in_order(refused, None, range(9), num_workers=2))


def test_files_of_a_killed_attempt_are_cut_back_to_the_last_commit(tmp_path: Path) -> None:
    """Oracle: the bytes appended before the commit, and those of the next attempt."""
    paths = [tmp_path / "a", tmp_path / "b"]
    with GrowingFiles(tmp_path / "record", paths) as files:
        files.append(paths[0], b"one")
        files.commit({"done": 1})
        files.append(paths[0], b"two")
        files.append(paths[1], b"three")

    with GrowingFiles(tmp_path / "record", paths) as files:
        assert files.state == {"done": 1}
        files.append(paths[1], b"four")
        files.commit({"done": 2})

    assert [path.read_bytes() for path in paths] == [b"one", b"four"]


@pytest.mark.parametrize("damage", ["shorter", "gone", "no record", "a bit", "a bit of the record"])
def test_files_that_do_not_fit_their_record_are_begun_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    """Oracle: empty files, whatever was damaged, and a line that names it."""
    paths = [tmp_path / "a", tmp_path / "b"]
    with GrowingFiles(tmp_path / "record", paths) as files:
        files.append(paths[0], b"one")
        files.append(paths[1], b"two")
        files.commit({"done": 1})
    if damage == "shorter":
        os.truncate(paths[1], 2)
    elif damage == "a bit":
        paths[1].write_bytes(b"twn")
    elif damage == "a bit of the record":
        text = (tmp_path / "record").read_text(encoding="utf-8")
        (tmp_path / "record").write_text(text.replace('"done": 1', '"done": 3'), encoding="utf-8")
    else:
        (paths[1] if damage == "gone" else tmp_path / "record").unlink()

    with GrowingFiles(tmp_path / "record", paths) as files:
        assert files.state == {}
        files.commit({})

    assert [path.read_bytes() for path in paths] == [b"", b""]
    words = capsys.readouterr().err
    named = tmp_path / ("record" if damage == "a bit of the record" else "b")
    assert damage == "no record" or (str(named) in words and "begun again" in words)


def about(shared: str, number: int) -> tuple[object, ...]:
    """What a worker process is like."""
    is_deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return shared, number, os.getpid(), os.environ.get("TOKENIZERS_PARALLELISM"), is_deaf


def test_workers_have_what_is_shared_and_leave_interrupts_to_their_parent() -> None:
    """Oracle: what the processes say of themselves; one worker is this process as it is."""
    results = list(map_in_order(about, "ours", range(8), num_workers=2))
    alone = list(map_in_order(about, "ours", range(2), num_workers=1))

    assert [result[:2] for result in results] == [("ours", number) for number in range(8)]
    assert os.getpid() not in {result[2] for result in results}
    assert {result[3:] for result in results} == {("false", True)}
    assert {result[2] for result in alone} == {os.getpid()}
    assert {result[4] for result in alone} == {signal.getsignal(signal.SIGINT) is signal.SIG_IGN}


def handlers(shared: None, number: int) -> list[bool]:
    """Whether a worker ends as usual by each signal that its parent handles or ignores."""
    return [signal.getsignal(each) is signal.SIG_DFL for each in (signal.SIGTERM, signal.SIGHUP)]


def test_workers_do_not_handle_signals_as_their_parent_does() -> None:
    """Oracle: a handler dies with the image of a process, and what is ignored stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled_by(end_at_once):
            results = list(map_in_order(handlers, None, range(2), num_workers=2))
    finally:
        signal.signal(signal.SIGHUP, before)

    assert results == [[True, False]] * 2


@pytest.mark.parametrize(("num_workers", "most"), [(1, 1), (2, 5), (3, 7)])
def test_only_a_few_shards_are_read_ahead(num_workers: int, most: int) -> None:
    """Oracle: two for each worker and the one whose result is given."""
    read = []

    def shards() -> Iterator[int]:
        for number in range(40):
            read.append(number)
            yield number

    results = map_in_order(product, 2, shards(), num_workers=num_workers)

    assert next(results) == 0
    assert len(read) == most
    assert list(results) == [2 * number for number in range(1, 40)]


def test_no_shards_give_no_results() -> None:
    """Oracle: the built-in map."""
    assert list(map_in_order(product, 2, [], num_workers=2)) == []


def test_a_single_shard_starts_no_process() -> None:
    """Oracle: what the process says of itself."""
    ((_, _, process, *_),) = map_in_order(about, "ours", [0], num_workers=2)

    assert process == os.getpid()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Oracle: the operating system's list of processes, within ten seconds."""
    code = """
import sys, time
from pathlib import Path
from mtnlg.artifacts.shards import map_in_order
sys.path.insert(0, sys.argv[1])
from sleeper import sleep
if __name__ == "__main__":
    list(map_in_order(sleep, sys.argv[1], range(4), num_workers=2))
"""
    (tmp_path / "sleeper.py").write_text(
        "import os, time\nfrom pathlib import Path\n"
        "def sleep(folder, number):\n"
        "    (Path(folder) / f'pid-{os.getpid()}').touch()\n"
        "    time.sleep(600)\n"
    )
    (tmp_path / "parent.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": f"{Path(mtnlg.__file__).parents[1]}:{tmp_path}"}
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path)], env=environment
    )
    wait_until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    workers = [int(path.name.removeprefix("pid-")) for path in tmp_path.glob("pid-*")]

    parent.kill()
    parent.wait()

    wait_until(lambda: not any(map(is_running, workers)))


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_files_go_on_after_a_commit_of_exactly_their_sizes(tmp_path: Path) -> None:
    """Oracle: the bytes appended, in their order; nothing was left over, and a file that the record
    does not name begins empty.
    """
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    with GrowingFiles(tmp_path / "record", paths[:2]) as files:
        assert files.state == {}
        files.append(paths[0], b"one")
        files.commit({"done": 1})
    paths[2].write_bytes(b"of somebody else")

    with GrowingFiles(tmp_path / "record", paths) as files:
        assert files.state == {"done": 1}
        for path in paths:
            files.append(path, b" two")
        files.commit({"done": 2})
        assert files.state == {"done": 2}

    assert [path.read_bytes() for path in paths] == [b"one two", b" two", b" two"]
    record = json.loads((tmp_path / "record").read_text())
    assert record["state"] == {"done": 2}
    assert record["sizes"] == {"a": 7, "b": 4, "c": 4}


def test_commit_is_on_the_disk_before_its_record_and_files_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: what the operating system was asked for, and the bytes at that time."""
    synced: dict[str, int] = {}
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.setdefault(path.name, path.stat().st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    path = tmp_path / "a"
    with GrowingFiles(tmp_path / "record", [path]) as files:
        files.append(path, b"one")
        files.commit({})

    assert synced["a"] == 3
    assert next(iter(synced)) == "a"
    with pytest.raises(ValueError, match="closed file"):
        files.append(path, b"two")


@pytest.mark.parametrize("record", ['{"sizes": 3}', '{"sizes": [], "state": {}}', "{}"])
def test_record_without_sizes_begins_anew(tmp_path: Path, record: str) -> None:
    """Oracle: nothing is known of the file, so nothing of it is kept."""
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "record").write_text(record)

    with GrowingFiles(tmp_path / "record", [tmp_path / "a"]) as files:
        assert files.state == {}

    assert (tmp_path / "a").read_bytes() == b""
