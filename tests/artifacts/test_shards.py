"""Shards over several processes, and files that grow by them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mtnlg.artifacts.shards import GrowingFiles, map_in_order
from mtnlg.errors import ArtifactError


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
    with pytest.raises(ArtifactError, match=r"killed.*lower preparation\.num_workers"):
        list(map_in_order(killed, None, range(9), num_workers=2))


def test_error_of_a_worker_is_raised_here() -> None:
    with pytest.raises(ValueError, match="no 0"):
        list(map_in_order(refused, None, range(9), num_workers=2))


def test_files_of_a_killed_attempt_are_cut_back_to_the_last_commit(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("damage", ["shorter", "gone", "no record"])
def test_files_that_do_not_fit_their_record_are_begun_anew(tmp_path: Path, damage: str) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    with GrowingFiles(tmp_path / "record", paths) as files:
        files.append(paths[0], b"one")
        files.append(paths[1], b"two")
        files.commit({"done": 1})
    if damage == "shorter":
        os.truncate(paths[1], 2)
    else:
        (paths[1] if damage == "gone" else tmp_path / "record").unlink()

    with GrowingFiles(tmp_path / "record", paths) as files:
        assert files.state == {}
        files.commit({})

    assert [path.read_bytes() for path in paths] == [b"", b""]
