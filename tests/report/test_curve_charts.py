"""Learning curves of several seeds: one color and one legend entry for each system, a dash for each
seed, and the band around them.

Oracle: rows of a metrics.csv written by hand in each test.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from made_launch import HEADER, MadeLaunch, made_task, made_training, put_json
from mtnlg.report.curve_charts import TURNED, band_of, curve_charts, trained_systems
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


def test_seeds_share_a_color_and_an_entry_of_the_legend(launch: MadeLaunch) -> None:
    add_seeds(launch, "nano", FINAL)
    add_seeds(launch, "micro", {1: 9.0})

    _, metric = curve_charts(launch.build())

    root = ElementTree.fromstring(str(metric.drawing))
    drawn = [
        line.attrib["class"] for line in root.iter("polyline") if line.find("title") is not None
    ]
    assert drawn == ["c0 seed", "c0 d1 seed", "c0 d2 seed", "c1"]
    legends = [text.text for text in root.iter("text") if text.get("class") == "legend"]
    assert legends == ["nano (3 seeds)", "micro"]
    assert metric.remarks[0].startswith("Seeds: 1 solid, 2 dashed, 3 dotted; the band spans ")


def test_each_seed_is_named_where_it_is_pointed_at_and_in_numbers(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    add_seeds(launch, "nano", FINAL)

    leaderboard = launch.build()
    _, metric = curve_charts(leaderboard)

    titles = [title.text for title in ElementTree.fromstring(str(metric.drawing)).iter("title")]
    assert titles == ["nano, seed 1", "nano, seed 2", "nano, seed 3"]
    assert {curve.name: curve.last for curve in metric.values} == {
        f"nano, seed {seed}": value for seed, value in FINAL.items()
    }
    page = Page(written(leaderboard, tmp_path)["index.html"])
    assert "nano, seed 2, validation" in page.text


def test_best_loss_is_the_least_and_best_metric_the_greatest(launch: MadeLaunch) -> None:
    lines = "1,1,10,2.0,1.5,7.0\n2,2,20,4.0,4.0,3.0\n"
    key = launch.add_metrics("model", f"{HEADER}\n{lines}")
    launch.add_run("run", artifacts={"model": key})

    loss, metric = curve_charts(launch.build())

    assert [(curve.best, curve.best_at, curve.last) for curve in loss.values] == [
        (2.0, 10.0, 4.0),
        (1.5, 10.0, 4.0),
    ]
    assert [(curve.best, curve.best_at, curve.last) for curve in metric.values] == [
        (7.0, 10.0, 3.0)
    ]


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
    _, metric = curve_charts(leaderboard)

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

    _, mean, ter, bleu = curve_charts(launch.build())

    assert mean.remarks == (TURNED,)
    assert [chart.values[0].best for chart in (mean, ter, bleu)] == [5.0, 40.0, 50.0]
    assert ter.remarks == bleu.remarks == ()


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
