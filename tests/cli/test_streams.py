"""Commands in poor places: a locale of ASCII, closed streams, a reader that left, a full device.

Oracle unless a test names another: the same command in a UTF-8 locale with open streams.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "mtnlg.cli.main"]
POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
RICH = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
SCORE = ["score", "--task", "translation", "--language", "zh", "--resamples", "100"]
FILES = ["--references", "猫.txt", "--hypotheses", "输出.txt"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("猫.txt").write_text("猫坐在垫子上。\n小镇下雨。\n", encoding="utf-8")
    Path("输出.txt").write_text("猫坐在。\n小镇雨。\n", encoding="utf-8")


def run(words: list[str], environment: dict[str, str]) -> tuple[int, bytes, bytes]:
    ended = subprocess.run(
        [*PROGRAM, *words], capture_output=True, check=False, env=os.environ | environment
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        [*SCORE, *FILES, "--terminal"],
        *(
            pytest.param([*SCORE, *FILES, style], marks=pytest.mark.slow)
            for style in ("--markdown", "--latex", "--json")
        ),
        ["doctor", "--task", "translation", "--language", "zh", *FILES],
        ["run", "--help", "decoding"],
        ["run", "name=中文", "--cfg", "job"],
        [*SCORE, "--references", "没有.txt", "--hypotheses", "输出.txt"],
        ["diff", "甲", "乙"],
    ],
    ids=lambda words: " ".join(words[:1] + words[-1:]),
)
def test_locale_of_ascii_changes_no_byte(words: list[str]) -> None:
    """File names, words, texts and messages with Chinese."""
    expected = run(words, RICH)

    assert run(words, POOR) == expected
    assert b"Traceback" not in expected[2]


def test_stream_that_takes_only_ascii_gets_escapes() -> None:
    """Oracle: Python's own escapes; PYTHONIOENCODING asks for ASCII in words."""
    status, output, _ = run([*SCORE, *FILES], {"PYTHONIOENCODING": "ascii"})

    assert status == 0
    assert "输出.txt".encode("ascii", "backslashreplace") in output


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (">&-", 0),
        ("2>&-", 0),
        ("<&- >&- 2>&-", 0),
        ("| true", 141),
        ("> /dev/full", 4),
    ],
)
@pytest.mark.parametrize("words", [[*SCORE, *FILES], ["run", "--help", "trainer"], ["--help"]])
def test_output_without_a_reader_ends_a_command_quietly(
    words: list[str], ending: str, status: int
) -> None:
    """Oracle: the status of tools that die of SIGPIPE, and that of errors.py for a full disk."""
    script = f'set -o pipefail; "$@" {ending}'

    ended = subprocess.run(
        ["bash", "-c", script, "bash", *PROGRAM, *words],
        capture_output=True,
        check=False,
        text=True,
    )

    assert ended.returncode == status
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert ("error: standard output: No space" in ended.stderr) == (status == 4)
