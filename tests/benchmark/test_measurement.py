"""Ratios, alternation and targets."""

from __future__ import annotations

import sys

import pytest

from mtnlg.benchmark import measurement
from mtnlg.benchmark.measurement import (
    Cost,
    DifferentOutputError,
    MissingPeerError,
    Row,
    alternate,
    ratio_row,
    ratios,
    require,
    target_of,
    targets,
    timed,
    timed_command,
)


def test_ratio_is_the_speed_of_ours_by_the_peers_in_each_alternation() -> None:
    """Oracle: by hand, with other amounts of work on the two sides."""
    ours = [Cost(2.0, 4.0, work=10), Cost(1.0, 4.0, work=10)]
    peer = [Cost(3.0, 4.0, work=5), Cost(4.0, 2.0, work=5)]

    assert ratios(ours, peer, "processor") == pytest.approx([5 / (5 / 3), 10 / (5 / 4)])
    assert ratios(ours, peer, "wall") == pytest.approx([2.0, 1.0])


def test_row_of_a_comparison_holds_both_clocks_and_the_check() -> None:
    """Oracle: by hand."""
    row = ratio_row("g", "c", "p", ([Cost(1, 2)], [Cost(3, 4)]), "equal", clock="wall")

    assert (row.processor, row.wall, row.values) == ([3.0], [2.0], [2.0])
    assert (row.name, row.check, row.unit) == ("g: c / p", "equal", "ratio")


@pytest.mark.parametrize(
    ("unit", "values", "is_reached"),
    [
        ("ratio", [1.0, 2.0, 9.0], True),
        ("ratio", [1.0, 1.9, 9.0], False),
        ("s", [1.0, 2.1, 9.0], False),
        ("s", [1.0, 2.0, 9.0], True),
        ("ratio", [], None),
    ],
)
def test_target_is_judged_by_the_median(
    unit: measurement.Unit, values: list[float], is_reached: bool | None
) -> None:
    """Oracle: by hand; seconds are better where they are fewer."""
    row = Row("g", "c", unit=unit, processor=values, target=2.0)

    assert row.is_reached is is_reached


def test_sides_alternate_after_a_round_that_is_not_counted() -> None:
    """Oracle: the order of calls, by hand."""
    calls: list[str] = []

    def side(name: str) -> Cost:
        calls.append(name)
        return Cost(len(calls), 0)

    costs = alternate({"a": lambda: side("a"), "b": lambda: side("b")}, repeats=2)

    assert calls == [*"ab", *"ab", *"ba"]
    assert [cost.processor for cost in costs["a"]] == [3, 6]
    assert [cost.processor for cost in costs["b"]] == [4, 5]


def test_cost_of_work_here_is_its_processor_time() -> None:
    """Oracle: work takes time on both clocks, and sleep takes none of the processor."""
    busy = timed(lambda: sum(range(2_000_000)), amount=3)
    idle = timed(lambda: __import__("time").sleep(0.05))

    assert busy.processor > 0
    assert busy.work == 3
    assert idle.wall >= 0.05 > idle.processor


def test_cost_of_a_command_is_that_of_its_process_and_a_failure_is_named() -> None:
    """Oracle: what the small programs print and return."""
    cost, text = timed_command([sys.executable, "-c", "print(sum(range(10**6)))"])

    assert text.strip() == str(sum(range(10**6)))
    assert 0 < cost.processor < 60
    with pytest.raises(DifferentOutputError, match="ended with 3: no luck"):
        timed_command(
            [sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); exit(3)"]
        )


def test_peer_that_is_not_installed_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: a package that does not exist, and one that does."""
    monkeypatch.setattr(measurement, "PACKAGES", {"Absent": "no_such_package", "Here": "json"})

    require("Here fp32")
    with pytest.raises(MissingPeerError, match=r"no_such_package is not.*mtnlg\[benchmark\]"):
        require("Absent fp32")


def test_target_of_a_size_comes_before_that_of_all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: a table by hand."""
    table = {"g": {"c": {"p": 1.0, "rate": 5.0, "seconds": 7.0}, "c, 2 M": {"p": 2.0}}}
    monkeypatch.setattr(measurement, "targets", lambda: table)

    assert [target_of(Row("g", case, "p")) for case in ("c, 2 M", "c, 9 M", "d")] == [
        2.0,
        1.0,
        None,
    ]
    assert target_of(Row("g", "c", unit="MB/s")) == 5.0
    assert target_of(Row("g", "c", unit="s")) == 7.0


def test_shipped_targets_are_numbers_above_zero() -> None:
    """Oracle: the table has the groups of the suite alone."""
    from mtnlg.benchmark.suite import GROUPS

    values = [
        goal for cases in targets().values() for peers in cases.values() for goal in peers.values()
    ]

    assert set(targets()) <= set(GROUPS)
    assert min(values) > 0


def test_a_command_may_keep_its_byte_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: Python's own flag in the process, where the variable of this one forbids it."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    _, text = timed_command([sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"])

    assert text == "False\n"
