"""Published boards: what is copied, what is left behind, and that a stale board is detected.

Oracle: the launch that the fixture writes by hand.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from sacrebleu.metrics import CHRF

from made_launch import MadeLaunch
from made_samples import add_pair
from mtnlg.cli.main import main
from mtnlg.errors import ArtifactError
from mtnlg.leaderboard.samples import board_samples
from mtnlg.records.scores import copy_statistics, load_statistics
from mtnlg.report.publish import (
    check_published,
    open_archive,
    public_command,
    recorded_leaderboard,
    refresh_excerpts,
)
from mtnlg.report.text_formats import excerpt
from read_report import record_texts


@pytest.fixture
def published(launch: MadeLaunch, tmp_path: Path) -> Path:
    """reports/published with one board: a trained system, a baseline, and a run that failed."""
    launch.add_scores("s1", 21.5)
    launch.add_predictions("s1", ["one", "two", "three", "four", "five", "six", "seven"])
    launch.add_scores("s2", 3.25)
    launch.add_predictions("s2", ["copied"] * 7)
    launch.add_metrics("m1", "step,train_loss\n1,2.5\n")
    (launch.artifacts_root / "model" / "m1" / "training.json").write_text("{}", encoding="utf-8")
    scores = [launch.score("s1"), launch.score("s2", kind="baseline", system="copy_source")]
    launch.add_run("run1", scores, artifacts={"model": "m1"}, process=4711)
    launch.add_run("fell", status="failed", reason="nan loss", seed=2)
    launch.run_ids.append("never-started")
    launch.build("mtnlg run task=x data_root=/home/me/data runs_root=/scratch/runs")
    root = tmp_path / "reports" / "published"
    launch.publish(root, num_samples=2)
    return root


def test_published_report_equals_that_of_the_launch_but_for_paths_and_samples(
    published: Path,
) -> None:
    board = (published / "tiny" / "leaderboard.md").read_text(encoding="utf-8")

    assert "21.50 \\[20.50, 22.50\\]" in board
    assert "nan loss" in board
    assert "never-started" in board
    assert "data\\_root=DATA" in board
    assert "/home/me" not in board


def test_only_the_shown_predictions_and_nothing_of_the_machine_are_copied(published: Path) -> None:
    record = record_texts(published / "tiny")

    lines = record["artifacts/predictions/s1/predictions.jsonl"].splitlines()
    everything = "".join(record.values())

    assert [line.split('"prediction": ')[1].split(",")[0] for line in lines] == ['"one"', '"four"']
    assert "4711" not in everything
    assert "/scratch" not in everything
    page = (published / "tiny" / "index.html").read_text(encoding="utf-8")
    assert "Samples: 2 of 7 examples" in page


def test_settings_of_runs_are_published_without_folders_of_the_machine(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    for name, size in (("a", 1), ("b", 2)):
        words = [f"initial_model=/home/me/models/{name}.gguf", f"model.num_layers={size}"]
        launch.add_run(name, [launch.score(launch.add_scores(name, 20.0 + size))], overrides=words)
    launch.build()

    launch.publish(tmp_path / "published", num_samples=0)

    folder = tmp_path / "published" / "tiny"
    texts = [path.read_text() for path in folder.iterdir() if path.suffix != ".zip"]
    everything = "".join([*texts, *record_texts(folder).values()])
    assert "/home/me" not in everything
    assert "…/b.gguf" in everything


def test_published_samples_have_the_values_of_each_output(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    """Oracle: sentence chrF of sacreBLEU; the record keeps statistics of BLEU alone."""
    add_pair(launch)
    launch.build()
    launch.publish(tmp_path / "published", num_samples=2)

    record = tmp_path / "published" / "tiny" / "record.zip"
    with open_archive(record) as folder:
        board = recorded_leaderboard(folder).boards[0]
        shown = board_samples(board, artifacts_root=folder / "artifacts", num_samples=2).samples

    assert [sample.id for sample in shown] == ["0", "2"]
    for sample in shown:
        for output in sample.outputs:
            chrf = CHRF().sentence_score(output.text or "", list(sample.references)).score
            assert output.values["chrf"] == pytest.approx(chrf, abs=0.005)


def test_fresh_board_is_not_stale_and_a_changed_one_is(published: Path) -> None:
    assert check_published(published, readme=None) == []

    path = published / "tiny" / "leaderboard.md"
    path.write_text(path.read_text(encoding="utf-8").replace("21.50", "31.50"), encoding="utf-8")

    (stale,) = check_published(published, readme=None)
    assert str(path) in stale


def test_readme_shows_the_board_and_is_stale_when_it_is_edited(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# X\n<!-- board tiny -->\n<!-- end of board -->\n\nEnd.\n", encoding="utf-8")
    words = ["publish", "--check", "--reports-root", str(published.parent), "--readme", str(readme)]
    assert main(words) == 1
    assert f"stale: {readme}" in capsys.readouterr().err

    refresh_excerpts(readme, published_root=published)

    text = readme.read_text(encoding="utf-8")
    assert (
        "| **nano · seed 1** | bleu 21.50 \\[20.50, 22.50\\] | | copy\\_source 3.25 | 0.0 % | 2.20M"
        in text
    )
    assert "failed: nan loss" in text
    assert text.endswith("<!-- end of board -->\n\nEnd.\n")
    assert main(words) == 0


def test_readme_shows_the_best_baseline_alone(launch: MadeLaunch) -> None:
    scores = [
        launch.score(launch.add_scores("s1", 21.5)),
        launch.score(launch.add_scores("s2", 3.25), kind="baseline", system="copy_source"),
        launch.score(launch.add_scores("s3", 4.5), kind="baseline", system="lead_3"),
    ]
    launch.add_run("run1", scores)

    text = excerpt(launch.build())

    assert "| lead\\_3 4.50 | 0.0 % |" in text
    assert "copy" not in text


def test_readme_that_asks_for_an_unpublished_board_is_an_error(
    published: Path, tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- board other -->\n<!-- end of board -->\n", encoding="utf-8")

    with pytest.raises(ArtifactError, match="shows board other"):
        refresh_excerpts(readme, published_root=published)


def test_score_that_is_gone_leaves_the_published_board_as_it_was(
    launch: MadeLaunch, published: Path
) -> None:
    (launch.artifacts_root / "scores" / "s1" / "scores.json").unlink()
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}

    with pytest.raises(ArtifactError, match="run the experiment again"):
        launch.publish(published, num_samples=2)

    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before


def test_command_keeps_all_but_the_paths() -> None:
    command = "mtnlg run 'task=[a,b]' data_root=/x artifacts_root=/y seed=1,2"

    assert public_command(command) == "mtnlg run 'task=[a,b]' data_root=DATA seed=1,2"


@pytest.mark.parametrize(
    ("word", "public"),
    [
        ("initial_model=/home/me/models/a.gguf", "initial_model='…/a.gguf'"),
        ("system=local//home/me/a.gguf", "'system=local/…/a.gguf'"),
        ("system=hf/~/models/bart", "'system=hf/…/bart'"),
        ("system=hf/owner/name@rev", "system=hf/owner/name@rev"),
        ("system=openai/http://localhost:8000/v1/m", "system=openai/http://localhost:8000/v1/m"),
        ("task=translation/builtin_en_zh", "task=translation/builtin_en_zh"),
    ],
)
def test_public_command_has_no_folder_of_the_machine(word: str, public: str) -> None:
    assert shlex.split(public_command(f"mtnlg run {word}")) == shlex.split(f"mtnlg run {public}")


def test_refresh_makes_stale_boards_again_and_names_what_has_no_record(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (published / "tiny" / "leaderboard.md").write_text("edited")
    (published / "older").mkdir()
    (published / "older" / "index.html").write_text("kept")

    status = main(
        [
            *("publish", "--refresh", "--reports-root", str(published.parent)),
            *("--readme", str(tmp_path / "none.md")),
        ]
    )

    assert status == 0
    assert check_published(published, readme=None) == []
    assert (published / "older" / "index.html").read_text() == "kept"
    printed = capsys.readouterr().out
    assert "older: left as it is, since it has no record" in printed
    assert "tiny: written again" in printed


def test_record_has_the_same_bytes_whenever_it_is_written(
    launch: MadeLaunch, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the first publication; the files of the second are newer, and made in reverse."""
    path = published / "tiny" / "record.zip"
    before = path.read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)

    launch.publish(published, num_samples=2)

    assert path.read_bytes() == before
    with ZipFile(path) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_record_is_read_in_place(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the published page; nothing may be unpacked."""
    for name in ("extract", "extractall"):
        monkeypatch.delattr(ZipFile, name)

    assert check_published(published, readme=None) == []


def test_broken_record_is_an_error_that_names_it(published: Path) -> None:
    path = published / "tiny" / "record.zip"
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(ArtifactError, match=r"record\.zip: broken .*; publish .* again"):
        check_published(published, readme=None)


def test_flipped_bits_of_a_record_are_found(published: Path) -> None:
    """Oracle: the bits of the whole file, some of them at even distances."""
    path = published / "tiny" / "record.zip"
    content = path.read_bytes()
    named = 0

    for bit in range(5, 8 * len(content), max(8 * len(content) // 25, 1)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        words = ""
        try:
            check_published(published, readme=None)  # a date in the zip file changes no board
        except ArtifactError as error:
            words = str(error)
        named += words.startswith(f"{path}: broken")

    assert named > 15


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([[0, 255], [3, 1]], np.uint8),
        ([[0, 256], [3, 1]], np.uint16),
        ([[-1, 70_000], [3, 1]], np.int32),
        ([[0.5, 0.25], [3, 1]], np.float32),
        ([[0.1, 0.2], [3, 1]], np.float64),
        ([[np.nan, 0.5], [3, 1]], np.float64),
        ([[1e300, 1], [3, 1]], np.float64),
    ],
)
def test_statistics_are_kept_in_few_bytes_and_read_again_exactly(
    tmp_path: Path, numbers: list[list[float]], kind: type
) -> None:
    """Oracle: the smallest of NumPy's types that holds the numbers, by hand."""
    source, target = tmp_path / "source", tmp_path / "target"
    for folder in (source, target):
        folder.mkdir()
    expected = np.array(numbers, np.float64)
    np.savez(source / "statistics.npz", bleu=expected, is_clean=np.ones(2, bool))

    copy_statistics(source, target)

    arrays, masks = load_statistics(target)
    with np.load(target / "statistics.npz") as archive:
        assert archive["bleu"].dtype == kind
    assert arrays["bleu"].dtype == np.float64
    np.testing.assert_array_equal(arrays["bleu"], expected)
    assert masks["clean"].tolist() == [True, True]


def test_published_formats_are_those_asked_for_and_stay_so(
    launch: MadeLaunch, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the names of the files that each format has."""
    roots = [
        *("--runs-root", str(launch.runs_root), "--artifacts-root", str(launch.artifacts_root)),
        *("--reports-root", str(published.parent), "--readme", str(tmp_path / "none.md")),
    ]

    assert main(["publish", "tiny", "--formats", "terminal", "csv", *roots]) == 0

    names = {"leaderboard.txt", "leaderboard.csv", "record.zip"}
    assert {path.name for path in (published / "tiny").iterdir()} == names
    assert main(["publish", "--refresh", *roots[-4:]]) == 0
    assert {path.name for path in (published / "tiny").iterdir()} == names
    assert main(["publish", "tiny", "--formats", "pdf", *roots]) == 2
    assert "--formats has 'pdf'; known: html, markdown" in capsys.readouterr().err
