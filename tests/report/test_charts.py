"""Learning curves, drawn with axes that hold the data.

Oracle: rows of a metrics.csv written by hand in each test.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from made_launch import HEADER, MadeLaunch
from mtnlg.report.charts import Labels, Line, interval_bar, line_chart, ticks_between
from read_report import Page, written


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
