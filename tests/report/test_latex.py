"""The LaTeX tables: their columns, what is bold, and text that must not become a command.

Oracle: LaTeX written by hand, and a parser of the tables that knows our commands.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hostile_report import HOSTILE, report_with
from made_comparisons import add_system
from made_launch import MadeLaunch, made_metric, made_task
from mtnlg.report.latex import escape_latex
from read_latex import COMMANDS, without_escapes
from read_report import written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"a\input{b}", r"a\textbackslash{}input\{b\}"),
        ("100 % & $x_1^2$ #3~", r"100 \% \& \$x\_1\textasciicircum{}2\$ \#3\textasciitilde{}"),
        ("a--b-c,,d,e", "a-{}-b-c,{},d,e"),
        ("<a>|\"'`", r"\textless{}a\textgreater{}\textbar{}\textquotedbl{}\textquotesingle{}"
                     r"\textasciigrave{}"),
        ("two\nlines\tand 中文", "two lines and 中文"),
    ],
)  # fmt: skip
def test_every_mark_of_latex_is_escaped(text: str, expected: str) -> None:
    assert escape_latex(text) == expected


@pytest.mark.parametrize("hostile", [*HOSTILE, r"\input{/etc/passwd}", "}\\end{table}", "^^5c"])
def test_hostile_text_adds_no_command_and_no_cell(
    hostile: str, launch: MadeLaunch, tmp_path: Path
) -> None:
    text = without_escapes(report_with(hostile, launch, tmp_path)["leaderboard.tex"])

    assert set(re.findall(r"\\([a-z]+)", text)) <= COMMANDS
    assert "^^" not in text
    assert text.count("{") == text.count("}")
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 5
    for row in rows:
        spans = [int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", row)]
        assert row.count(" & ") + 1 + sum(spans) == 4, "rank, system, value, interval"


def test_systems_not_significantly_worse_than_the_best_are_bold(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    generator = np.random.default_rng(3)
    right = generator.integers(1, 5, size=40)
    for name, loss in (("best", 0), ("near", 0), ("far", 1)):
        values = (right - loss + (np.arange(40) == 0) * (name == "best")) / 5
        statistics = np.column_stack([values, np.ones(40)])
        value = 100 * float(values.sum()) / 40
        launch.add_scores(name, all={"rouge1": made_metric(value, n=40)})
        np.savez(
            launch.artifacts_root / "scores" / name / "statistics.npz",
            rouge1=statistics,
            is_clean=np.ones(40, np.bool_),
        )
        tasks = [made_task(main_metric="rouge1")]
        launch.add_run(name, [launch.score(name, system=name)], system=name, tasks=tasks)

    lines = written(launch.build(), tmp_path)["leaderboard.tex"].splitlines()

    bold = {name_of(line): r"\bfseries" in line for line in lines if r"\scriptsize" in line}
    assert bold == {"best": True, "near": True, "far": False}
    assert sum(r"\textsuperscript{a}" in line for line in lines) == 2


def test_system_alone_is_bold_where_it_is_better_than_the_baseline(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    add_system(launch, "good")
    add_system(launch, "poor", kind="baseline")

    lines = written(launch.build(), tmp_path)["leaderboard.tex"].splitlines()

    bold = {name_of(line): r"\bfseries" in line for line in lines if r"\scriptsize" in line}
    assert bold == {"good": True, "poor": False}


def test_table_says_why_a_run_has_no_number(troubled: MadeLaunch, tmp_path: Path) -> None:
    text = written(troubled.build(), tmp_path)["leaderboard.tex"]

    assert r"– & \raggedright fell & \multicolumn{2}{l}{failed} \\" in text
    assert r"\raggedright fell: failed: out of memory\par" in text
    assert "not comparable: bleu has signature tok:none" in text


def name_of(line: str) -> str:
    """The system of a row."""
    return line.split(" & ")[1].removeprefix(r"\raggedright ")


def test_caption_has_arrow_signature_and_label(launch: MadeLaunch, tmp_path: Path) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))])

    text = written(launch.build(), tmp_path)["leaderboard.tex"].replace(r"\allowbreak{}", "")

    assert r"\multicolumn{2}{c}{BLEU \textuparrow}" in text
    assert "signature: nrefs:1\\textbar{}case:mixed" in text
    assert r"\label{tab:tiny-1}" in text
    assert "S[table-format=2.2,detect-weight]" in text


PUBLISHED = sorted((Path(__file__).parents[2] / "reports" / "published").glob("*/leaderboard.tex"))
DOCUMENT = r"""\documentclass[%s]{article}
\usepackage{booktabs,siunitx,textcomp}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\begin{document}
\input{%s}
\end{document}
"""


@pytest.mark.parametrize("layout", ["11pt,a4paper", "10pt,twocolumn"])
@pytest.mark.parametrize("table", PUBLISHED, ids=lambda table: table.parent.name)
def test_published_tables_fit_a_page(layout: str, table: Path, tmp_path: Path) -> None:
    """Oracle: pdflatex, which says what is too wide or too high."""
    pdflatex = shutil.which("pdflatex") or pytest.skip("there is no LaTeX here: make tex-test")
    (tmp_path / "page.tex").write_text(DOCUMENT % (layout, table), encoding="utf-8")

    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )

    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout)]
    assert done.returncode == 0, done.stdout[-1000:]
    assert [points for points in wide if points > 1] == []
    assert "Float too large" not in done.stdout
