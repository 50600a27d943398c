"""What `mtnlg score` writes in the report's formats. Oracles: the numbers of its JSON, which
test_score.py holds against sacreBLEU, and words written out by hand.
"""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mtnlg.cli.main import main

REFERENCES = [f"The train number {number} leaves the town at nine." for number in range(30)]
GOOD = [text.replace("nine", "ten") if len(text) % 2 else text for text in REFERENCES]
POOR = ["A train left the town."] * 30
SOURCES = [f"Zug Nummer {number} <b>fährt</b>." for number in range(30)]


class Page(HTMLParser):
    """The text and tags of a page."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Two systems against one reference, one of them with a name that formats must escape."""
    for name, lines in (
        ("ref.txt", REFERENCES),
        ("poor_one|<i>.txt", POOR),
        ("good.txt", GOOD),
        ("source.txt", SOURCES),
    ):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [
        *("score", "--references", str(tmp_path / "ref.txt"), "--task", "translation"),
        *("--hypotheses", str(tmp_path / "poor_one|<i>.txt"), str(tmp_path / "good.txt")),
        *("--language", "en", "--trials", "500", "--resamples", "100"),
    ]


def printed(capsys: pytest.CaptureFixture[str], command: list[str], *more: str) -> str:
    assert main([*command, *more]) == 0
    return capsys.readouterr().out


def rows_of(printed_json: str) -> dict[str, dict[str, Any]]:
    """Label -> row of the only board."""
    (board,) = json.loads(printed_json)["boards"]
    return {row["label"]: row for row in board["rows"]}


def test_markdown_has_the_numbers_of_the_table_and_no_columns_of_runs(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = rows_of(printed(capsys, command, "--json"))["good.txt"]

    text = printed(capsys, command, "--markdown")

    tables = [line for line in text.splitlines() if line.startswith("| ")]
    names = ["rank", "group", "system", "kind", "bleu", "chrf", "n", "note"]
    rows = tables[tables.index(f"| {' | '.join(names)} |") + 2 :]
    assert [row.split(" | ")[2] for row in rows] == ["good.txt", r"poor\_one\|\<i\>.txt"]
    assert f"{good['metrics']['bleu']['value']:.2f}" in rows[0]
    assert "## Runs" not in text
    assert "signature: nrefs:1" in text


def test_csv_has_a_line_with_groups_for_each_system_and_metric(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of(printed(capsys, command, "--json"))

    records = list(csv.DictReader(printed(capsys, command, "--csv").splitlines()))

    assert {
        (record["system"], record["metric"]): (float(record["value"]), record["cld"])
        for record in records
    } == {
        (label, name): (metric["value"], row["cld"][name])
        for label, row in rows.items()
        for name, metric in row["metrics"].items()
    }


def test_latex_is_one_table_with_letters_for_each_metric(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, command, "--latex")

    assert text.count(r"\begin{tabular}") == 1
    row = next(line for line in text.splitlines() if line.startswith("2 & "))
    row = row.replace(r"\allowbreak{}", "")
    assert r"poor\_one\textbar{}\textless{}i\textgreater{}.txt" in row
    assert row.count(r"\textsuperscript{b}") == 2


def test_html_page_shows_samples_side_by_side_beside_any_output(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, source = tmp_path / "page", tmp_path / "source.txt"
    more = ["--html", str(folder), "--sources", str(source), "--samples", "3", "--json"]

    assert main([*command, *more]) == 0

    captured = capsys.readouterr()
    json.loads(captured.out)
    assert captured.err == f"page: {folder / 'index.html'}\n"
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    markup = (folder / "index.html").read_text(encoding="utf-8")
    page = Page(re.sub("<script.*?</script>", "", markup, flags=re.DOTALL))
    assert not {"script", "b", "i", "img"} & {*page.tags}
    assert "Samples: 3 of 30 examples" in page.text
    for place in (0, 10, 20):
        for text in (REFERENCES[place], GOOD[place], SOURCES[place], f"line {place + 1}"):
            assert text in page.text
    assert REFERENCES[1] not in page.text
    assert page.text.count(POOR[0]) == 3
    assert "parameters" not in page.text
    assert "Runs" not in page.text


def test_board_without_the_main_metric_of_one_system_is_sorted_by_another(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    long_one = tmp_path / "long.txt"
    long_one.write_text("word " * 20_001 + "\n" + "\n".join(GOOD[1:]) + "\n", encoding="utf-8")
    more = ["--metrics", "rougeL,bleu", "--markdown", "--html", str(tmp_path / "page")]
    command.insert(command.index("--language"), str(long_one))

    text = printed(capsys, command, *more)

    assert "leads with bleu" in text
    row = next(line for line in text.splitlines() if "| long.txt |" in line)
    assert " – | 30 | left out: rougeL: " in row
    assert "long.txt:1 has 20001 tokens" in row
    assert (tmp_path / "page" / "index.html").is_file()
