"""Which commit a run names: that of the package that works."""

from __future__ import annotations

import hashlib
import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from mtnlg.provenance import environment
from mtnlg.provenance.environment import git_diff, git_state


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    result = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the package in a folder of it, committed once."""
    package = tmp_path / "src" / "mtnlg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.setattr(environment, "PACKAGE_FOLDER", package)
    return tmp_path


def test_commit_is_that_of_the_package_wherever_one_works(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: git, asked in the package's repository; the working folder is another repository."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    git(elsewhere, "init", "-q")
    monkeypatch.chdir(elsewhere)

    assert git_state() == {"commit": git(repository, "rev-parse", "HEAD"), "dirty": False}


def test_package_is_dirty_by_its_own_changes_alone(repository: Path) -> None:
    """Oracle: one new file beside the package, then one within it."""
    (repository / "notes.txt").touch()
    assert git_state()["dirty"] is False

    (repository / "src" / "mtnlg" / "new.py").touch()
    assert git_state()["dirty"] is True


def test_installed_package_has_no_commit_even_within_a_repository(repository: Path) -> None:
    """Oracle: a virtual environment that a repository ignores or has not committed."""
    git(repository, "rm", "-q", "--cached", "-r", "src")

    assert git_state() == {"commit": None, "dirty": None}


def test_changes_of_the_package_make_its_files_again(repository: Path, tmp_path: Path) -> None:
    """Oracle: git, which applies the changes to the commit and gives the changed files."""
    package = repository / "src" / "mtnlg"
    (package / "__init__.py").write_text("seed = 2\n", encoding="utf-8")
    (package / "größe.py").write_text("new = 1\n", encoding="utf-8")
    (package / "data.bin").write_bytes(b"\x00\xff")
    wanted = {path.name: path.read_bytes() for path in package.iterdir()}
    file = tmp_path / "code.diff"
    file.write_bytes(git_diff())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert git_state()["diff"] == digest

    git(repository, "clean", "-q", "-f", "src")
    git(repository, "checkout", "-q", ".")
    git(package, "apply", "--directory=src/mtnlg", str(file))

    assert {path.name: path.read_bytes() for path in package.iterdir()} == wanted


def test_versions_are_those_of_all_that_the_package_requires() -> None:
    """Oracle: importlib, asked for each by name; tools for development compute nothing."""
    versions = environment.installed_versions()

    assert {"torch", "numpy", "scipy", "rapidfuzz", "regex", "pyarrow"} <= versions.keys()
    assert not {"ruff", "mypy", "pytest", "hypothesis"} & versions.keys()
    assert all(metadata.version(name) == version for name, version in versions.items())


def test_variables_are_those_that_change_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the variables by name; a folder is not shown."""
    for name in list(os.environ):
        monkeypatch.delenv(name) if environment.VARIABLES.fullmatch(name) else None
    wanted = {
        **{"OMP_NUM_THREADS": "3", "MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "avx2"},
        **{"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "PYTHONHASHSEED": "1", "KMP_AFFINITY": "none"},
        **{"LD_PRELOAD": "/opt/lib/liballoc.so"},
    }
    for name, value in {**wanted, "HOME": "/root", "SECRET_TOKEN": "x"}.items():
        monkeypatch.setenv(name, value)

    shown = environment.arithmetic_variables()

    assert shown == {**wanted, "LD_PRELOAD": "…/liballoc.so"}
