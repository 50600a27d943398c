"""Broken command lines: one line of words and a status of errors.py, never a traceback.

Oracle: what each line names, and the kind of its fault, by hand.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtnlg.cli.main import main

SCORE = "score --task translation --language en"
LONG = "x" * 300
RUN = "run task=translation/builtin_en_zh model=mt_nlg_nano --cfg job"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {
        "a.txt": b"a\nb\n",
        "empty.txt": b"",
        "bin.txt": bytes(range(256)),
        "bad.json": b'{"a":',
        "x.gz": b"\x1f\x8b\x08nope",
        "bad.yaml": b": :\n- [",
    }
    for name, content in contents.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    os.symlink("loop", "loop")


@pytest.mark.parametrize(
    ("line", "status", "named"),
    [
        (f"{SCORE} --references nope --hypotheses a.txt", 2, "nope"),
        (f"{SCORE} --references empty.txt --hypotheses a.txt", 2, "empty.txt"),
        (f"{SCORE} --references bin.txt --hypotheses a.txt", 2, "bin.txt:"),
        (f"{SCORE} --references a.txt --hypotheses bad.json", 2, "bad.json"),
        (f"{SCORE} --references a.txt --hypotheses x.gz", 2, "x.gz"),
        (f"{SCORE} --references a.txt --hypotheses folder", 2, "folder"),
        (f"{SCORE} --references a.txt --hypotheses loop", 2, "loop"),
        (f"{SCORE} --references a.txt --hypotheses a.txt/x", 2, "a.txt/x"),
        (f"{SCORE} --references a.txt --hypotheses {LONG}", 2, LONG),
        (f"{SCORE} --references a.txt --hypotheses a.txt --html {LONG}", 4, LONG),
        (f"{SCORE} --references a.txt --hypotheses a.txt --seed -1", 2, "--seed=-1"),
        (f"{SCORE} --references a.txt --hypotheses a.txt --seed x", 2, "--seed: invalid int"),
        (f"{SCORE} --references a.txt --hypotheses a.txt --confidence nan", 2, "--confidence=nan"),
        (f"{SCORE} --references a.txt --hypotheses a.txt --metrics bleu-xx", 2, "bleu-xx"),
        (f"{SCORE} --references a.txt --hypotheses a.txt --print pdf", 2, "--print has 'pdf'"),
        ("doctor --task translation --language en --references a.txt --hypotheses nope", 2, "nope"),
        (f"say --model {LONG} x", 4, LONG),
        ("say --model a.txt x", 4, "a.txt"),
        ("run --frozen bad.yaml", 2, "bad.yaml"),
        ("run --frozen folder", 2, "folder"),
        ("run --frozen bin.txt", 2, "bin.txt"),
        (f"diff {LONG} b", 4, LONG),
        ("publish --check", 4, "reports/published: has no published board"),
        ("publish --refresh", 4, "reports/published: has no published board"),
        (f"{RUN} --config-dir {LONG}", 4, LONG),
        (f"{RUN} model.num_heads=x", 2, "model.num_heads"),
        (f"{RUN} trainer.fast_dev_run=x", 2, "trainer.fast_dev_run is true or false"),
        (f"{RUN} +foo.bar=", 2, "+foo.bar="),
        (f"{RUN} seed=[1", 2, "seed=[1"),
        ("run --help nope.nope", 2, "nope.nope"),
    ],
)
def test_broken_command_is_named_in_one_line(
    line: str, status: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == status

    errors = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error: ")]
    assert len(errors) == 1
    assert named in errors[0]
