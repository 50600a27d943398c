"""Texts that would be markup, a formula, a template, a path or a command, planted in every field
that a report shows: each format has the text and nothing in it is obeyed.

Oracle: a parser of each format, and the report of the same launch with harmless texts.
"""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from made_launch import MadeLaunch, made_metric, made_task
from mtnlg.records.files import JsonValue, write_text
from mtnlg.records.rows import Prediction
from mtnlg.text.display import DIRECTIONAL
from read_latex import COMMANDS, without_escapes
from read_report import written
from report_tables import Skeleton, cells_of_markdown

HOSTILE = (
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>", "<!--"),
    *("{{7*7}}", "${7*7}", "{% raw %}", "a|b", "``` `x` ```", "two\nlines\r\n|", "&lt;b&gt;&#60;"),
    *("\u202egnp.exe", "zero\u200bwidth\u200d", "a\x00b\x1b[31m", "\ud800", "x" * 300, "x_" * 150),
    *(
        "../../etc/passwd",
        "..",
        r"\input{a}$x^2$%#~^^5c",
        "}\\end{table}",
        "=cmd()|'!A0",
        "+1",
        "@x",
    ),
    *("[a](javascript:alert(1))", "https://x.y", "\u2028", "' onload=x '", "javascript:x", "-->"),
)
HARMLESS = ("word", "two words", "a long word " * 60, "under_score", "two\nlines")
"""What makes a page use all the elements that it has."""

Plant = Callable[[MadeLaunch, list[str]], None]


def marked(texts: tuple[str, ...]) -> list[str]:
    """The texts, each with a mark to find it by."""
    return [f"{text}Q{index}Q" for index, text in enumerate(texts)]


def add(launch: MadeLaunch, index: int, **changes: JsonValue) -> None:
    """A run with a score and predictions."""
    key = launch.add_predictions(launch.add_scores(f"key{index}", 20.0 + index), ["text"] * 7)
    launch.add_run(f"run{index}", [launch.score(key, **changes)])


def in_systems(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        add(launch, index, system=text)


def in_tasks(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        key = launch.add_scores(f"key{index}", 20.0)
        tasks: list[JsonValue] = [made_task(text)]
        launch.add_run(f"run{index}", [launch.score(key, task=text)], tasks=tasks)


def in_test_sets(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        add(launch, index, test_set=text)


def in_overrides(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        key = launch.add_scores(f"key{index}", 20.0)
        launch.add_run(f"run{index}", [launch.score(key)], overrides=[text])


def in_reasons(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        launch.add_run(f"run{index}", status="failed", reason=text)


def in_run_ids(launch: MadeLaunch, texts: list[str]) -> None:
    launch.run_ids += texts


def in_metrics(launch: MadeLaunch, texts: list[str]) -> None:
    metrics = {text: made_metric(20.0) for text in texts}
    key = launch.add_scores("key", all={"bleu": made_metric(20.0)} | metrics)
    launch.add_run("run", [launch.score(key)])


def in_signatures(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        key = launch.add_scores(f"key{index}", all={"bleu": made_metric(20.0, signature=text)})
        launch.add_run(f"run{index}", [launch.score(key, system=f"system{index}")])


def in_decodings(launch: MadeLaunch, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        add(launch, index, decoding=text)


def in_samples(launch: MadeLaunch, texts: list[str]) -> None:
    """As ids, sources, references, outputs and tags."""
    launch.add_scores("key", 20.0)
    rows = [Prediction(text, text, (text,), text, (text,)) for text in texts]
    lines = [json.dumps(row.to_json()) + "\n" for row in rows]
    path = launch.artifacts_root / "predictions" / "key" / "predictions.jsonl"
    write_text(path, "".join(lines))
    launch.add_run("run", [launch.score("key")])


PLANTS: dict[str, Plant] = {
    "systems": in_systems,
    "tasks": in_tasks,
    "test sets": in_test_sets,
    "overrides": in_overrides,
    "reasons": in_reasons,
    "run ids": in_run_ids,
    "metrics": in_metrics,
    "signatures": in_signatures,
    "decodings": in_decodings,
    "samples": in_samples,
}


@pytest.fixture(params=PLANTS)
def plant(request: pytest.FixtureRequest) -> Plant:
    return PLANTS[request.param]


@pytest.fixture
def report(plant: Plant, launch: MadeLaunch, tmp_path: Path) -> dict[str, str]:
    """The report of a launch with every hostile text in that field."""
    plant(launch, marked(HOSTILE))
    return written(launch.build(), tmp_path / "report")


def marks_in(text: str) -> set[str]:
    return set(re.findall(r"Q\d+Q", text))


MARKS = {f"Q{index}Q" for index in range(len(HOSTILE))}


def test_page_has_the_elements_of_a_harmless_one_and_no_others(
    plant: Plant, report: dict[str, str], tmp_path: Path
) -> None:
    harmless = MadeLaunch(tmp_path / "harmless")
    plant(harmless, marked(HARMLESS))
    expected = Skeleton(written(harmless.build(), tmp_path / "page")["index.html"])

    page = Skeleton(report["index.html"])

    # Rows that differ in nothing but the text may need a chart, a fold or a badge more.
    added = set(page.elements) - set(expected.elements)
    assert {tag for tag, _ in added} <= {tag for tag, _ in expected.elements} | {"wbr", "details"}
    names = {name for _, attributes in added for name in attributes}
    assert names <= {name for _, attributes in expected.elements for name in attributes}
    assert not any(name.startswith("on") or name in ("src", "srcset") for name in names)


def test_page_runs_no_script_but_ours(report: dict[str, str]) -> None:
    page = Skeleton(report["index.html"])

    data = [text for attributes, text in page.scripts if attributes.get("type")]
    (ours,) = [text for attributes, text in page.scripts if not attributes.get("type")]
    digest = b64encode(sha256(ours.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in report["index.html"].replace("'", "&#39;")
    assert "alert(1)" not in ours
    for text in data:
        json.loads(text)


def test_page_shows_every_text_with_nothing_hidden_in_it(report: dict[str, str]) -> None:
    page = Skeleton(report["index.html"])

    shown = page.text + "".join(text for _, text in page.scripts)
    assert marks_in(shown) >= MARKS
    hidden = {mark for mark in page.text if mark < " " and mark not in "\n\t"} | set("\ud800")
    assert not (hidden | DIRECTIONAL) & set(page.text)


def test_markdown_tables_keep_their_cells_and_show_every_text(
    plant: Plant, report: dict[str, str]
) -> None:
    text = report["leaderboard.md"]

    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    for lines in tables:
        assert len({len(cells_of_markdown(line)) for line in lines}) == 1
    assert "<" not in re.sub(r"\\<|</?(details|summary)>", "", text)
    assert not re.search(r"(?<!\\)[`{$\[]", text)
    if plant is not in_samples:
        assert marks_in(text) >= MARKS


def test_csv_lines_keep_their_cells_and_are_no_formula(
    plant: Plant, report: dict[str, str]
) -> None:
    records = list(csv.reader(io.StringIO(report["leaderboard.csv"], newline="")))

    assert {len(cells) for cells in records} == {len(records[0])}
    starts = ("=", "+", "-", "@", "\t", "\r")
    cells = [cell for record in records for cell in record]
    assert not any(cell.startswith(starts) and not is_number(cell) for cell in cells)
    if plant not in (in_samples, in_overrides):
        assert marks_in(report["leaderboard.csv"]) >= MARKS


def is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[\d.e+-]+", cell) is not None


def test_json_holds_every_text(plant: Plant, report: dict[str, str]) -> None:
    text = json.dumps(json.loads(report["leaderboard.json"]), ensure_ascii=False)

    if plant not in (in_samples, in_overrides):
        assert marks_in(text) >= MARKS


def test_latex_has_no_command_but_ours_and_balanced_braces(
    plant: Plant, report: dict[str, str]
) -> None:
    text = without_escapes(report["leaderboard.tex"])

    assert set(re.findall(r"\\([a-zA-Z]+)", text)) <= COMMANDS
    assert text.count("{") == text.count("}")
    assert not re.search(r"(?<!\\)[%$#~^<>\"|]", text.replace("\\\\", ""))
    if plant not in (in_samples, in_overrides, in_run_ids, in_metrics):  # only main metrics
        assert marks_in(report["leaderboard.tex"]) >= MARKS


def test_everything_at_once_is_a_report(launch: MadeLaunch, tmp_path: Path) -> None:
    """A text as the name of everything that has one."""
    for index, text in enumerate(marked(HOSTILE)):
        metric = made_metric(20.0, signature=text, interval=text, unit=text)
        key = launch.add_scores(f"all{index}", all={"bleu": metric, text: metric})
        tasks: list[JsonValue] = [made_task(text, language=text)]
        record = launch.score(key, task=text, test_set=text, system=text, decoding=text)
        launch.add_run(f"all{index}", [record], tasks=tasks, system=text, tags=[text])
        launch.add_run(f"fell{index}", status="failed", reason=text, tasks=tasks, system=text)
    launch.run_ids += marked(HOSTILE)

    report = written(launch.build(command="\n".join(HOSTILE)), tmp_path / "report")

    page = Skeleton(report["index.html"])
    assert marks_in(page.text) == MARKS
    assert not {"img", "b", "iframe", "form"} & {tag for tag, _ in page.elements}
    for name in ("leaderboard.md", "leaderboard.csv", "leaderboard.json", "leaderboard.tex"):
        assert marks_in(report[name]) == MARKS
