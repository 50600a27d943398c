"""The tables of a report in a real browser: sorted and filtered by mouse and keys, with a note for
each number, readable without the script, and safe with any text from data.

Oracle: a launch written by hand, unless a test names another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chromium import Watched
from hostile_report import HOSTILE, report_with
from made_launch import SIGNATURE, TASK, MadeLaunch, made_metric
from read_report import written

Open = Callable[..., Watched]
SYSTEMS = ".ranking tbody th .name"


@pytest.fixture
def ranked(launch: MadeLaunch) -> MadeLaunch:
    """Three systems whose order by chrF differs from that by BLEU, the last without chrF, and a
    failed run.
    """
    for name, bleu, chrf in (("ada", 30.0, 40.0), ("bob", 20.0, 60.0), ("cy", 10.0, None)):
        metrics = {"bleu": made_metric(bleu)}
        if chrf is not None:
            metrics["chrf"] = made_metric(chrf)
        key = launch.add_scores(name, all=metrics)
        kind = "baseline" if name == "cy" else "trained"
        launch.add_run(name, [launch.score(key, system=name, kind=kind)], system=name)
    launch.add_run("fell", status="failed", reason="out of memory", system="fell")
    return launch


@pytest.fixture
def open_report(ranked: MadeLaunch, tmp_path: Path, open_page: Open) -> Open:
    written(ranked.build(), tmp_path / "report")
    return lambda **context: open_page(tmp_path / "report" / "index.html", **context)


def test_click_on_a_header_sorts_by_numbers_both_ways_and_back(open_report: Open) -> None:
    """`cy` is the baseline of a run whose trained system has no score; neither has chrF, nor has
    `fell`, so they come last both ways.
    """
    watched = open_report()
    initial = watched.texts(SYSTEMS)
    chrf = watched.page.locator(".ranking th", has_text="chrf")

    orders = []
    for _ in range(3):
        chrf.get_by_role("button").click()
        orders.append((chrf.get_attribute("aria-sort"), watched.texts(SYSTEMS)))

    assert initial[:3] == ["ada", "bob", "cy"]
    assert orders[0] == ("descending", ["bob", "ada", *initial[2:]])
    assert orders[1] == ("ascending", ["ada", "bob", *initial[2:]])
    assert orders[2] == ("none", initial)
    watched.check()


def test_keys_reach_a_header_and_sort(open_report: Open) -> None:
    watched = open_report()
    page = watched.page
    page.locator(".ranking th").first.get_by_role("button").focus()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    header = page.locator(".ranking th").nth(1)
    assert header.inner_text().strip() == "system"
    assert header.get_attribute("aria-sort") == "descending"
    assert watched.texts(SYSTEMS)[0] == "fell"
    assert page.locator(":focus-visible").count() == 1


def test_remark_stays_below_its_row(troubled: MadeLaunch, tmp_path: Path, open_page: Open) -> None:
    written(troubled.build(), tmp_path / "report")
    watched = open_page(tmp_path / "report" / "index.html")

    watched.page.locator(".ranking th", has_text="bleu").get_by_role("button").click()

    rows = watched.texts(".ranking tbody tr")
    first = next(index for index, row in enumerate(rows) if "odd" in row)
    assert first == 0, "60 is the best value, though it has no rank"
    assert rows[1].startswith("not comparable")


def test_filter_keeps_the_rows_that_have_every_word(open_report: Open) -> None:
    watched = open_report()
    board = watched.page.locator(".board")

    board.get_by_role("searchbox").fill("TRAINED greedy bo")

    assert watched.texts(SYSTEMS) == ["bob"]
    assert watched.texts(".board [role=status]") == ["1 of 5 rows"]
    board.get_by_role("searchbox").fill("")
    assert len(watched.texts(SYSTEMS)) == 5
    watched.check()


def test_kinds_and_columns_can_be_left_out(open_report: Open) -> None:
    watched = open_report()
    board = watched.page.locator(".board")

    board.get_by_label("baseline").uncheck()
    board.locator("summary", has_text="Columns").click()
    board.get_by_label("chrf").uncheck()

    headers = watched.texts(".ranking thead th")
    assert "baseline" not in " ".join(watched.texts(SYSTEMS))
    assert headers[:4] == ["#", "system", "bleu", "n"]
    assert len(watched.texts(".ranking tbody tr:first-child > *")) == len(headers)
    fell = watched.page.locator(".ranking tbody tr", has_text="out of memory")
    spans = [int(cell.get_attribute("colspan") or 1) for cell in fell.locator("td, th").all()]
    assert sum(spans) == len(headers)


def test_number_shows_its_evidence_by_mouse_and_by_keys(open_report: Open) -> None:
    watched = open_report()
    page = watched.page
    numbers = page.locator(".ranking .number")
    note = page.get_by_role("tooltip")

    numbers.nth(1).hover()
    assert note.inner_text().startswith("chrf 40.00 [39.00, 41.00]\nn = 7\n")
    assert f"signature: {SIGNATURE}" in note.inner_text()

    numbers.first.focus()
    page.keyboard.press("ArrowDown")
    assert note.inner_text().startswith("bleu 20.00")
    page.keyboard.press("ArrowRight")
    assert note.inner_text().startswith("chrf 60.00")
    page.keyboard.press("Escape")
    assert not note.is_visible()
    watched.check()


def test_without_script_every_number_and_note_is_there(open_report: Open) -> None:
    """Oracle: the same words in the same order as with the script, which adds controls alone."""
    plain, scripted = open_report(java_script_enabled=False), open_report()

    scripted_rows = scripted.texts(".ranking tbody tr")
    assert plain.texts(".ranking tbody tr") == [
        " ".join(row.replace("⇄", " ").split()) for row in scripted_rows
    ]
    assert plain.texts(".notes") == scripted.texts(".notes")
    assert plain.page.locator("input").count() == 0
    assert f"signature: {SIGNATURE}" in (
        plain.page.locator(".number").first.get_attribute("title") or ""
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_page_is_never_wider_than_the_screen(open_report: Open, width: int) -> None:
    watched = open_report(viewport={"width": width, "height": 800})

    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_report: Open, scheme: str) -> None:
    """Oracle: WCAG 2 contrast of at least 4.5, worked out here from what the browser computed."""
    watched = open_report(color_scheme=scheme)
    selectors = ["body", ".muted", ".interval", "thead th", ".badge.baseline", ".badge.failed", "a"]
    selectors += [".outcome", ".doubt", "nav a", "button.with"]

    for selector in selectors:
        text, ground = (
            watched.page.locator(selector)
            .filter(visible=True)
            .first.evaluate(
                """element => {
              let under = element;
              const clear = "rgba(0, 0, 0, 0)";
              while (getComputedStyle(under).backgroundColor === clear) under = under.parentElement;
              return [getComputedStyle(element).color, getComputedStyle(under).backgroundColor];
            }"""
            )
        )
        assert contrast(text, ground) >= 4.5, (selector, text, ground)


def contrast(text: str, ground: str) -> float:
    """The contrast of two colors, each as "rgb(r, g, b)"."""
    lights = sorted(luminance(color) for color in (text, ground))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(color: str) -> float:
    shares = [int(part) / 255 for part in color.partition("(")[2].rstrip(")").split(",")[:3]]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


LONG = "x" * 300


@pytest.mark.parametrize("text", [*HOSTILE, "../../etc/passwd", LONG])
def test_hostile_text_does_nothing_in_a_browser(
    text: str, launch: MadeLaunch, tmp_path: Path, open_page: Open
) -> None:
    report_with(text, launch, tmp_path / "report")

    watched = open_page(tmp_path / "report" / "index.html", viewport={"width": 390, "height": 800})

    page = watched.page
    page.locator(".ranking th", has_text="system").get_by_role("button").first.click()
    page.locator(".ranking .number").first.hover()
    page.locator("details.fold").evaluate_all("folds => folds.forEach(fold => fold.open = true)")
    assert page.locator("img, iframe, object, embed, form, base, script[src]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "49" not in page.locator(SYSTEMS).first.inner_text()
    watched.check()


def test_hostile_text_is_seen_as_it_is(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> None:
    text = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}|../'
    report_with(text, launch, tmp_path / "report")

    watched = open_page(tmp_path / "report" / "index.html")

    assert text in watched.texts(SYSTEMS)[0]
    watched.page.locator("summary", has_text="Command").click()
    assert text in watched.page.locator("code.command").inner_text()
    watched.check()


def test_policy_stops_a_script_that_is_not_ours(open_report: Open) -> None:
    """The second line of defense, if escaping ever failed. Oracle: the browser's own console."""
    watched = open_report()

    with watched.page.expect_event("requestfailed") as failed:
        watched.page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.wasRun = true";
              document.body.append(script);
              document.body.insertAdjacentHTML("beforeend", "<img src='https://example.org/x'>");
            }"""
        )

    assert watched.page.evaluate("window.wasRun") is None
    assert failed.value.failure == "csp"
    assert len(watched.faults) == 2
    assert all("Content Security Policy" in fault for fault in watched.faults)


def test_board_is_named_for_a_screen_reader(open_report: Open) -> None:
    page = open_report().page

    board = page.get_by_role("region", name=f"Table of {TASK} · test")

    assert board.get_by_role("columnheader", name="bleu").count() == 1
    assert board.get_by_role("rowheader", name="ada").count() == 1
