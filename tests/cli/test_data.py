"""`mtnlg data`: what it says of a data set, and that it needs neither model nor PyTorch.

Oracle unless a test names another: the sentences of PAIRS, and messages written by hand.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mtnlg.cli.description import EXAMPLE_CHARACTERS, SECTIONS
from mtnlg.cli.main import main

TASK = "translation/tatoeba_en_zh"
PAIRS = {
    "train": [("A  cat.", "一只猫。"), ("A dog.", "狗。"), ("A dog.", "狗。"), ("", "空。")],
    "validation": [("A dog.", "犬。"), ("Two.", "一只猫。")],
    "test": [("A dog.", "狗。"), ("A bird.", "鸟。")],
}


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The command, on a few sentences."""
    write(tmp_path / "data", PAIRS)
    roots = [f"{name}_root={tmp_path / name}" for name in ("data", "artifacts")]
    return ["data", TASK, *roots]


def write(data_root: Path, pairs: dict[str, list[tuple[str, str]]]) -> None:
    folder = data_root / TASK
    folder.mkdir(parents=True, exist_ok=True)
    for split, texts in pairs.items():
        records = ({"translation": {"en": source, "zh": target}} for source, target in texts)
        lines = "".join(f"{json.dumps(record)}\n" for record in records)
        (folder / f"{split}.jsonl").write_text(lines)


def section(printed: str, title: str) -> list[list[str]]:
    """The words of each line of a section."""
    part = printed.split(f"\n{title}\n")[1].split("\n\n")[0]
    return [line.split() for line in part.splitlines()]


def test_numbers_of_a_data_set_are_told(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: counted by hand in PAIRS."""
    assert main(words) == 0

    printed = capsys.readouterr().out
    titles = list(SECTIONS)
    assert [line for line in printed.splitlines() if line in titles] == titles
    assert "License: CC BY 2.0 FR" in printed
    train, validation, test = section(printed, "Rows")[1:]
    assert train == ["train", "4", "4", "3", "0", *("empty_source", "1", "space", "1")]
    assert (validation[:4], test[:4]) == (["validation", "2", "2", "2"], ["test", "2", "2", "2"])
    lengths = section(printed, "Lengths in characters")
    assert lengths[1] == ["train", "6.0", "6", "2.7", "4", "1"]
    assert section(printed, "Repeats of an earlier row of the split")[1] == ["train", "1", "1"]
    head, *leaks = section(printed, "Rows with signals that another split has them")
    assert " ".join(head) == "validation in train test in train test in validation"
    counts = {name: [int(count) for count in counts] for name, *counts in leaks}
    assert counts == {
        "checked": [2, 2, 2],
        "flagged": [2, 1, 1],
        **{key: [1, 1, 1] for key in ("train_source", "train_near_source")},
        **{key: [1, 1, 0] for key in ("train_target", "train_near_target")},
        **{key: [0, 1, 0] for key in ("train_pair", "train_near_pair")},
        **{key: [0, 0, 0] for key in ("any_ngram", "train_lines", "train_ngrams")},
    }
    source, target = section(printed, "Tokens per word or character")[2:]
    assert (source[:3], target[:3]) == (["source", "en", "3"], ["target", "zh", "3"])
    assert (source[4], target[4]) == ("word", "character")


def test_texts_of_another_script_are_counted(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: counted by hand; in the last row both sides are in the other language."""
    assert main(words) == 0
    fitting = section(capsys.readouterr().out, "Scripts")
    write(tmp_path / "data", {"train": [*PAIRS["train"], ("一只小猫。", "A little cat.")]})

    assert main(words) == 0

    lines = section(capsys.readouterr().out, "Scripts")
    assert [" ".join(line) for line in fitting] == [
        "all texts are in the scripts of their languages"
    ]
    assert [" ".join(line) for line in lines] == [
        "train: 1 of 4 sources are in Chinese script, not in Latin as language=en is",
        "train: 1 of 4 targets are in Latin script, not in Chinese as language=zh is",
    ]


def test_texts_with_signs_of_damage_are_counted_before_and_after_cleaning(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the damage that the test does, and cleaning's promise to repair the last four."""
    damaged = [
        ("A <b>cat</b>.", "一只猫。"),
        ("Tom &apos;s dog &quot;.", "狗@-@。"),
        ("Two &amp; three.", '"二加三。"'),
        ("A schÃ¶n CafÃ©.", "咖啡。"),
        ("A\u200b bird\ufeff.", "鸟。"),
        ("A\u00a0fish.", "鱼。"),
        ("A \ufffd.", "什么。"),
    ]
    write(tmp_path / "data", {**PAIRS, "train": damaged})

    assert main(words) == 0

    head, *rows = section(capsys.readouterr().out, "Texts with signs of damage")
    assert head[:4] == ["train", "files", "train", "rows"]
    assert {name: (int(raw), int(cleaned)) for name, raw, cleaned, *_ in rows} == {
        "markup": (1, 1),
        "escapes": (2, 2),
        "quotes": (1, 1),
        "mojibake": (1, 0),
        "zero-width": (1, 0),
        "no-break": (1, 0),
        "byte-order": (1, 0),
        "replacement": (1, 1),
    }


def test_a_data_set_without_damage_says_so(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0

    (line,) = section(capsys.readouterr().out, "Texts with signs of damage")
    assert line[0] == "none"


def test_rows_are_made_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        assert main(words) == 0
        outputs.append(capsys.readouterr())

    assert outputs[0].out == outputs[1].out
    assert "built" in outputs[0].err
    assert "cached" in outputs[1].err


def test_examples_are_cut_and_obey_no_terminal(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    long = "猫" * (EXAMPLE_CHARACTERS + 7)
    write(tmp_path / "data", {"train": [("\x1b[31mred\u202e\nnext", long)]})

    assert main([*words, "cleaning.strip_control=false"]) == 0

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "source     \\x1b[31mred\\u202e\n" in printed
    assert f"\n{'next':>19}\n" in printed
    assert f"{'猫' * EXAMPLE_CHARACTERS}… (407 characters)" in printed


def test_a_set_that_is_only_tested_on_has_nothing_to_compare_with(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "tasks.tatoeba_en_zh"

    assert main([*words, f"{name}.train_split=null", f"{name}.validation_split=null"]) == 0

    assert "this data set has no training split" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ([], 2, "mtnlg data NAME"),
        ([TASK, "-m", "seed=1,2"], 2, "unknown option '-m'; `mtnlg data --help` shows"),
        (["translation/nope"], 2, "Could not find 'task/translation/nope'"),
        ([TASK, "data_root=/no/such/folder"], 3, "error: data_root=/no/such/folder: no such"),
        ([TASK, "tasks.tatoeba_en_zh.wight=1"], 2, "did you mean 'weight'"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], given: list[str], status: int, message: str
) -> None:
    assert main(["data", *given]) == status

    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", TASK, "--help"]) == 0

    assert "mtnlg data NAME" in capsys.readouterr().out


def test_it_loads_no_pytorch_and_bears_a_reader_that_leaves(words: list[str]) -> None:
    code = (
        "import sys; from mtnlg.cli.main import main; status = main(sys.argv[1:]); "
        "print(*{'torch', 'lightning'} & set(sys.modules), file=sys.stderr); sys.exit(status)"
    )

    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()

    assert process.wait() == 128 + signal.SIGPIPE
    assert "Traceback" not in errors
    assert errors.splitlines()[-1] == ""
