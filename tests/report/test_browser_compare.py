"""Two systems of a report side by side in a real browser, and how long a large page takes.

Oracle: two systems written by hand, and the page's own table of pairs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chromium import Watched
from made_launch import MadeLaunch, made_metric
from made_samples import TEXTS, add_pair
from mtnlg.records.files import write_jsonl, write_text
from mtnlg.records.rows import Prediction
from mtnlg.report import write_report
from read_report import written

Open = Callable[..., Watched]
NUM_SYSTEMS, NUM_ROWS = 20, 2_000
NUM_BLEU_STATISTICS = 10
"""Matches and counts of one to four words, and two lengths."""
PATIENCE_MS, LARGEST_BYTES = 200, 8 * 10**6
"""How long an interaction may take, and how large the page of so many rows may be."""


@pytest.fixture
def open_pair(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> Open:
    """`ada`, which is always right, and `bob`, whose first output is wrong; and their settings."""
    add_pair(launch)
    for name, rate in (("bob", "<b>0.1</b>"), ("ada", "0.2")):
        config = f"seed: 1\noptimizer: {{learning_rate: '{rate}'}}\n"
        write_text(launch.runs_root / "tiny" / name / "config.yaml", config)
    written(launch.build(), tmp_path / "report")
    return lambda **context: open_page(tmp_path / "report" / "index.html", **context)


def test_two_systems_are_compared_by_numbers_and_settings(open_pair: Open) -> None:
    watched = open_pair()
    compare = watched.page.locator("#compare")
    compare.locator("summary").click()
    pair = watched.page.locator(".board details", has_text="Pairs")

    rows = watched.texts("#compare tbody tr")

    difference = (pair.locator("tbody td").nth(1).text_content() or "").strip()
    assert rows[0].startswith("bleu100.00 [")
    assert difference in rows[0]
    assert rows[1].startswith("chrf")
    assert rows[1].endswith("not tested")
    assert rows[2] == "optimizer.learning_rate0.2<b>0.1</b>"
    interval = compare.locator("tbody tr").first.locator("td").first
    assert interval.evaluate("cell => getComputedStyle(cell).whiteSpace") == "nowrap"
    compare.get_by_label("A", exact=True).select_option("bob")
    assert watched.texts("#compare tbody tr") == []
    compare.get_by_label("B", exact=True).select_option("ada")
    low, high = difference.partition("[")[2].rstrip("]").split(", ")
    assert f"[{-float(high):.2f}, {-float(low):.2f}]" in watched.texts("#compare tbody tr")[0]
    watched.check()


def test_samples_with_the_largest_gain_are_one_press_away(open_pair: Open) -> None:
    watched = open_pair()
    page = watched.page

    page.get_by_role("button", name="Samples where A beats B most").focus()
    page.keyboard.press("Enter")

    fold = page.locator("[data-samples]")
    assert fold.get_attribute("open") is not None
    assert fold.get_by_label("System A").locator("option:checked").inner_text() == "ada"
    assert fold.get_by_label("System B").locator("option:checked").inner_text() == "bob"
    assert watched.texts(".samples article code")[0] == "0"
    assert "A beats B by bleu" in watched.texts(".samples article header")[0]
    page.get_by_role("button", name="Samples where B beats A most").click()
    assert fold.get_by_label("System A").locator("option:checked").inner_text() == "bob"
    watched.check()


def test_without_script_every_pair_is_there_and_no_empty_choice(open_pair: Open) -> None:
    watched = open_pair(java_script_enabled=False)

    watched.page.locator("summary", has_text="Pairs").click()

    assert not watched.page.locator("#compare").is_visible()
    assert "ada" in watched.texts(".board details tbody tr")[0]


def test_long_names_fit_a_phone(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> None:
    for number in (1, 2):
        key = launch.add_scores(f"s{number}", 20.0 + number)
        launch.add_run(f"r{number}", [launch.score(key, system="long_name_" * 9 + str(number))])
    written(launch.build(), tmp_path / "report")

    page = open_page(
        tmp_path / "report" / "index.html", viewport={"width": 390, "height": 800}
    ).page

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = page.locator("#compare .controls label > span").evaluate_all(
        "names => names.map((name) => name.getBoundingClientRect().height)"
    )
    assert max(heights) < 30, "a name beside a list is one line"


@pytest.fixture
def open_large(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> Open:
    """Twenty systems with two thousand outputs each, with random values."""
    draw = random.Random(5)
    words = " ".join(TEXTS).split()
    sources = [" ".join(draw.choices(words, k=9)) for _ in range(NUM_ROWS)]
    for system in range(NUM_SYSTEMS):
        name = f"system-{system}"
        key = launch.add_scores(name, all={"bleu": made_metric(20.0 + system, n=NUM_ROWS)})
        counts = np.random.default_rng(system).integers(1, 9, (NUM_ROWS, NUM_BLEU_STATISTICS))
        np.savez(launch.artifacts_root / "scores" / key / "statistics.npz", bleu=counts)
        folder = launch.artifacts_root / "predictions" / key
        folder.mkdir(parents=True)
        rows = (
            Prediction(f"{row}", source, (source,), " ".join(draw.choices(words, k=9)))
            for row, source in enumerate(sources)
        )
        write_jsonl(folder / "predictions.jsonl", (row.to_json() for row in rows))
        launch.add_run(name, [launch.score(key, system=name)], system=name)
    (path,) = write_report(
        launch.build(), tmp_path / "report", formats=["html"], num_samples=NUM_ROWS
    )
    assert path.stat().st_size < LARGEST_BYTES, path.stat().st_size
    return lambda **context: open_page(path, **context)


def test_interactions_of_a_large_page_are_quick(open_large: Open) -> None:
    """The best of three times, since other programs may use the processor meanwhile."""
    watched = open_large()
    page = watched.page
    page.locator("[data-samples] > summary").click()
    page.get_by_label("Search").wait_for()
    times = {
        "sorting": "document.querySelector('.ranking button.sort').click()",
        "search": """const words = document.querySelector('.samples input[type=search]');
            words.value = `katze ${turn}`; fire(words, 'input')""",
        "page": """const pager = document.querySelectorAll('.pager button');
            pager[1].click()""",
        "order": """const lists = document.querySelectorAll('.samples select');
            lists[lists.length - 1].value = turn % 2 ? 'page' : 'long';
            fire(lists[lists.length - 1], 'change')""",
        "compare": """const selects = document.querySelectorAll('#compare select');
            selects[1].value = turn + 3; fire(selects[1], 'change')""",
        "filter": """const box = document.querySelector('.board input[type=search]');
            box.value = `system-${turn}`; fire(box, 'input')""",
    }
    times |= {
        "matrix": "document.querySelector('#answers').scrollIntoView()",
        "row": """const rows = document.querySelectorAll('.ranking button.with');
            rows[turn].click()""",
        "columns": """const box = document.querySelector('.columns input');
            box.click()""",
        "alone": """const ids = document.querySelectorAll('.samples article header button');
            ids[0].click()""",
    }
    for name, step in times.items():
        taken = page.evaluate(
            f"""() => {{
              const fire = (node, kind) => node.dispatchEvent(new Event(kind, {{ bubbles: true }}));
              const best = [];
              for (let turn = 0; turn < 3; turn++) {{
                const start = performance.now();
                {step};
                document.body.getBoundingClientRect();
                best.push(performance.now() - start);
              }}
              return Math.min(...best);
            }}"""
        )
        assert taken < PATIENCE_MS, (name, taken)
        print(name, round(taken))
    watched.check()
