"""Quality against cost: which systems are on the front, what is drawn, and the same in words.

Oracle: costs and scores written by hand in each test.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from made_launch import MadeLaunch
from mtnlg.leaderboard.ranking import Mark
from mtnlg.report.charts import Labels, scatter_chart
from mtnlg.report.cost_quality import CostChart, cost_charts
from read_report import Page, written


def mark(name: str, right: float, up: float) -> Mark:
    return Mark(name, name, right, up, None, None)


@pytest.mark.parametrize("costs", [(1.0, 3.0, 2.0), (1e9, 3e14, 2e11), (0.0, 5.0, 2.0)])
def test_marks_are_drawn_in_the_order_of_their_costs(costs: tuple[float, ...]) -> None:
    """On a linear scale, a logarithmic one, and with a cost that has no logarithm."""
    marks = [mark(str(index), cost, 10.0 + index) for index, cost in enumerate(costs)]

    drawing = scatter_chart(marks, marks, Labels("t", "cost", "bleu"))

    circles = list(ElementTree.fromstring(drawing).iter("circle"))
    lefts = [float(circle.attrib["cx"]) for circle in circles]
    heights = [float(circle.attrib["cy"]) for circle in circles]
    assert lefts[0] < lefts[2] < lefts[1]
    assert heights[0] > heights[1] > heights[2], "up is better, and y grows downward"
    assert all(62 <= left <= 566 for left in lefts)


def charts_of(launch: MadeLaunch) -> list[CostChart]:
    return list(cost_charts(launch.build().boards[0]))


def test_systems_without_a_cost_are_system_out_and_counted(launch: MadeLaunch) -> None:
    for name, bleu, parameters in (("big", 30.0, 9e6), ("small", 20.0, 2e6)):
        key = launch.add_scores(name, bleu)
        score = launch.score(key, system=name, cost={"parameters": parameters})
        launch.add_run(name, [score], system=name)
    baseline = launch.score(launch.add_scores("copy", 5.0), kind="baseline", system="copy")
    launch.add_run("more", [baseline], system="more")

    (chart,) = charts_of(launch)

    assert chart.title == "bleu against parameters"
    assert chart.sentence == (
        "On the front, cheapest first: "
        "small: 20.00 [19.00, 21.00], n = 7; parameters 2.00M; "
        "big: 30.00 [29.00, 31.00], n = 7; parameters 9.00M. "
        "Not shown: 1 ranked system without this cost."
    )


def test_speed_is_cheaper_the_more_it_is(launch: MadeLaunch) -> None:
    for name, bleu, speed in (("slow", 30.0, 10.0), ("fast", 20.0, 90.0), ("bad", 10.0, 50.0)):
        key = launch.add_scores(name, bleu)
        score = launch.score(key, system=name, cost={"decoding_tokens_per_second": speed})
        launch.add_run(name, [score], system=name)

    (chart,) = charts_of(launch)

    front = chart.sentence.partition(": ")[2]
    assert front.index("fast") < front.index("slow")
    assert "bad" not in front


def test_systems_of_one_cost_have_no_chart(troubled: MadeLaunch, tmp_path: Path) -> None:
    page = Page(written(troubled.build(), tmp_path)["index.html"])

    assert charts_of(troubled) == []
    assert "Quality against cost" not in page.text


def test_hostile_names_stay_text_in_the_drawing(launch: MadeLaunch, tmp_path: Path) -> None:
    text = "</title><script>alert(1)</script>"
    for number in (1, 2):
        key = launch.add_scores(f"run{number}", 10.0 * number)
        cost = {"parameters": 1e6 * number}
        launch.add_run(
            f"run{number}", [launch.score(key, system=f"{text}{number}", cost=cost)], system=text
        )

    page = Page(written(launch.build(), tmp_path)["index.html"])

    data = {"type": "application/json", "id": "compare-data"}
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [data, {}]
    assert f"{text}1: 10.00" in page.text
