"""Published boards: what is copied, what is left behind, and that a stale board is detected.

Oracle: the launch that the fixture writes by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from made_launch import MadeLaunch
from mtnlg.cli.main import main
from mtnlg.errors import ArtifactError
from mtnlg.report.publish import check_published, public_command, publish, refresh_excerpts


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
    publish(
        "tiny",
        runs_root=launch.runs_root,
        artifacts_root=launch.artifacts_root,
        published_root=root,
        num_samples=2,
    )
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
    record = published / "tiny" / "record"

    lines = (record / "artifacts/predictions/s1/predictions.jsonl").read_text().splitlines()
    everything = "".join(path.read_text() for path in record.rglob("*") if path.is_file())

    assert [line.split('"prediction": ')[1].split(",")[0] for line in lines] == ['"one"', '"four"']
    assert "4711" not in everything
    assert "/scratch" not in everything
    page = (published / "tiny" / "index.html").read_text(encoding="utf-8")
    assert "Samples: 2 of 7 examples" in page


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
    assert "| **nano · seed 1** | bleu | 21.50 \\[20.50, 22.50\\] | 7 | 2.20M" in text
    assert "failed: nan loss" in text
    assert text.endswith("<!-- end of board -->\n\nEnd.\n")
    assert main(words) == 0


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
        publish(
            "tiny",
            runs_root=launch.runs_root,
            artifacts_root=launch.artifacts_root,
            published_root=published,
            num_samples=2,
        )

    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before


def test_command_keeps_all_but_the_paths() -> None:
    command = "mtnlg run 'task=[a,b]' data_root=/x artifacts_root=/y seed=1,2"

    assert public_command(command) == "mtnlg run 'task=[a,b]' data_root=DATA seed=1,2"


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
    assert "tiny: made again" in printed
