"""Learning curves: those of different tasks apart, for each system the mean of its seeds as a line,
and the band around it.

Oracle: rows of a metrics.csv written by hand in each test.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from made_launch import HEADER, MadeLaunch, made_task, made_training, put_json
from mtnlg.report.curve_charts import (
    TURNED,
    Chart,
    band_of,
    curve_charts,
    mean_of,
    trained_systems,
)
from mtnlg.report.run_details import training_facts
from read_report import Page, written

FINAL = {1: 3.0, 2: 5.0, 3: 4.0}
"""Seed -> validation metric at the end."""


def add_seeds(launch: MadeLaunch, system: str, seeds: dict[int, float], *words: str) -> None:
    for seed, metric in seeds.items():
        name = f"{system}-{'-'.join(words)}-{seed}"
        lines = f"1,1,10,5.0,4.5,1.0\n2,2,20,4.0,4.0,{metric}\n"
        key = launch.add_metrics(f"model-{name}", f"{HEADER}\n{lines}")
        score = launch.score(launch.add_scores(f"score-{name}", 20.0 + seed), system=system)
        overrides = [*words, f"seed={seed}"]
        launch.add_run(
            name, [score], overrides=overrides, system=system, seed=seed, artifacts={"model": key}
        )


def charts_of(launch: MadeLaunch) -> tuple[Chart, ...]:
    """The charts of a launch whose trainings have the same tasks."""
    (group,) = curve_charts(launch.build())
    return group.charts


def lines_of(chart: Chart) -> dict[str, str]:
    """Name -> classes of each line."""
    lines = ElementTree.fromstring(str(chart.drawing)).iter("polyline")
    return {str(line[0].text): line.attrib["class"] for line in lines if len(line)}


def test_seeds_are_one_line_in_a_band_with_an_entry_in_the_legend(launch: MadeLaunch) -> None:
    add_seeds(launch, "nano", FINAL)
    add_seeds(launch, "micro", {1: 9.0})

    loss, metric, training = charts_of(launch)

    titles = [chart.title for chart in (loss, metric, training)]
    assert titles == ["Validation loss", "Validation bleu", "Training loss"]
    assert lines_of(metric) == {"nano (3 seeds)": "curve c0", "micro": "curve c1"}
    root = ElementTree.fromstring(str(metric.drawing))
    assert len(list(root.iter("polygon"))) == 1
    legends = [text.text for text in root.iter("text") if text.get("class") == "legend"]
    assert legends == ["nano (3 seeds)", "micro"]
    assert metric.remarks == ("A line is the mean of its seeds; the band spans them.",)


def test_each_seed_is_named_in_numbers(launch: MadeLaunch, tmp_path: Path) -> None:
    add_seeds(launch, "nano", FINAL)

    _, metric, _ = charts_of(launch)

    assert {curve.name: curve.last for curve in metric.values} == {
        f"nano, seed {seed}": value for seed, value in FINAL.items()
    }
    page = Page(written(launch.build(), tmp_path)["index.html"])
    assert "nano, seed 2" in page.text


def test_trainings_of_other_tasks_have_charts_of_their_own(launch: MadeLaunch) -> None:
    for task in ("translation/a", "dialogue/b"):
        key = launch.add_metrics(task[-1], f"{HEADER}\n1,1,10,5.0,4.5,1.0\n")
        tasks = [made_task(task, main_metric="chrf")]
        launch.add_run(task[-1], tasks=tasks, artifacts={"model": key})

    groups = curve_charts(launch.build())

    assert [group.tasks for group in groups] == [("translation/a",), ("dialogue/b",)]
    assert [group.charts[1].title for group in groups] == ["Validation chrf"] * 2
    assert [list(lines_of(group.charts[1])) for group in groups] == [["nano"]] * 2


def test_only_the_eight_best_systems_have_a_color(launch: MadeLaunch) -> None:
    """Oracle: the validation losses below, of which those of the first two are the worst."""
    for number in range(10):
        lines = f"1,1,10,5.0,{9.0 - number},1.0\n"
        key = launch.add_metrics(f"m{number}", f"{HEADER}\n{lines}")
        launch.add_run(f"r{number}", system=f"s{number}", artifacts={"model": key})

    for chart in charts_of(launch):
        classes = lines_of(chart)
        assert {name for name, kind in classes.items() if kind == "curve gray"} == {"s0", "s1"}
        assert len({*classes.values()}) == 9
        assert "Gray: all but the 8 best systems" in chart.remarks[-1]


def test_best_loss_is_the_least_and_best_metric_the_greatest(launch: MadeLaunch) -> None:
    lines = "1,1,10,2.0,1.5,7.0\n2,2,20,4.0,4.0,3.0\n"
    key = launch.add_metrics("model", f"{HEADER}\n{lines}")
    launch.add_run("run", artifacts={"model": key})

    loss, metric, training = charts_of(launch)

    best = [(chart.values[0].best, chart.values[0].last) for chart in (loss, metric, training)]
    assert best == [(1.5, 4.0), (7.0, 3.0), (2.0, 4.0)]
    assert {chart.values[0].best_at for chart in (loss, metric, training)} == {10.0}


def test_minimized_metric_shows_its_own_numbers_and_the_least_is_best(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    """Oracle: a training maximizes the mean, where TER counts with its sign turned."""
    lines = "1,1,10,5.0,4.5,-70.0\n2,2,20,4.0,4.0,-40.0\n3,3,30,4.0,4.0,-55.0\n"
    key = launch.add_metrics("model", f"{HEADER}\n{lines}")
    put_json(
        launch.artifacts_root / "model" / key / "training.json",
        made_training(best_validation_metric=-40.0),
    )
    launch.add_run("run", tasks=[made_task(main_metric="ter")], artifacts={"model": key})

    leaderboard = launch.build()
    _, metric, _ = charts_of(launch)

    assert [(curve.last, curve.best, curve.best_at) for curve in metric.values] == [
        (55.0, 40.0, 20.0)
    ]
    assert metric.remarks == ()
    facts = dict(training_facts(leaderboard.runs[0], launch.artifacts_root))
    assert facts["best validation metric"] == "40"


def test_mean_of_metrics_of_both_directions_keeps_its_sign_and_says_so(launch: MadeLaunch) -> None:
    """Oracle: the rows below; of single tasks, TER is least where it is best, and BLEU greatest."""
    tasks = [made_task("translation/a", main_metric="ter"), made_task("translation/b")]
    names = ",".join(f"validation_metric/{task['task']}" for task in tasks)
    lines = "1,1,10,5.0,4.5,-10.0,70.0,50.0\n2,2,20,4.0,4.0,5.0,40.0,30.0\n"
    key = launch.add_metrics("model", f"{HEADER},{names}\n{lines}")
    launch.add_run("run", tasks=tasks, artifacts={"model": key})

    _, mean, ter, bleu, _ = charts_of(launch)

    assert mean.remarks == (TURNED,)
    assert [chart.values[0].best for chart in (mean, ter, bleu)] == [5.0, 40.0, 50.0]
    assert ter.remarks == bleu.remarks == ()
    assert ter.title == "Validation ter, translation/a"


def test_settings_other_than_the_seed_are_systems_of_their_own(launch: MadeLaunch) -> None:
    add_seeds(launch, "nano", {1: 3.0, 2: 4.0}, "optimizer.learning_rate=0.1")
    add_seeds(launch, "nano", {1: 5.0}, "optimizer.learning_rate=0.2")

    systems = trained_systems(launch.build())

    assert [(system.label, len(system.trainings)) for system in systems] == [
        ("nano · optimizer.learning_rate=0.1", 2),
        ("nano · optimizer.learning_rate=0.2", 1),
    ]


def test_decodings_of_one_model_are_one_curve(launch: MadeLaunch) -> None:
    key = launch.add_metrics("model", f"{HEADER}\n1,1,10,5.0,4.5,1.0\n")
    for decoding in ("greedy", "beam5"):
        launch.add_run(decoding, overrides=[f"decoding={decoding}"], artifacts={"model": key})

    (system,) = trained_systems(launch.build())

    assert [training.run.run_id for training in system.trainings] == ["greedy"]


def test_a_seed_that_was_trained_twice_is_not_drawn_over_the_other(launch: MadeLaunch) -> None:
    for name in ("first", "second"):
        key = launch.add_metrics(name, f"{HEADER}\n1,1,10,5.0,4.5,1.0\n")
        launch.add_run(name, artifacts={"model": key})

    assert [system.label for system in trained_systems(launch.build())] == [
        "nano · run first",
        "nano · run second",
    ]


def test_band_spans_the_seeds_where_all_were_measured() -> None:
    band = band_of([[(1.0, 5.0), (2.0, 4.0), (3.0, 1.0)], [(1.0, 6.0), (2.0, 3.0)]], 0)

    assert band.low == ((1.0, 5.0), (2.0, 3.0))
    assert band.high == ((1.0, 6.0), (2.0, 4.0))


def test_mean_of_seeds_that_were_measured_elsewhere_is_between_their_points() -> None:
    """Oracle: the straight lines through (0, 0) and (4, 8), and through (2, 10) and (6, 2)."""
    mean = mean_of([[(0.0, 0.0), (4.0, 8.0)], [(2.0, 10.0), (6.0, 2.0)]])

    assert mean == ((2.0, 7.0), (4.0, 7.0))
