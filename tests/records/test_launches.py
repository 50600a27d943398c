"""Runs that register themselves, and the launch that is made of them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mtnlg.records.files import read_json
from mtnlg.records.launches import launched_code, read_launch, register


def test_launches_of_one_name_add_up(tmp_path: Path) -> None:
    """Oracle: by hand; the commands stand in their order, each with its own jobs."""
    folder = tmp_path / "tiny"
    first, second = ["/bin/mtnlg", "run", "seed=2,1"], ["mtnlg", "run", "name=a b"]

    register(folder, {"z": ["seed=2"], "a": ["seed=1"]}, command=first, code={"a": {"rows": "1"}})
    register(folder, {"b": []}, command=second, code={})
    register(folder, {"c": []}, command=first, code={}, first=2)

    launch = read_launch("tiny", runs_root=tmp_path)
    assert launch.run_ids == ("z", "a", "c", "b")
    assert launch.overrides == {"z": ("seed=2",), "a": ("seed=1",), "c": (), "b": ()}
    assert launch.command == "mtnlg run seed=2,1 && mtnlg run 'name=a b'"
    assert launch.code["a"] == launched_code(folder / "a") == {"rows": "1"}


def test_run_that_is_asked_for_again_stands_with_the_last_command(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"

    register(folder, {"a": ["seed=1"]}, command=["mtnlg", "x"], code={"a": {"rows": "1"}})
    register(folder, {"b": [], "a": ["seed=1", "b=2"]}, command=["mtnlg", "y"], code={})

    launch = read_launch("tiny", runs_root=tmp_path)
    assert (launch.command, launch.run_ids) == ("mtnlg y", ("b", "a"))
    assert launched_code(folder / "a") == {}


def test_same_command_again_writes_no_registration(tmp_path: Path) -> None:
    """Oracle: the inode, which a file that is written again does not keep."""
    for _ in range(2):
        register(tmp_path / "tiny", {"a": []}, command=["mtnlg"], code={})
        inodes = {(tmp_path / "tiny" / "a" / "launched.json").stat().st_ino}

    register(tmp_path / "tiny", {"a": []}, command=["mtnlg"], code={})
    assert inodes == {(tmp_path / "tiny" / "a" / "launched.json").stat().st_ino}


def test_run_of_a_broken_registration_stays_and_of_a_removed_one_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: by hand; what was asked for is in launch.json too."""
    monkeypatch.setattr(logging.getLogger("mtnlg"), "propagate", True)
    folder = tmp_path / "tiny"
    register(folder, {"a": ["seed=1"], "b": [], "c": []}, command=["mtnlg"], code={})
    (folder / "a" / "launched.json").write_text("{")
    (folder / "b" / "launched.json").unlink()

    register(folder, {"d": []}, command=["mtnlg", "more"], code={})

    launch = read_launch("tiny", runs_root=tmp_path)
    assert launch.run_ids == ("a", "c", "d")
    assert launch.overrides["a"] == ("seed=1",)
    assert str(folder / "a" / "launched.json") in caplog.text
    assert launched_code(folder / "a") == launched_code(folder / "b") == {}

    register(folder, {"a": ["seed=1"]}, command=["mtnlg"], code={})
    assert read_json(folder / "a" / "launched.json")["command"] == "mtnlg"
