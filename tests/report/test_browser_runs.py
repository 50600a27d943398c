"""The runs of a report in a real browser: links open folds by mouse, by keys and from the address,
and nothing is lost without the script.

Oracle: a launch of three runs, written by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chromium import Watched
from made_launch import MadeLaunch
from mtnlg.records.files import write_text
from read_report import written

Open = Callable[..., Watched]
METRICS = "step,target_tokens,train_loss,tokens_per_second\n1,10,5.0,11000\n2,20,4.0,13000\n"


@pytest.fixture
def open_runs(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> Open:
    """Two seeds of one system, and a failed run with a log."""
    for seed in (1, 2):
        model = launch.add_metrics(f"m{seed}", METRICS)
        score = launch.score(launch.add_scores(f"s{seed}", 20.0 + seed))
        launch.add_run(
            f"seed{seed}",
            [score],
            seed=seed,
            overrides=[f"seed={seed}"],
            artifacts={"model": model},
        )
    launch.add_run("fell", status="failed", reason="nan loss", system="fell")
    folder = launch.runs_root / launch.experiment
    write_text(folder / "fell" / "log.txt", "<script>alert(1)</script>\nthe last words\n")
    write_text(folder / "seed1" / "config.yaml", "seed: 1\nname: '<img src=x onerror=alert(1)>'\n")
    written(launch.build(), tmp_path / "report")

    def open_(fragment: str = "", **context: object) -> Watched:
        watched = open_page(tmp_path / "report" / "index.html", **context)
        if fragment:
            watched.page.goto(watched.url + fragment)
        return watched

    return open_


def test_seed_of_a_row_opens_its_run_which_leads_back(open_runs: Open) -> None:
    watched = open_runs()
    page = watched.page
    run = page.locator("#run-2")
    assert run.get_attribute("open") is None

    row = page.locator(".ranking tbody tr").first
    row.locator("summary", has_text="over 2 seeds").click()
    row.get_by_role("link", name="2", exact=True).click()
    assert run.locator("> summary").inner_text().endswith("seed2")
    page.locator("#run-2[open]").wait_for(state="attached")
    run.locator(".rows a").click()

    page.wait_for_url("**#board-1-row-1")
    assert page.locator("#board-1-row-1").evaluate("row => row.matches(':target')")
    watched.check()


def test_keys_follow_a_link_to_a_run_and_open_it_again(open_runs: Open) -> None:
    """The second time, the address does not change."""
    page = open_runs().page
    link = page.locator("#runs table a").first

    for _ in range(2):
        link.focus()
        page.keyboard.press("Enter")
        page.locator("#run-1[open]").wait_for(state="attached")
        page.locator("#run-1 > summary").press("Enter")
        page.locator("#run-1:not([open])").wait_for(state="attached")


def test_address_with_a_run_opens_it(open_runs: Open) -> None:
    page = open_runs("#run-1").page

    page.locator("#run-1[open]").wait_for(state="attached")
    assert page.locator("#run-1").evaluate("run => run.getBoundingClientRect().top") < 100


def test_address_of_nothing_does_no_harm(open_runs: Open) -> None:
    watched = open_runs()

    for fragment in ("#nowhere", "#%", "#<script>"):
        watched.page.evaluate("fragment => { location.hash = fragment; openTarget(); }", fragment)

    watched.check()


def test_failed_run_shows_its_log_and_texts_stay_texts(open_runs: Open) -> None:
    watched = open_runs()
    page = watched.page

    log = page.locator("#run-3").get_by_role("region", name="End of the log")
    assert log.inner_text() == "<script>alert(1)</script>\nthe last words"
    page.locator("#run-1 > summary").click()
    page.locator("#run-1 summary", has_text="Configuration").click()
    config = page.locator("#run-1").get_by_role("region", name="Configuration, 2 lines")
    assert "<img src=x onerror=alert(1)>" in config.inner_text()
    watched.check()


def test_without_script_every_run_can_be_read(open_runs: Open) -> None:
    plain, scripted = open_runs(java_script_enabled=False), open_runs()

    for watched in (plain, scripted):
        watched.page.locator("#run-1 > summary").click()
    assert plain.texts("#run-1 .facts dd") == scripted.texts("#run-1 .facts dd")
    assert "median 12,000" in plain.page.locator("#run-1 figure").inner_text()
    assert "the last words" in plain.page.locator("#run-3 pre").inner_text()


@pytest.mark.parametrize("width", [390, 1280])
def test_open_runs_are_never_wider_than_the_screen(open_runs: Open, width: int) -> None:
    page = open_runs(viewport={"width": width, "height": 800}).page

    page.locator("details").evaluate_all("folds => folds.forEach(fold => fold.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_curves_are_smoothed_as_the_reader_chooses(open_runs: Open) -> None:
    """Oracle: weighted means worked out here, of the points as the page first had them."""
    watched = open_runs()
    line = watched.page.locator("#curves polyline.curve").first

    def heights() -> list[float]:
        points = (line.get_attribute("points") or "").split()
        return [float(point.partition(",")[2]) for point in points]

    raw = heights()
    watched.page.get_by_label("Smoothing").select_option("strong")

    assert heights()[0] == raw[0]
    assert heights()[1] == pytest.approx((0.9 * raw[0] + raw[1]) / 1.9, abs=0.06)
    watched.page.get_by_label("Smoothing").select_option("none")
    assert heights() == raw
    watched.check()
