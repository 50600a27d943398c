"""Columns and ids of files that do not fit: refused, or named beside the numbers.

Oracle: sacreBLEU on the texts before they were put into files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from sacrebleu.metrics.bleu import BLEU

from mtnlg.cli.main import main

TEXTS = [
    f"Satz {i * 31 % 97} von {i % 7} zeigt, {'was' if i % 2 else 'wer'} kommt." for i in range(24)
]
OUTPUTS = [text.replace("von", "aus") if i % 3 else text for i, text in enumerate(TEXTS)]
BLEU_VALUE = BLEU().corpus_score(OUTPUTS, [TEXTS]).score


def score(folder: Path, hypotheses: Path, *options: str, references: Path | None = None) -> int:
    if references is None:
        references = folder / "ref.txt"
        references.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return main(
        [
            *("score", "--references", str(references), "--hypotheses", str(hypotheses)),
            *("--task", "translation", "--language", "de", "--resamples", "20"),
            *("--metrics", "bleu", *options, "--json"),
        ]
    )


def written(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def row(capsys: pytest.CaptureFixture[str]) -> tuple[float, int, str]:
    """The BLEU, n and note of the only row."""
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    (only,) = board["rows"]
    value = only["metrics"]["bleu"]
    return value["value"], value["n"], str(only["reason"])


def table(separator: str = "\t") -> list[str]:
    return [f"Quelle {i}?{separator}{text}" for i, text in enumerate(OUTPUTS)]


SECOND = ("--hypothesis-field", "2")


def test_names_that_nobody_knows_are_no_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "hyp.tsv", ["Quelle\tErgebnis", *table()])

    assert score(tmp_path, path, *SECOND) == 0

    value, num_examples, note = row(capsys)
    assert value == pytest.approx(BLEU_VALUE, abs=1e-9)
    assert num_examples == len(TEXTS)
    assert "line 1 names the columns (Quelle, Ergebnis)" in note


@pytest.mark.parametrize("number", [0, 9])
def test_a_text_with_a_tab_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    lines = table()
    lines[number] += "\tund mehr"

    assert score(tmp_path, written(tmp_path / "hyp.tsv", lines), *SECOND) == 2

    assert f"hyp.tsv:{number + 1 if number else 2}: has " in capsys.readouterr().err


def test_two_columns_of_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "hyp.tsv", ["hyp\thyp", *table()])

    assert score(tmp_path, path, "--hypothesis-field", "hyp") == 2

    assert "hyp.tsv:1: the first line names 2 columns 'hyp'" in capsys.readouterr().err


def test_a_column_that_plain_text_has_not_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(tmp_path, written(tmp_path / "hyp.txt", OUTPUTS), *SECOND) == 0

    assert "plain text, which has no column 2" in row(capsys)[2]


@pytest.mark.parametrize(
    "lines",
    [
        [f'"{i}","{text}"' for i, text in enumerate(OUTPUTS)],
        [f'{i},"{text}"' if "," in text else f"{i},{text}" for i, text in enumerate(OUTPUTS)],
        [f"{i}\tQuelle {i}\t{text}" for i, text in enumerate(OUTPUTS)],
    ],
)
def test_a_table_without_names_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str]
) -> None:
    assert score(tmp_path, written(tmp_path / "hyp.txt", lines)) == 2

    assert "without names" in capsys.readouterr().err


def records(ids: Sequence[object], name: str, texts: Sequence[str]) -> list[str]:
    pairs = zip(ids, texts, strict=True)
    return [json.dumps({"id": given, name: text}) for given, text in pairs]


def test_the_same_ids_in_another_order_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    references = written(tmp_path / "ref.jsonl", records(range(24), "references", TEXTS))
    lines = sorted(records(range(24), "prediction", OUTPUTS), key=lambda line: str(line.split()[1]))

    assert score(tmp_path, written(tmp_path / "hyp.jsonl", lines), references=references) == 2

    assert "hyp.jsonl:3: id is '10', but " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (range(24), "None"),
        ([f"{i:04d}" for i in range(24)], "None"),
        ([f"wmt-x{i}" for i in range(24)], "None"),
        (range(1, 25), "hyp.jsonl:1: id is '1', but "),
    ],
)
def test_ids_that_are_off_are_named_and_others_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ids: Sequence[object], expected: str
) -> None:
    references = written(tmp_path / "ref.jsonl", records(range(24), "references", TEXTS))
    path = written(tmp_path / "hyp.jsonl", records(ids, "prediction", OUTPUTS))

    assert score(tmp_path, path, references=references) == 0

    value, _, note = row(capsys)
    assert value == pytest.approx(BLEU_VALUE, abs=1e-9)
    assert expected in note
