"""The page as a whole in a real browser: its first screen, navigation, choices that stay in the
address, and files to take away.

Oracle: a launch of two systems on two test sets, written by hand.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from chromium import Watched
from made_launch import HEADER, MadeLaunch, made_metric, made_task
from mtnlg.records.rows import Prediction
from mtnlg.report.question import first_question, question_of
from read_report import written

Open = Callable[..., Watched]
NAMES = ".ranking tbody th .name"
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
PUBLISHED = sorted((Path(__file__).parents[2] / "reports" / "published").glob("*/index.html"))
MAX_HEIGHT = 12_000
"""Pixels of a published page on a laptop, with its folds as they come: about 15 screens."""


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def open_report(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> Open:
    """`ada` leads on one test set and `bob` on the other; only `ada` has few contaminated rows."""
    tasks = [made_task(test_sets=["first", "second"])]
    for name, values in (("ada", (30.0, 11.0)), ("bob", (28.0, 14.0)), ("copy", (5.0, 4.0))):
        kind = "baseline" if name == "copy" else "trained"
        scores = []
        for test_set, value in zip(("first", "second"), values, strict=True):
            metrics = {"bleu": made_metric(value), "chrf": made_metric(60 - value)}
            key = launch.add_scores(f"{name}-{test_set}", all=metrics)
            outputs = [Prediction(str(row), "s", ("r",), f"{name} {row}") for row in range(12)]
            texts = "".join(json.dumps(each.to_json()) + "\n" for each in outputs)
            folder = launch.artifacts_root / "predictions" / key
            folder.mkdir(parents=True)
            (folder / "predictions.jsonl").write_text(texts, encoding="utf-8")
            contamination = {"checked": 7, "flagged": 4 if name == "bob" else 0, "rule": "n-grams"}
            scores.append(
                launch.score(
                    key, system=name, kind=kind, test_set=test_set, contamination=contamination
                )
            )
        model = launch.add_metrics(f"m-{name}", f"{HEADER}\n1,1,10,5,4,1\n2,2,20,4,3,2\n")
        launch.add_run(name, scores, system=name, tasks=tasks, artifacts={"model": model})
    launch.add_run("fell", status="failed", reason="out of memory", system="fell", tasks=tasks)
    written(launch.build(command="mtnlg run experiment=demo"), tmp_path / "report")

    return lambda **context: open_page(tmp_path / "report" / "index.html", **context)


@pytest.mark.parametrize("screen", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_first_screen_answers_who_wins_by_how_much_and_how_sure(
    open_report: Open, screen: dict[str, int]
) -> None:
    watched = open_report(viewport=screen)
    page = watched.page

    answers = watched.texts("#answers tbody tr")
    bottom = page.locator("#answers tr").last.evaluate("row => row.getBoundingClientRect().bottom")
    matrix = page.locator("#matrix tbody tr").first.evaluate(
        "row => row.getBoundingClientRect().top"
    )

    assert answers[0].startswith("tiny_en_de · first ada bleu 30.00 [29.00, 31.00]")
    assert answers[0].endswith("1 seed 0.0 % flagged")
    assert answers[1].startswith("tiny_en_de · second bob bleu 14.00 [13.00, 15.00]")
    assert answers[1].endswith("1 seed 57.1 % flagged")
    assert max(bottom, matrix) < screen["height"]
    assert "1 failed" in page.locator("header.page").inner_text()


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.parent.name)
def test_published_page_is_short_and_names_its_winners_in_full(file: Path, open_page: Open) -> None:
    """Oracle: the sizes that Chromium gives to the page and to the names."""
    watched = open_page(file, viewport=LAPTOP)
    names = watched.page.locator("#answers .winner .name")

    cut = names.evaluate_all(
        "all => all.filter(name => name.scrollWidth > name.clientWidth).length"
    )

    assert names.count() > 0
    assert cut == 0
    assert watched.page.evaluate("document.documentElement.scrollHeight") <= MAX_HEIGHT
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= LAPTOP["width"]
    watched.check()


def test_page_asks_the_question_of_its_experiment(open_report: Open) -> None:
    """Oracle: the file of the experiment, read by this test."""
    file = Path(__file__).parents[2] / "conf" / "experiment" / "demo.yaml"

    question = open_report().page.locator(".question").inner_text()

    assert question == file.read_text(encoding="utf-8").splitlines()[2].removeprefix("# ")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (
            "# @package _global_\n# mtnlg run experiment=x\n# Is it so?\n# It costs.\na: 1",
            "Is it so?",
        ),
        ("# Is it,\n# or not?\nname: x", "Is it, or not?"),
        ("# It trains.\nname: why?", ""),
        ("name: x\n# Is it so?", ""),
    ],
)
def test_question_is_the_first_of_the_comment_at_the_head(text: str, question: str) -> None:
    assert first_question(text) == question


def test_page_of_one_system_asks_whether_it_beats_the_baselines(launch: MadeLaunch) -> None:
    """Oracle: the names of the launch."""
    baseline = launch.score(launch.add_scores("b", 5.0), kind="baseline", system="copy")
    launch.add_run("r", [launch.score(launch.add_scores("a", 20.0), system="ada"), baseline])

    question = question_of(launch.build())

    assert question == "Does ada beat the trivial baselines on translation/tiny_en_de, test?"


def test_matrix_has_systems_by_test_sets_as_forest_plots_and_sorts(open_report: Open) -> None:
    watched = open_report()
    rows = watched.page.locator("#matrix tbody tr")

    cells = [row.locator(".number").all_text_contents() for row in rows.all()]

    assert watched.texts("#matrix tbody th") == ["ada", "bob", "best baseline"]
    assert cells == [["30.00", "11.00"], ["28.00", "14.00"], ["5.00", "4.00"]]
    x = [
        float(bar.locator("circle").get_attribute("cx") or 0)
        for bar in rows.locator("td:nth-of-type(2) svg").all()[:2]
    ]
    assert x[0] < x[1], "bob is to the right of ada on the second test set"
    assert rows.nth(2).locator("svg path").count() == 2, "the baseline lies beyond both scales"
    watched.page.locator("#matrix th", has_text="second").get_by_role("button").click()
    assert watched.texts("#matrix tbody th") == ["bob", "ada", "best baseline"]
    watched.check()


def test_navigation_stays_in_sight_and_reaches_every_section(open_report: Open) -> None:
    watched = open_report(viewport=LAPTOP)
    page = watched.page
    sections = page.locator("main > section").evaluate_all("all => all.map(({ id }) => id)")

    links = page.locator("nav a")
    targets = [str(link.get_attribute("href"))[1:] for link in links.all()]

    assert set(targets) == set(sections)
    page.get_by_role("link", name="Runs", exact=True).click()
    page.wait_for_url("**#runs")
    assert page.locator("nav").evaluate("nav => nav.getBoundingClientRect().top") == 0
    top = page.locator("#runs h2").evaluate("title => title.getBoundingClientRect().top")
    assert 0 < top < LAPTOP["height"]
    watched.check()


def test_curves_have_validation_loss_and_metric(open_report: Open) -> None:
    """Oracle: the two validations of each metrics.csv."""
    page = open_report().page
    figures = page.locator("#curves figure")

    titles = [title.split(" SVG")[0].split("\n")[0] for title in figures.all_inner_texts()]
    lines = figures.first.locator("polyline.curve")

    assert [title.replace("SVGPNG", "") for title in titles] == [
        *("Validation loss", "Validation bleu", "Training loss"),
    ]
    assert lines.count() == 3
    assert all(len(str(line.get_attribute("points")).split()) == 2 for line in lines.all())


def test_sort_filter_and_sample_are_kept_in_the_address(open_report: Open) -> None:
    watched = open_report(fragment="#board-2")
    page, board = watched.page, watched.page.locator("#board-2")
    board.locator("th", has_text="chrf").get_by_role("button").click()
    board.get_by_role("searchbox").first.fill("ad")
    board.locator("[data-samples] > summary").click()
    board.get_by_label("Order").select_option("longest first")
    board.get_by_role("button", name="Next").click()
    board.locator(".samples article header button").last.click()
    names, ids = watched.texts(f"#board-2 {NAMES}"), watched.texts("#board-2 .samples article code")

    again = open_report(fragment=page.url.partition("index.html")[2])

    assert ids == ["11"]
    assert again.texts(f"#board-2 {NAMES}") == names == ["ada"]
    assert again.texts("#board-2 .samples article code") == ids
    assert again.page.get_by_label("Order").first.input_value() == "long"
    header = again.page.locator("#board-2 .ranking th", has_text="chrf")
    assert header.get_attribute("aria-sort") == "descending"
    again.page.get_by_role("link", name="Runs", exact=True).click()
    again.page.wait_for_url("**#runs?*board-2-table.sort=*")
    watched.check()
    again.check()


@pytest.mark.parametrize(
    ("file", "mark", "words", "other_words"),
    [
        ("demo", "a", "share a letter", "†"),
        ("family_or_seed", "†", "not significantly worse (†)", "share a letter"),
    ],
)
def test_first_screen_explains_the_marks_that_it_has(
    file: str, mark: str, words: str, other_words: str, open_page: Open
) -> None:
    """Oracle: the marks beside the numbers, and the words of the last column."""
    watched = open_page(PUBLISHED[0].parents[1] / file / "index.html")

    assert mark in watched.texts("#matrix sup")
    assert any(text.endswith("flagged") for text in watched.texts("#answers .sure"))
    (text,) = watched.texts(".overview > p.muted")
    assert words in text
    assert other_words not in text
    assert "Flagged: test rows with a contamination signal" in text


def test_every_row_leads_to_its_comparison_which_the_address_keeps(open_report: Open) -> None:
    watched = open_report()

    watched.page.locator("#board-2").get_by_role("button", name="Compare ada with").click()

    again = open_report(fragment=watched.page.url.partition("index.html")[2])
    for page in (watched.page, again.page):
        compare = page.locator("#compare")
        chosen = compare.locator("option:checked").all_inner_texts()
        assert chosen[0].endswith("second")
        assert chosen[1:] == ["ada", "bob"]
    watched.check()
    again.check()


def test_other_files_of_the_report_can_be_downloaded(open_report: Open, tmp_path: Path) -> None:
    """From a server, since Chromium opens such a link of a file instead."""
    handler = partial(SilentHandler, directory=tmp_path / "report")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = open_report().page
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")

        for kind in ("csv", "json", "tex", "md"):
            with page.expect_download() as download:
                page.locator(".downloads").get_by_role("link", name=kind, exact=True).click()
            original = tmp_path / "report" / download.value.suggested_filename
            assert Path(download.value.path()).read_bytes() == original.read_bytes()
        server.shutdown()


def test_charts_can_be_saved_as_svg_and_png(open_report: Open) -> None:
    """Oracle: the XML parser of the standard library, and the signature and size of PNG."""
    watched = open_report(color_scheme="dark")
    figure = watched.page.locator("#board-1 figure").first

    with watched.page.expect_download() as svg:
        figure.get_by_role("button", name="Save as SVG").click()
    with watched.page.expect_download() as png:
        figure.get_by_role("button", name="Save as PNG").click()

    root = ElementTree.parse(svg.value.path()).getroot()
    assert svg.value.suggested_filename == "bleu_translation_tiny_en_de_first.svg"
    assert any("30.00 [29.00, 31.00]" in (text.text or "") for text in root.iter())
    assert all("var(" not in value for node in root.iter() for value in node.attrib.values())
    picture = Path(png.value.path()).read_bytes()
    width = int(float(root.attrib["width"]))
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == 3 * width
    watched.check()


def test_cut_table_says_so_and_its_systems_stay_in_sight(open_report: Open) -> None:
    watched = open_report(viewport=PHONE)
    box = watched.page.locator("#board-1 .scroll")
    hint = watched.page.locator("#board-1 .hint").first

    assert hint.inner_text() == "more columns →"
    assert hint.is_visible()
    box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    hint.wait_for(state="hidden")
    name = box.locator("tbody th").first.bounding_box()
    assert name is not None
    assert 0 <= name["x"] < 60


def test_without_script_the_first_screen_is_the_same(open_report: Open) -> None:
    plain, scripted = open_report(java_script_enabled=False), open_report()

    for selector in ("#answers tbody tr", "#matrix tbody tr", "nav a", ".downloads a"):
        assert plain.texts(selector) == scripted.texts(selector) != []
    assert plain.page.locator("button, .hint").count() == 0
