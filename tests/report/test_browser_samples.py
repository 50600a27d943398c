"""The samples of a report in a real browser: searched, filtered, sorted, and marked where they
differ from their reference.

Oracle: examples written by hand, unless a test names another.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from chromium import Watched
from made_launch import TASK, MadeLaunch, made_task
from made_samples import add_system
from mtnlg.records.rows import Prediction
from read_report import written

Open = Callable[..., Watched]
IDS = ".samples article code"
CHINESE = TASK.replace("en_de", "en_zh")

EXAMPLES = [
    ("The cat sat.", "Die Katze saß.", "Die Katze saß.", "Die Katze stand."),
    ("A dog ran home.", "Ein Hund lief heim.", "Ein Hund heim.", "Ein Hund lief heim."),
    ("No.", "Nein.", "Ja ja.", ""),
]
"""Source, reference, output of `ada`, output of `bob`."""


@pytest.fixture
def open_samples(launch: MadeLaunch, tmp_path: Path, open_page: Open) -> Open:
    """Twelve examples, the three four times; every fourth has a tag. The samples are open."""
    rows = [(f"{index:02d}", *EXAMPLES[index % 3]) for index in range(12)]
    for system, column in (("ada", 2), ("bob", 3)):
        predictions = [
            Prediction(
                row[0],
                row[1],
                (row[2],),
                row[column + 1],
                ("train_source",) if int(row[0]) % 4 == 0 else (),
            )
            for row in rows
        ]
        add_system(launch, system, predictions)
    written(launch.build(), tmp_path / "report")

    def open_(**context: object) -> Watched:
        watched = open_page(tmp_path / "report" / "index.html", **context)
        watched.page.locator("[data-samples] > summary").click()
        watched.page.get_by_label("System A").select_option("ada")
        watched.page.get_by_label("System B").select_option("bob")
        return watched

    return open_


def test_pages_hold_ten_and_keys_turn_them(open_samples: Open) -> None:
    watched = open_samples()
    first = watched.texts(IDS)

    watched.page.get_by_role("button", name="Next").focus()
    watched.page.keyboard.press("Enter")

    assert first == [f"{index:02d}" for index in range(10)]
    assert watched.texts(IDS) == ["10", "11"]
    assert watched.texts(".pager [role=status]") == ["11–12 of 12 found among 12"]
    watched.page.keyboard.press("Enter")
    assert watched.texts(IDS) == ["10", "11"], "there is no page behind the last"
    watched.check()


def test_search_finds_words_in_any_text_of_an_example(open_samples: Open) -> None:
    watched = open_samples()

    watched.page.get_by_label("Search").fill("KATZE stand")

    assert watched.texts(IDS) == ["00", "03", "06", "09"]
    watched.page.get_by_label("Search").fill("nobody said this")
    assert watched.texts(IDS) == []
    assert watched.texts(".pager [role=status]") == ["none of 12"]


def test_tags_and_length_filter_together(open_samples: Open) -> None:
    watched = open_samples()

    watched.page.get_by_label("Tags").select_option("with a tag")
    tagged = watched.texts(IDS)
    watched.page.get_by_label("Characters of the source from").fill("12")
    watched.page.get_by_label("Characters of the source to").fill("12")

    assert tagged == ["00", "04", "08"]
    assert watched.texts(IDS) == ["00"]
    watched.page.get_by_label("Tags").select_option("without a tag")
    assert watched.texts(IDS) == ["03", "06", "09"]


def test_order_by_where_one_system_beats_another(open_samples: Open) -> None:
    """Oracle: chrF of each sentence by sacreBLEU's own class."""
    from sacrebleu.metrics.chrf import CHRF

    watched = open_samples()
    watched.page.get_by_label("Metric", exact=True).select_option("chrf")

    watched.page.get_by_label("Order").select_option("where A beats B most")

    gains = {
        index: CHRF().sentence_score(ours, [reference]).score
        - CHRF().sentence_score(theirs, [reference]).score
        for index, (_, reference, ours, theirs) in enumerate(EXAMPLES)
    }
    order = sorted(range(12), key=lambda index: (-round(gains[index % 3], 2), index))
    assert watched.texts(IDS) == [f"{index:02d}" for index in order[:10]]
    best = gains[order[0] % 3]
    assert f"A beats B by chrf {best:.2f}" in watched.texts(".samples article header")[0]
    watched.check()


def test_filter_by_value_of_a_metric(open_samples: Open) -> None:
    watched = open_samples()

    watched.page.get_by_label("Value of A from").fill("100")

    assert watched.texts(IDS) == ["00", "03", "06", "09"], "where `ada` said the reference"
    watched.page.get_by_label("System A").select_option("bob")
    assert watched.texts(IDS) == ["01", "04", "07", "10"]


def test_differences_to_the_reference_are_marked_by_words(open_samples: Open) -> None:
    watched = open_samples()

    first = watched.page.locator(".samples article").first
    bob = first.locator(".outputs section", has_text="bob")

    assert bob.locator("ins").all_text_contents() == ["stand"]
    assert bob.locator("del").all_text_contents() == ["saß"]
    watched.page.get_by_label("mark differences").uncheck()
    assert watched.page.locator(".outputs ins, .outputs del").count() == 0
    assert watched.texts(".outputs section").count("bob trained bleu 0empty output") == 3
    watched.check()


def test_chinese_is_compared_by_characters(
    launch: MadeLaunch, tmp_path: Path, open_page: Open
) -> None:
    rows = [Prediction("0", "It is cold in Beijing.", ("今天北京很冷。",), "昨天北京冷AB。")]
    task = made_task(CHINESE, language="zh")
    add_system(launch, "ada", rows, language="zh", task=CHINESE, run={"tasks": [task]})
    written(launch.build(), tmp_path / "report")

    watched = open_page(tmp_path / "report" / "index.html")
    watched.page.locator("[data-samples] > summary").click()

    output = watched.page.locator(".samples .outputs .text")
    assert output.get_attribute("lang") == "zh"
    assert watched.texts(".samples .outputs .text") == ["今昨天北京很冷AB。"]
    assert output.locator("ins").all_text_contents() == ["昨", "AB"]
    assert output.locator("del").all_text_contents() == ["今", "很"]


def longest_common(left: str, right: str) -> int:
    """The length of the longest common subsequence, by trying every choice of characters."""
    for size in range(min(len(left), len(right)), -1, -1):
        choices = set(itertools.combinations(left, size))
        if choices & set(itertools.combinations(right, size)):
            return size
    raise AssertionError("any two texts share the empty one")


def test_difference_is_whole_and_minimal(open_samples: Open) -> None:
    """Oracle: brute force. Both texts can be read back, and as much as possible is unmarked."""
    watched = open_samples()
    draw = random.Random(3)

    for _ in range(60):
        text, reference = ("".join(draw.choices("天地人", k=draw.randrange(8))) for _ in range(2))
        parts = watched.page.evaluate(
            "([text, reference]) => difference(text, reference)", [text, reference]
        )
        assert "".join(part for kind, part in parts if kind != "del") == text
        assert "".join(part for kind, part in parts if kind != "ins") == reference
        same = sum(len(part) for kind, part in parts if kind == "same")
        assert same == longest_common(text, reference)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't_stop  now", ["don", "'", "t_stop", "now"]),
        ("e\u0301te\u0301 1,5", ["e\u0301te\u0301", "1", ",", "5"]),
        ("我用GPT4。", ["我", "用", "GPT4", "。"]),
        ("👩\u200d🔬👍🏽!", ["👩\u200d🔬", "👍🏽", "!"]),
        ("ひらカタ 한국어 말", ["ひ", "ら", "カ", "タ", "한국어", "말"]),
        ("\n a", ["\n", "a"]),
    ],
)
def test_tokens_are_words_characters_and_marks(
    open_samples: Open, text: str, words: list[str]
) -> None:
    tokens = open_samples().page.evaluate("(text) => tokensOf(text)", text)

    assert [token["word"] for token in tokens] == words
    assert "".join(token["all"] for token in tokens) == text


def test_texts_too_long_to_compare_are_shown_unmarked(open_samples: Open) -> None:
    page = open_samples().page

    assert page.evaluate("difference('a '.repeat(3000), 'b '.repeat(3000))") is None
    assert (
        page.evaluate("smallestDifference('a '.repeat(3000), ['b '.repeat(3000), 'a '])")
        is not None
    )


def test_of_several_references_the_closest_is_marked(open_samples: Open) -> None:
    parts = open_samples().page.evaluate("smallestDifference('a b c', ['x y z', 'a b d'])")

    assert parts == [["same", "a b "], ["del", "d"], ["ins", "c"]]


def test_without_script_ten_samples_are_there(
    launch: MadeLaunch, tmp_path: Path, open_page: Open
) -> None:
    rows = [Prediction(f"{index:02d}", "source", ("ref",), f"out {index}") for index in range(30)]
    add_system(launch, "ada", rows)
    written(launch.build(), tmp_path / "report")

    watched = open_page(tmp_path / "report" / "index.html", java_script_enabled=False)
    watched.page.locator("details.fold > summary").first.click()

    assert watched.texts(IDS) == [f"{index:02d}" for index in range(0, 30, 3)]
    assert "out 27" in watched.texts(".samples")[0]


def test_data_in_the_page_is_what_was_predicted(
    launch: MadeLaunch, tmp_path: Path, open_page: Open
) -> None:
    text = "</script><script>alert(1)</script><!-- &amp; \u2028 {{7*7}} \"' \\u003c"
    add_system(launch, "ada", [Prediction("0", text, (text,), text)])
    written(launch.build(), tmp_path / "report")

    watched = open_page(tmp_path / "report" / "index.html")
    watched.page.locator("[data-samples] > summary").click()

    data = watched.page.locator("script[type='application/json']").text_content()
    (row,) = json.loads(data or "")["rows"]
    assert row["outputs"] == [text.replace("\u2028", "\n")]
    assert watched.texts(".outputs .text") == [" ".join(text.split())]
    watched.check()
