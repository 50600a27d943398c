"""A report asked for again. Oracle: whether its boards are built once more, counted here."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from made_launch import MadeLaunch
from made_training import small_config
from mtnlg.artifacts.store import VERIFY_SINCE
from mtnlg.config import Config
from mtnlg.experiment import reports
from mtnlg.experiment.reports import report

KEY = "a" * 16


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Of an experiment of one run with all of its files."""
    launch = MadeLaunch(tmp_path)
    launch.add_scores(KEY)
    launch.add_predictions(KEY, ["a sentence"] * 7)
    launch.add_run("one", [launch.score(KEY)], artifacts={"model": KEY})
    launch.build()
    for name in ("config.yaml", "log.txt"):
        (launch.runs_root / "tiny" / "one" / name).write_text("seed: 1\n", encoding="utf-8")
    roots = {f"{name}_root": str(tmp_path / name) for name in ("artifacts", "runs", "reports")}
    return replace(small_config(), name="tiny", **roots)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reports that were made."""
    names: list[str] = []
    original = reports._make

    def count(config: Config, name: str, inputs: str) -> reports.Made:
        names.append(name)
        return original(config, name, inputs)

    monkeypatch.setattr(reports, "_code", lambda config: "c0de")
    monkeypatch.setattr(reports, "_make", count)
    return names


def test_report_of_unchanged_runs_is_left_alone(
    config: Config, made: list[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Its boards are told again, and its files are those that were written."""
    caplog.set_level(logging.INFO)
    logging.getLogger("mtnlg").propagate = True
    first = report(config)
    inodes = [path.stat().st_ino for path in first]
    told = caplog.text
    caplog.clear()

    assert report(config) == first

    assert made == ["tiny"]
    assert [path.stat().st_ino for path in first] == inodes
    assert caplog.text == told
    assert "nano" in told


def test_report_is_made_again_when_its_question_changes(config: Config, made: list[str]) -> None:
    """Oracle: the question on the page."""
    root = Path(config.runs_root).parent
    yaml = root / "conf" / "experiment" / "mine.yaml"
    yaml.parent.mkdir(parents=True)
    launch = Path(config.runs_root) / "tiny" / "launch.json"
    document = json.loads(launch.read_text(encoding="utf-8"))
    document["command"] = f"mtnlg run experiment=mine --config-dir {root / 'conf'}"
    launch.write_text(json.dumps(document), encoding="utf-8")
    for question in ("Is it fast?", "Is it right?"):
        yaml.write_text(f"# {question}\nseed: 1\n", encoding="utf-8")

        page = report(config)[0].read_text(encoding="utf-8")

        assert question in page
    assert made == ["tiny", "tiny"]


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "scores": lambda root: append(root / "artifacts" / "scores" / KEY / "scores.json"),
    "predictions": lambda root: append(root / "artifacts/predictions" / KEY / "predictions.jsonl"),
    "curve": lambda root: _put(root / "artifacts" / "model" / KEY / "metrics.csv"),
    "manifest": lambda root: append(root / "runs" / "tiny" / "one" / "run.json"),
    "launch": lambda root: append(root / "runs" / "tiny" / "launch.json"),
    "configuration": lambda root: append(root / "runs" / "tiny" / "one" / "config.yaml"),
    "log": lambda root: append(root / "runs" / "tiny" / "one" / "log.txt"),
    "import": lambda root: _put(root / "runs" / "tiny" / "imports.json"),
    "ratings": lambda root: _put(root / "runs" / "tiny" / "ratings" / "ratings.json"),
    "page": lambda root: append(root / "reports" / "tiny" / "index.html"),
    "a file of the report": lambda root: (root / "reports" / "tiny" / "leaderboard.md").unlink(),
    "its record": lambda root: (
        append(root / "reports" / "tiny" / ".report.json")
        or os.truncate(root / "reports" / "tiny" / ".report.json", 9)
    ),
}


def _put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("change", CHANGES)
def test_report_is_made_again_when_a_file_changes(
    config: Config, made: list[str], tmp_path: Path, change: str
) -> None:
    report(config)
    CHANGES[change](tmp_path)

    report(config)

    assert made == ["tiny", "tiny"]


def test_report_is_made_again_for_other_settings_or_code_or_to_verify(
    config: Config, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report(config)
    report(replace(config, report=replace(config.report, num_samples=3)))
    assert len(made) == 2
    monkeypatch.setattr(reports, "_code", lambda config: "0ther")
    report(replace(config, report=replace(config.report, num_samples=3)))
    assert len(made) == 3
    monkeypatch.setenv(VERIFY_SINCE, "1")
    report(replace(config, report=replace(config.report, num_samples=3)))
    assert len(made) == 4
