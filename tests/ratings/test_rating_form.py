"""The form in a real browser, from a disk: by the keyboard alone, kept over a reload, and saved as
the CSV that is read back.

Oracle: the exported CSV, with the scores that the test types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from chromium import Watched
from made_rated_board import RatedBoard

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def form(board: RatedBoard, open_page: Callable[..., Watched]) -> Iterator[Page]:
    """The first rater's form of four sources; it has no fault and loads nothing until the test
    ends.
    """
    board.export("--items", "4", "--raters", "1", "--per-item", "1", "--repeated", "0")
    watched = open_page(board.sheets / "rater1.html")
    yield watched.page
    assert watched.faults == []
    assert {url.partition(":")[0] for url in watched.requests} <= {"file", "data", "blob"}


def saved(page: Page, board: RatedBoard) -> list[list[str]]:
    """The cells of the CSV that the button saves, which takes the place of the sheet."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save answers").click()
    assert download.value.suggested_filename == "rater1.csv"
    download.value.save_as(board.sheets / "rater1.csv")
    return board.lines("rater1")


def test_digits_answer_and_go_on_to_the_next(form: Page, board: RatedBoard) -> None:
    num_items = len(board.lines("rater1")) - 1
    form.get_by_role("button", name="Next without").click()

    for place in range(num_items):
        form.keyboard.press(str(1 + place % 5))
    header, *lines = saved(form, board)

    assert header == ["item", "source", "output", "score"]
    assert [cells[-1] for cells in lines] == [str(1 + place % 5) for place in range(num_items)]
    assert form.get_by_role("status").text_content() == f"{num_items} of {num_items} answered"
    assert board.read() == 0


def test_saved_sheet_is_the_exported_one_but_for_the_scores(form: Page, board: RatedBoard) -> None:
    before = (board.sheets / "rater1.csv").read_bytes()

    saved(form, board)

    assert (board.sheets / "rater1.csv").read_bytes() == before


def test_answers_are_there_again_after_a_reload(form: Page) -> None:
    form.locator("fieldset").nth(2).get_by_label("4", exact=True).check()
    assert str(form.get_by_role("status").text_content()).endswith("; not saved yet")

    form.reload()

    assert form.locator("fieldset").nth(2).get_by_label("4", exact=True).is_checked()
    assert str(form.get_by_role("status").text_content()).startswith("1 of ")


def test_tab_and_arrows_reach_every_answer(form: Page) -> None:
    form.get_by_role("button", name="Next without").focus()
    form.keyboard.press("Tab")
    form.keyboard.press("Tab")
    form.keyboard.press("Space")
    form.keyboard.press("ArrowRight")
    form.keyboard.press("ArrowRight")

    assert form.locator("fieldset").first.get_by_label("3", exact=True).is_checked()


def test_typed_answer_out_of_the_scale_is_none(
    board: RatedBoard, open_page: Callable[..., Watched]
) -> None:
    board.export("--items", "2", "--raters", "1", "--per-item", "1", "--scale", "0-100")
    page = open_page(board.sheets / "rater1.html").page

    page.locator("input[type=number]").nth(0).fill("101")
    page.locator("input[type=number]").nth(1).fill("100")
    page.locator("input[type=number]").nth(1).blur()

    assert str(page.get_by_role("status").text_content()).startswith("1 of ")
