"""Learning curves: thinned, honest about gaps, and drawn with axes that hold the data.

Oracle: rows of a metrics.csv written by hand in each test.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_launch import HEADER, MadeLaunch
from mtnlg.leaderboard.curves import MAX_POINTS, best_axis, curve_of, read_table
from mtnlg.report.charts import Labels, Line, interval_bar, line_chart, ticks_between
from read_report import Page, written


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


def test_table_cut_off_by_a_crash_is_read_up_to_the_cut(launch: MadeLaunch) -> None:
    launch.add_metrics("model", f"{HEADER}\n1,1,10,5.0,,\n2,2,2\0\0")

    table = read_table("model", artifacts_root=launch.artifacts_root)

    assert curve_of(table, "train_loss", axis="step").points == ((1.0, 5.0),)


def test_page_shows_a_chart_with_a_legend_for_each_run(launch: MadeLaunch, tmp_path: Path) -> None:
    key = launch.add_metrics("model", f"{HEADER}\n1,1,10,5.0,4.5,1.0\n2,2,20,nan,4.0,2.0\n")
    score = launch.score(launch.add_scores("run", 20.0))
    launch.add_run("run", [score], artifacts={"model": key})

    page = Page(written(launch.build(), tmp_path / "report")["index.html"])

    charts = [names for tag, names in page.tags if names.get("class") == "chart"]
    assert [names["aria-label"] for names in charts] == ["Loss", "Validation metric"]
    assert "nano, training" in page.text
    assert "nano, validation" in page.text
    assert "nano, training: not a finite number from target tokens 20 on." in page.text


def test_chart_is_well_formed_and_holds_any_label() -> None:
    """Oracle: the XML parser of the standard library."""
    line = Line('<script>"&\x00\u202e', ((0.0, 1.0), (5.0, 3.0)), 0)

    drawing = line_chart([line], Labels('"><x>', "<a>", "&"))

    root = ElementTree.fromstring(str(drawing))
    assert [child.tag for child in root if child.tag == "script"] == []


def test_chart_without_points_is_empty() -> None:
    assert line_chart([Line("x", (), 0)], Labels("", "", "")) == ""


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e15, allow_subnormal=False),
            st.floats(-1e12, 1e12, allow_subnormal=False),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_chart_draws_every_point_inside_itself(points: list[tuple[float, float]]) -> None:
    """Oracle: the viewBox of the drawing."""
    drawing = line_chart([Line("x", points, 0)], Labels("", "", ""))

    root = ElementTree.fromstring(str(drawing))
    width, height = (float(size) for size in root.attrib["viewBox"].split()[2:])
    points_drawn = root.find("polyline").attrib["points"].split()  # type: ignore[union-attr]
    for point in points_drawn:
        x, y = (float(number) for number in point.split(","))
        assert 0 <= x <= width
        assert 0 <= y <= height


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_within_their_range(low: float, length: float) -> None:
    """Oracle: the ends of the range."""
    ticks = ticks_between(low, low + length)

    slack = 1e-6 * max(abs(low), length)
    assert 1 <= len(ticks) <= 8
    assert all(low - slack <= tick <= low + length + slack for tick in ticks)


def test_bar_without_interval_shows_the_value_alone() -> None:
    bar = interval_bar(3.0, low=None, high=None, ends=(0.0, 5.0))

    assert "value" in bar
    assert "reach" not in bar
