"""Learning curves, drawn with axes that hold the data.

Oracle: rows of a metrics.csv written by hand in each test.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_launch import HEADER, MadeLaunch
from mtnlg.report.charts import (
    CHARACTER_WIDTH,
    TEXT_HEIGHT,
    Interval,
    Labels,
    Line,
    fitted_ends,
    forest_chart,
    interval_bar,
    line_chart,
    name_positions,
    ticks_between,
)
from mtnlg.report.overview import scale_text
from read_report import Page, written


def test_page_shows_a_chart_with_a_legend_for_each_run(launch: MadeLaunch, tmp_path: Path) -> None:
    key = launch.add_metrics("model", f"{HEADER}\n1,1,10,5.0,4.5,1.0\n2,2,20,nan,4.0,2.0\n")
    score = launch.score(launch.add_scores("run", 20.0))
    launch.add_run("run", [score], artifacts={"model": key})

    page = Page(written(launch.build(), tmp_path / "report")["index.html"])

    charts = [names for tag, names in page.tags if names.get("class") == "chart"]
    titles = [names["aria-label"] for names in charts]
    assert titles == ["Validation loss", "Validation bleu", "Training loss"]
    assert "nano: not a finite number from target tokens 20 on." in page.text


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
    bar = interval_bar(Interval("a", "3", 3.0, None, None), ends=(0.0, 5.0))

    assert "value" in bar
    assert "reach" not in bar


@pytest.mark.parametrize(
    ("systems", "baseline", "has_baseline"),
    [((30.0, 34.0), 5.0, False), ((30.0, 34.0), 50.0, True), ((30.0,), 5.0, True)],
    ids=["below two systems", "leader", "beside one system"],
)
def test_scale_of_a_board_has_its_leader_and_more_than_one_row(
    systems: tuple[float, ...], baseline: float, has_baseline: bool, launch: MadeLaunch
) -> None:
    """Oracle: the values of the rows, each with an interval of one to both sides."""
    scores = [launch.score(launch.add_scores("b", baseline), kind="baseline", system="b")]
    for number, value in enumerate(systems):
        name = f"system{number}"
        score = launch.score(launch.add_scores(name, value), system=name)
        launch.add_run(name, [score, *scores], system=name)

    low, high = map(float, scale_text(launch.build().boards[0]).split(" to "))

    assert all(low < value - 1 and value + 1 < high for value in systems)
    assert (low <= baseline <= high) == has_baseline


def test_forest_plot_is_as_wide_as_its_intervals_and_points_at_what_is_beyond() -> None:
    """Oracle: intervals written by hand; an arrow is a path, and a value a circle."""
    intervals = [Interval("a", "52 [50, 54]", 52.0, 50.0, 54.0), Interval("b", "9", 9.0, 8.0, 10.0)]
    ends = fitted_ends(intervals[:1])

    root = ElementTree.fromstring(str(forest_chart(intervals, Labels("t", "bleu", ""), ends=ends)))

    width = float(root.attrib["viewBox"].split()[2])
    (reach,) = (line for line in root.iter("line") if line.get("class") == "reach")
    assert 49.0 < ends[0] < 50.0
    assert 54.0 < ends[1] < 55.0
    assert float(reach.attrib["x2"]) - float(reach.attrib["x1"]) > 0.8 * width
    assert [
        len(list(group.iter(tag))) for group in root.iter("g") for tag in ("circle", "path")
    ] == [
        *(1, 0, 0, 1),
    ]


def test_long_names_that_begin_alike_are_told_apart_in_a_forest_plot() -> None:
    """Oracle: two names of a published board, which differ in the number of examples."""
    name = "SmolLM2-135M-Instruct.Q4_1 · greedy, chat|shots:{}|until:1|prompt:251a5ad5"
    intervals = [Interval(name.format(number), "1", 1.0, 0.0, 2.0) for number in (0, 3)]

    chart = str(forest_chart(intervals, Labels("t", "rougeL", ""), ends=(0.0, 2.0)))

    assert [chart.count(f"…shots:{number}|") for number in (0, 3)] == [1, 1]


@given(st.lists(st.tuples(st.floats(80, 400), st.floats(20, 200)), min_size=1, max_size=12))
def test_names_beside_marks_cover_neither_marks_nor_names(marks: list[tuple[float, float]]) -> None:
    """Oracle: rectangles of the width of each name, compared pair by pair."""
    names = ["abc"] * len(marks)

    places = name_positions(marks, names)

    boxes = [
        (x, y - TEXT_HEIGHT + 3, x + 3 * CHARACTER_WIDTH, y + 1) for x, y in filter(None, places)
    ]
    dots = [(x - 3, y - 3, x + 3, y + 3) for x, y in marks]
    assert places[0] is not None or len(marks) > 1
    for index, box in enumerate(boxes):
        for other in [*boxes[:index], *dots]:
            assert (
                box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
            )
