"""Which commit a run names: that of the package that works."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mtnlg.provenance import manifest
from mtnlg.provenance.manifest import git_state


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
    monkeypatch.setattr(manifest, "PACKAGE_FOLDER", package)
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
