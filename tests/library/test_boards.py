"""Boards and runs as frames.

Oracles: leaderboard.csv and leaderboard.json of the published boards, read by pandas and json; the
files of the record.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path

import pandas
import pytest

import mtnlg
from mtnlg.errors import ArtifactError, NewerVersionError
from mtnlg.report.csv_table import render_csv
from mtnlg.report.latex import render_latex

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
NAMES = sorted(path.parent.name for path in PUBLISHED.glob("*/leaderboard.json"))


@pytest.mark.parametrize("name", NAMES)
def test_boards_of_a_report_are_those_of_its_csv(name: str) -> None:
    """Oracle: the CSV that was written beside, byte for byte."""
    boards = mtnlg.load_board(PUBLISHED / name)

    expected = (PUBLISHED / name / "leaderboard.csv").read_text(encoding="utf-8")
    assert render_csv(boards.leaderboard) == expected


def test_frame_is_what_pandas_reads_from_the_csv() -> None:
    frame = mtnlg.load_board(PUBLISHED / "demo" / "leaderboard.json").to_frame()
    table = pandas.read_csv(PUBLISHED / "demo" / "leaderboard.csv")

    columns = ["system", "metric", "value", "low", "high", "n", "rank", "signature", "parameters"]
    pandas.testing.assert_frame_equal(frame[columns], table[columns], check_dtype=False)
    assert not frame.isna().all().any()


def test_record_gives_the_same_boards_as_the_report() -> None:
    record = mtnlg.load_board(PUBLISHED / "ci" / "record.zip")
    report = mtnlg.load_board(str(PUBLISHED / "ci"))

    pandas.testing.assert_frame_equal(record.to_frame(), report.to_frame())
    assert record.to_latex() == render_latex(record.leaderboard)
    assert repr(report).startswith("Boards('ci': 1 boards, ")
    assert "<table" in report._repr_html_()


def test_folder_with_a_record_alone_is_read_from_it(tmp_path: Path) -> None:
    shutil.copy(PUBLISHED / "ci" / "record.zip", tmp_path)

    assert len(mtnlg.load_board(tmp_path).to_frame()) > 0


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("{", ArtifactError, "cannot be read"),
        ("[]", ArtifactError, "cannot be read"),
        ('{"schema_version": 99}', NewerVersionError, "schema_version is 99, and"),
        ("{}", ArtifactError, "Expected `int`, got `null`"),
        ('{"schema_version": "3"}', ArtifactError, "Expected `int`, got `str`"),
        ('{"schema_version": 1}', ArtifactError, "schema_version is 1, and"),
        ('{"schema_version": 3, "experiment": "x"}', ArtifactError, "`$.boards`"),
    ],
)
def test_broken_leaderboard_is_named(
    tmp_path: Path, text: str, kind: type[Exception], message: str
) -> None:
    path = tmp_path / "leaderboard.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(kind) as caught:
        mtnlg.load_board(tmp_path)

    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_path_without_a_board_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has neither leaderboard\.json nor record\.zip"):
        mtnlg.load_board(tmp_path)
    with pytest.raises(ArtifactError, match=r"nowhere: cannot be read \(No such file"):
        mtnlg.load_board(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of the demo as folders."""
    root = tmp_path_factory.mktemp("record")
    with zipfile.ZipFile(PUBLISHED / "demo" / "record.zip") as archive:
        archive.extractall(root)
    return root


def test_runs_have_their_settings_scores_and_curves(unpacked: Path) -> None:
    """Oracle: config.yaml, scores.json and metrics.csv, read without our code."""
    runs = mtnlg.load_runs(unpacked / "runs" / "demo")

    ids = [run.run_id for run in runs.runs]
    assert runs.settings.index.tolist() == ids
    assert runs.settings["model.name"].tolist() == ["pointer_nano", "mt_nlg_nano"]
    assert runs.settings.status.tolist() == ["finished", "finished"]
    run = json.loads((unpacked / "runs" / "demo" / ids[0] / "run.json").read_text("utf-8"))
    score = next(entry for entry in run["scores"] if entry["kind"] == "trained")
    path = unpacked / "artifacts" / "scores" / score["scores"] / "scores.json"
    expected = json.loads(path.read_text("utf-8"))["subsets"]["all"]["metrics"]
    chosen = runs.metrics[
        (runs.metrics.run == ids[0])
        & (runs.metrics.kind == "trained")
        & (runs.metrics.task == score["task"])
        & (runs.metrics.subset == "all")
    ].set_index("metric")
    assert chosen.value.to_dict() == {name: entry["value"] for name, entry in expected.items()}
    metrics = unpacked / "artifacts" / "model" / run["artifacts"]["model"] / "metrics.csv"
    rows = list(csv.DictReader(io.StringIO(metrics.read_text("utf-8"))))
    losses = [float(row["validation_loss"]) for row in rows if row["validation_loss"]]
    curve = runs.curves[runs.curves.run == ids[0]]
    assert curve.validation_loss.dropna().tolist() == losses
    assert len(curve) == len(rows)


def test_record_has_the_runs_of_its_folders(unpacked: Path) -> None:
    folders = mtnlg.load_runs(unpacked / "runs" / "demo")
    record = mtnlg.load_runs(PUBLISHED / "demo" / "record.zip")

    for name in ("settings", "metrics", "curves"):
        pandas.testing.assert_frame_equal(getattr(folders, name), getattr(record, name))
    assert repr(record) == repr(folders)
    assert "<table" in record._repr_html_()


def test_baselines_that_runs_share_are_there_once(unpacked: Path) -> None:
    metrics = mtnlg.load_runs(unpacked / "runs" / "demo").metrics

    baselines = metrics[(metrics.kind == "baseline") & (metrics.metric == "bleu")]
    assert not baselines.duplicated(["system", "task", "subset"]).any()


def test_folder_without_runs_or_artifacts_is_named(unpacked: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no launch\.json; name the folder of an exper"):
        mtnlg.load_runs(tmp_path)
    with pytest.raises(ArtifactError, match="nowhere: no such folder; name it by artifacts_root"):
        mtnlg.load_runs(unpacked / "runs" / "demo", artifacts_root=tmp_path / "nowhere")
