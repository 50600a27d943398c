"""A sweep of 12 jobs, two at a time, killed at random moments and asked for again."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SETTINGS = (
    *("task=translation/multi30k_en_de", "tasks.multi30k_en_de.test_sets=[test]", "debug=fast"),
    *("model=mt_nlg_nano", "model.num_layers=1", "model.hidden_size=32", "model.num_heads=2"),
    *("model.context_length=64", "tokenizer.vocabulary_size=300", "evaluation=fast", "name=twelve"),
    *("model.dropout=0.0,0.1", "optimizer.learning_rate=1e-3,2e-3", "seed=1,2,3"),
    *("evaluation.has_baselines=false", "hydra.launcher.jobs=2", "trainer.max_steps=12"),
)
MEASURED = re.compile(r'"[\w]*(seconds|_at|memory|per_second|tokens_per)[\w]*": [^,}\n]+')
"""Times and what else is measured: no two runs have the same."""


def start(root: Path, data_root: Path) -> subprocess.Popen[bytes]:
    """The sweep, as the leader of a process group."""
    roots = [f"{name}_root={root / name}" for name in ("artifacts", "runs", "reports")]
    words = ["run", "-m", *SETTINGS, f"data_root={data_root}", *roots]
    root.mkdir(exist_ok=True)
    with (root / "shown.txt").open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "mtnlg.cli.main", *words],
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def board(root: Path) -> str:
    """leaderboard.json without times, and without the folder of this sweep."""
    text = (root / "reports" / "twelve" / "leaderboard.json").read_text(encoding="utf-8")
    assert len(json.loads(text)["boards"]) > 0
    return MEASURED.sub("", text.replace(str(root), "ROOT"))


def jobs_of(process: int) -> list[int]:
    """The children of a process that still run."""
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            children.append(int(stat.parent.name))
    return children


@pytest.mark.slow
def test_killed_sweep_ends_with_the_board_of_the_undisturbed_one(tmp_path: Path) -> None:
    """Oracle: the same sweep undisturbed; no child may outlive its parent for long."""
    data_root = tmp_path / "data"
    folder = data_root / "translation" / "multi30k_en_de"
    folder.mkdir(parents=True)
    lines = "\n".join(f"Row {number} has {number % 7} words." for number in range(24)) + "\n"
    for split in ("train", "validation", "test"):
        for language in ("en", "de"):
            (folder / f"{split}.{language}").write_text(lines, encoding="utf-8")
    assert start(tmp_path / "undisturbed", data_root).wait() == 0

    draw, root = random.Random(time.time_ns()), tmp_path / "killed"
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        parent = start(root, data_root)
        known = len(list(root.glob("runs/twelve/*/run.json")))
        while len(list(root.glob("runs/twelve/*/run.json"))) < min(known + 2, 12):
            assert parent.poll() is None
            time.sleep(0.05)
        time.sleep(draw.uniform(0.0, 6.0))
        children = jobs_of(parent.pid)
        os.kill(parent.pid, number)
        status = parent.wait()
        assert status in (128 + number, -number, 0)
        deadline = time.monotonic() + 60
        while any(Path(f"/proc/{child}/cmdline").exists() for child in children):
            assert time.monotonic() < deadline, "a child outlives its parent"
            time.sleep(0.1)

    assert start(root, data_root).wait() == 0

    shown = (root / "shown.txt").read_text(encoding="utf-8")
    print(shown[shown.rindex("job  run") :])
    assert board(root) == board(tmp_path / "undisturbed")
