"""What is said while a run works is kept in its log, on a terminal and elsewhere."""

from __future__ import annotations

import datetime
import logging
import math
import sys
import time
from pathlib import Path

import pytest

from mtnlg.process.progress import logged_to, show_messages, track

logger = logging.getLogger("mtnlg.somewhere")


@pytest.fixture(autouse=True)
def shown() -> None:
    """As the command line begins."""
    show_messages()


def lines_of(path: Path) -> list[str]:
    """The lines of a log without their times, which are checked to be some."""
    times, texts = zip(
        *(line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines()), strict=True
    )
    assert all(datetime.datetime.fromisoformat(time).tzinfo for time in times)
    return list(texts)


def test_lines_go_to_the_user_and_to_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logged_to(tmp_path / "log.txt"):
        logger.info("one\nmore")
        logger.debug("only kept")
    logger.info("after the block")

    assert lines_of(tmp_path / "log.txt") == ["one", "more", "only kept"]
    assert capsys.readouterr().err == "one\nmore\nafter the block\n"


def test_log_goes_on_after_what_it_holds(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with logged_to(tmp_path / "log.txt"):
            logger.info(text)

    assert lines_of(tmp_path / "log.txt") == ["first", "second"]


def test_log_ends_where_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), logged_to(tmp_path / "log.txt"):
        raise ValueError("broken")

    logger.info("not kept")

    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("is_terminal", [True, False])
def test_end_of_work_is_logged_whether_a_bar_or_lines_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    with logged_to(tmp_path / "log.txt"), track("reading", 7) as task:
        task.advance(7, "rows")

    (line,) = lines_of(tmp_path / "log.txt")
    assert line.startswith("reading: 7 in 0.")
    assert line.endswith(" s rows")


@pytest.mark.parametrize(
    ("total", "done_before", "seconds_left", "line"),
    [
        (0, 0, math.inf, "reading: 40 rows"),
        (200, 0, math.inf, "reading: 40/200 rows 0:01:20 left"),
        (200, 0, 50.0, "reading: 40/200 rows 0:00:30 left"),
        (200, 60, 7_300.0, "reading: 100/200 rows 0:00:50 left"),
    ],
)
def test_line_says_how_far_work_is_and_when_it_ends(
    total: int,
    done_before: int,
    seconds_left: float,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: by hand, from 40 of the work in 20 seconds; an unknown total has no end."""
    clock = iter([100.0, 100.0, 100.0])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, 120.0))

    with logged_to(tmp_path / "log.txt"), track("reading", total) as task:
        task.begin(done_before, seconds_left=seconds_left)
        task.advance(40, "rows")

    assert lines_of(tmp_path / "log.txt")[0] == line
