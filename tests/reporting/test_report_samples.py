"""Samples side by side: chosen by place and not by quality, and lined up by id."""

from __future__ import annotations

from pathlib import Path

from made_launch import MadeLaunch
from test_report_formats import Page, written

from mtnlg.reporting.samples import BoardSamples, board_samples


def samples_of(launch: MadeLaunch, num_samples: int) -> BoardSamples:
    leaderboard = launch.build()
    return board_samples(
        leaderboard.boards[0],
        artifacts_root=leaderboard.artifacts_root,
        num_samples=num_samples,
    )


def made_outputs(launch: MadeLaunch) -> None:
    """A trained system, and two baselines of which the second is better."""
    scores = []
    for kind, name, bleu in (
        ("trained", "nano", 20.0),
        ("baseline", "worse", 3.0),
        ("baseline", "better", 5.0),
    ):
        key = launch.add_predictions(
            launch.add_scores(name, bleu), [f"{name} {place}" for place in range(7)]
        )
        scores.append(launch.score(key, kind=kind, system=name))
    launch.add_run("run", scores)


def test_samples_are_taken_at_even_distances(launch: MadeLaunch) -> None:
    made_outputs(launch)

    chosen = samples_of(launch, 3)

    assert [sample.id for sample in chosen.samples] == ["row-0", "row-2", "row-4"]
    assert chosen.num_examples == 7


def test_samples_show_trained_systems_and_the_best_baseline(launch: MadeLaunch) -> None:
    made_outputs(launch)

    (sample,) = samples_of(launch, 1).samples

    assert [(output.label, output.text) for output in sample.outputs] == [
        ("nano", "nano 0"),
        ("better", "better 0"),
    ]


def test_more_samples_than_examples_shows_each_once(launch: MadeLaunch) -> None:
    made_outputs(launch)

    chosen = samples_of(launch, 20)

    assert [sample.id for sample in chosen.samples] == [f"row-{place}" for place in range(7)]


def test_missing_predictions_are_a_problem_and_not_an_error(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))])

    chosen = samples_of(launch, 3)
    page = Page(written(launch.build(), tmp_path / "report")["index.html"])

    assert chosen.samples == ()
    assert chosen.problems == (
        "nano: its predictions cannot be read: "
        "artifacts/predictions/run/predictions.jsonl: no such file",
    )
    assert chosen.problems[0] in page.text


def test_outputs_carry_the_language_of_the_board(launch: MadeLaunch, tmp_path: Path) -> None:
    made_outputs(launch)

    page = Page(written(launch.build(), tmp_path / "report")["index.html"])

    languages = [found["lang"] for tag, found in page.tags if found.get("class") == "text"]
    assert languages[:4] == ["", "de", "de", "de"], "source, reference, two outputs"
