"""Damaged files and refusing disks: the same command names them and ends where an undisturbed one
does. Oracle: the board of the undisturbed run, apart from times.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import FAULTS, Experiment, Outcome, inject, table
from mtnlg.artifacts import store
from mtnlg.artifacts.store import VERIFY_SINCE, file_sha256
from mtnlg.errors import OutOfMemoryError
from mtnlg.records.files import read_json


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """An experiment that ran to its end; each test leaves it whole."""
    experiment = Experiment(tmp_path_factory.mktemp("faults"))
    assert experiment.run()[0] == 0
    return experiment


def broken(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if not outcome.is_held]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("tokens/*/train.ids.bin", "one bit flipped"),
        ("rows/*/train.jsonl", "emptied"),
        ("predictions/*/artifact.json", "replaced by random bytes"),
    ],
)
def test_damaged_file_is_named_and_built_again(
    finished: Experiment, pattern: str, fault: str
) -> None:
    path = next((finished.root / "artifacts").glob(pattern))

    outcomes = list(inject(finished, [path], [fault]))

    assert broken(outcomes) == []
    assert outcomes[0].is_named


@pytest.mark.slow
def test_report_names_a_damaged_score_and_a_run_heals_it(finished: Experiment) -> None:
    before = finished.board()
    path = next((finished.root / "artifacts" / "scores").glob("*/scores.json"))
    FAULTS["one bit flipped"](path)

    status, messages = finished.run(stage="report")
    shown = (finished.root / "reports" / "small" / "leaderboard.json").read_text(encoding="utf-8")
    healed, _ = finished.run()

    assert status == 4
    assert f"{path} is corrupt: sha256 is" in messages
    assert '"status": "damaged"' in shown
    assert (healed, finished.board()) == (0, before)


@pytest.mark.slow
def test_finished_run_reads_no_file_again_unless_asked(
    finished: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the calls of the hash, and the files that the records list."""
    finished.run()
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return file_sha256(path)

    monkeypatch.setattr(store, "file_sha256", counted)
    monkeypatch.setenv(VERIFY_SINCE, "0")  # the flag sets it: it is put back at the end

    assert finished.run()[0] == 0
    quiet = list(hashed)
    assert finished.run("--verify")[0] == 0

    assert quiet == []
    listed = [path for path in finished.files() if path.parents[2].name == "artifacts"]
    assert sorted(hashed) == sorted(path for path in listed if path.name != "artifact.json")


@pytest.mark.parametrize("name", ["artifacts", "runs", "reports"])
def test_root_that_is_a_file_is_named(tmp_path: Path, name: str) -> None:
    """Oracle: the message; nothing is written over the file."""
    experiment = Experiment(tmp_path)
    (tmp_path / name).write_text("a file", encoding="utf-8")

    status, messages = experiment.run(stage="report" if name == "reports" else "run")

    assert status == 4
    assert str(tmp_path / name) in messages or name == "reports"
    assert "Traceback" not in messages
    assert (tmp_path / name).read_text(encoding="utf-8") == "a file"


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_file_heals_from_every_fault(finished: Experiment, fault: str) -> None:
    """Every kind of file of every artifact and of the run."""
    kinds = {(path.parents[1].name, path.name): path for path in finished.files()}

    outcomes = list(inject(finished, kinds.values(), [fault]))

    print(table(outcomes))
    assert broken(outcomes) == []


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 40 MB, where this process may mount one."""
    folder = Path(tempfile.mkdtemp())
    words = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    os.rmdir(folder)


@pytest.mark.slow
def test_full_disk_is_named_wherever_it_fills_and_heals(small_disk: Path, tmp_path: Path) -> None:
    """Oracle: status 4 and the path until there is room, then the board of another disk."""
    experiment, undisturbed = Experiment(small_disk), Experiment(tmp_path)
    assert undisturbed.run()[0] == 0
    statuses = []
    for kilobytes in range(0, 400, 24):
        filler = small_disk / "filler"
        filler.unlink(missing_ok=True)
        free = shutil.disk_usage(small_disk).free - 1024 * kilobytes
        filler.write_bytes(b"x" * max(free, 0))
        status, messages = experiment.run()
        statuses.append(status)
        if status:
            assert str(small_disk) in messages
            assert " are free" in messages
        assert "Traceback" not in messages

    filler.unlink()

    assert set(statuses) <= {0, 4}
    assert statuses.count(4) > 3
    assert experiment.run()[0] == 0
    assert experiment.board() == undisturbed.board()
    assert not list(small_disk.glob("artifacts/*/*.partial"))


@pytest.mark.slow
def test_read_only_disk_is_named(small_disk: Path) -> None:
    """A finished experiment asked again writes its manifest, and cannot."""
    experiment = Experiment(small_disk)
    code = "import faults, sys; sys.exit(faults.Experiment(faults.Path(sys.argv[1])).run()[0])"
    folder = str(Path(__file__).parents[1] / "support")  # its own process leaves no file open
    subprocess.run([sys.executable, "-c", code, str(small_disk)], cwd=folder, check=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    status, messages = experiment.run()

    assert status == 4
    assert "Read-only file system" in messages
    assert "Traceback" not in messages


def in_child(folder: Path, code: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """A process that runs code with `experiment`, with these variables or, of None, without."""
    start = "import faults, sys; experiment = faults.Experiment(faults.Path(sys.argv[1])); "
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", start + code, str(folder)],
        cwd=Path(__file__).parents[1] / "support",
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("home", [None, "/dev/null/home"])
def test_run_needs_no_home(finished: Experiment, tmp_path: Path, home: str | None) -> None:
    """Oracle: the board of the undisturbed run."""
    code = "status, messages = experiment.run(); print(messages); sys.exit(status)"
    result = in_child(tmp_path, code, HOME=home, XDG_CACHE_HOME=None)

    assert result.returncode == 0, result.stdout
    assert Experiment(tmp_path).board() == finished.board()


@pytest.mark.slow
def test_clock_that_jumps_changes_nothing(
    finished: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day forth and two days back, at each look. Oracle: the board of the undisturbed run, and
    that the same command, by a clock that jumps on, builds nothing.
    """
    seconds, jumps = time.time, itertools.cycle((86_400, -172_800, 0))
    monkeypatch.setattr(time, "time", lambda: seconds() + next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * (seconds() + next(jumps))))
    experiment = Experiment(tmp_path)

    assert experiment.run()[0] == 0
    folders = sorted(tmp_path.glob("artifacts/*/[0-9a-f]*"))
    status, messages = experiment.run()

    assert status == 0
    assert "nothing is built" in messages
    assert "cached" in messages.splitlines()[-1]
    assert sorted(tmp_path.glob("artifacts/*/[0-9a-f]*")) == folders
    assert experiment.board() == finished.board()


@pytest.mark.slow
def test_memory_that_is_used_up_is_named_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    """A limit of the address space little above what is in use, and a model that needs more.
    Oracle: the words, the status of that error, and the folders on the disk.
    """
    code = (
        "import re, resource, mtnlg.training; "
        "used = 1024 * int(re.search(r'VmSize:\\s+(\\d+)', open('/proc/self/status').read())[1]); "
        "limit = used + 300_000_000; resource.setrlimit(resource.RLIMIT_AS, (limit, limit)); "
        "status, messages = experiment.run('model.hidden_size=4096', 'model.num_layers=4'); "
        "print(messages); sys.exit(status)"
    )
    result = in_child(tmp_path, code)

    assert result.returncode == OutOfMemoryError.exit_code, result.stdout + result.stderr
    assert "error: out of memory" in result.stdout
    assert "Traceback" not in result.stdout
    (path,) = tmp_path.glob("runs/small/*/run.json")
    assert read_json(path)["status"] == "failed"
    assert not list(tmp_path.glob("artifacts/model/[0-9a-f]*"))
