"""Learning curves: thinned, and honest about gaps.

Oracle: rows of a metrics.csv written by hand in each test.
"""

from __future__ import annotations

import pytest

from made_launch import HEADER, MadeLaunch
from mtnlg.leaderboard.curves import (
    MAX_POINTS,
    Curve,
    best_axis,
    curve_of,
    metric_columns,
    metric_directions,
    read_table,
    shown_metric,
)
from mtnlg.records.runs import RunRecord, TaskRecord


def table_of(*lines: str) -> list[dict[str, str]]:
    names = HEADER.split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines]


def test_curve_leaves_out_blank_cells() -> None:
    table = table_of("1,1,10,5.0,,", "2,2,20,4.0,4.5,", "3,3,30,3.0,,")

    curve = curve_of(table, "validation_loss", axis="step")

    assert curve.points == ((2.0, 4.5),)


def test_curve_says_where_it_is_no_longer_finite() -> None:
    table = table_of("1,1,10,5.0,,", "2,2,20,nan,,", "3,3,30,inf,,")

    curve = curve_of(table, "train_loss", axis="target_tokens")

    assert (curve.points, curve.not_finite_at) == (((10.0, 5.0),), 20.0)


def test_long_curve_is_thinned_to_means_and_ends_where_it_ended() -> None:
    table = table_of(*(f"{step},0,0,{step % 2},," for step in range(1, 1002)))

    curve = curve_of(table, "train_loss", axis="step")

    assert len(curve.points) <= MAX_POINTS
    assert curve.points[-1][0] == 1001.0
    assert curve.points[0][1] == pytest.approx(0.5, abs=0.1)


def test_axis_is_tokens_only_where_every_run_counted_them() -> None:
    with_tokens, without = table_of("1,1,10,5.0,,"), table_of("1,1,,5.0,,")

    assert best_axis([with_tokens, with_tokens]) == "target_tokens"
    assert best_axis([with_tokens, without]) == "step"


def test_curves_of_a_training_in_progress_are_found(launch: MadeLaunch) -> None:
    launch.add_metrics("model.partial", f"{HEADER}\n1,1,10,5.0,,\n")

    table = read_table("model", artifacts_root=launch.artifacts_root)

    assert table[0]["train_loss"] == "5.0"


def test_validation_is_drawn_at_the_tokens_of_its_step(launch: MadeLaunch) -> None:
    """Oracle: rows as a training writes them, 10 tokens a step, without those of a validation."""
    launch.add_metrics("model", f"{HEADER}\n20,1,200,5.0,,\n20,2,,,4.5,\n25,3,,,4.0,\n")

    table = read_table("model", artifacts_root=launch.artifacts_root)

    points = curve_of(table, "validation_loss", axis=best_axis([table])).points
    assert points == ((200.0, 4.5), (250.0, 4.0))


def test_table_cut_off_by_a_crash_is_read_up_to_the_cut(launch: MadeLaunch) -> None:
    launch.add_metrics("model", f"{HEADER}\n1,1,10,5.0,,\n2,2,2\0\0")

    table = read_table("model", artifacts_root=launch.artifacts_root)

    assert curve_of(table, "train_loss", axis="step").points == ((1.0, 5.0),)


def test_short_curve_has_every_point_and_a_longer_one_means_of_neighbors() -> None:
    steps = range(1, MAX_POINTS + 2)
    table = table_of(*(f"{step},0,0,{3 * step},," for step in steps))

    assert curve_of(table[:-1], "train_loss", axis="step") == Curve(
        tuple((step, 3 * step) for step in steps[:-1]), 1, None
    )
    longer = curve_of(table, "train_loss", axis="step")
    assert longer.points_per_mean == 2
    assert longer.points[:2] == ((2, 4.5), (4, 10.5))
    assert longer.points[-1] == (MAX_POINTS + 1, 3 * (MAX_POINTS + 1))


def test_curve_skips_words_and_positions_that_are_no_numbers() -> None:
    table = table_of("1,1,10,word,,", "inf,1,10,5.0,,", ",1,10,5.0,,", "2,1,10,4.0,,")

    assert curve_of(table, "train_loss", axis="step") == Curve(((2.0, 4.0),), 1, None)
    assert curve_of([], "train_loss", axis="step") == Curve((), 1, None)


def test_columns_of_validation_metrics_are_in_order_of_mention() -> None:
    names = ("step", "validation_metric", "validation_metric/b", "validation_metrics")
    tables = [
        [],
        [dict.fromkeys(names, "1"), {"validation_metric/late": "1"}],
        [{"validation_metric/a": "1", "validation_metric": "1"}],
    ]

    expected = ["validation_metric", "validation_metric/b", "validation_metric/a"]
    assert metric_columns(tables) == expected


@pytest.mark.parametrize("key", [None, "../model", "missing"])
def test_run_without_a_model_has_an_empty_table(launch: MadeLaunch, key: str | None) -> None:
    launch.add_metrics("model", f"{HEADER}\n1,1,10,5.0,,\n")

    assert read_table(key, artifacts_root=launch.artifacts_root / "model" / "..") == []


def test_line_of_too_many_or_too_few_cells_keeps_the_others(launch: MadeLaunch) -> None:
    launch.add_metrics("model", "step,train_loss\n1,5.0,surplus\n2\n")

    table = read_table("model", artifacts_root=launch.artifacts_root)

    assert table == [{"step": "1", "train_loss": "5.0"}, {"step": "2"}]


@pytest.mark.parametrize(
    ("metrics", "directions", "shown"),
    [
        (["bleu"], {True}, 3.0),
        (["ter"], {False}, -3.0),
        (["bleu", "ter"], {True, False}, 3.0),
        (["length_ratio"], {True}, 3.0),
        (["of_no_package", None], set[bool](), 3.0),
    ],
)
def test_minimized_metric_is_shown_with_its_own_sign(
    metrics: list[str | None], directions: set[bool], shown: float
) -> None:
    tasks = [TaskRecord(f"task{index}", "de", (), name) for index, name in enumerate(metrics)]
    run = RunRecord("run", "finished", None, "nano", tasks=tuple(tasks))

    assert metric_directions(run) == directions
    assert shown_metric(3.0, run) == shown
    assert metric_directions(run, "task0") == metric_directions(
        RunRecord("run", "finished", None, "nano", tasks=tuple(tasks[:1]))
    )
