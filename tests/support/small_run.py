"""A run of some seconds on 36 sentences, started as a user starts it: in a process of its own."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtnlg.cli.main import main

SUBJECTS = {"the red fox": "der rote Fuchs", "a dog": "ein Hund", "my friend": "mein Freund"}
VERBS = {"sees": "sieht", "likes": "mag", "finds": "findet", "paints": "malt"}
OBJECTS = {"a house": "ein Haus", "the river": "den Fluss", "two apples": "zwei Äpfel"}
SETTINGS = (
    *("task=translation/multi30k_en_de", "model=mt_nlg_nano", "name=small", "evaluation=fast"),
    *("model.num_layers=2", "model.hidden_size=32", "model.context_length=64"),
    *("model.dropout=0.1", "tokenizer.vocabulary_size=360", "trainer.num_threads=1"),
    *("trainer.max_steps=40", "trainer.validate_every_steps=9", "trainer.log_every_steps=1"),
    *("trainer.batch_tokens=128", "trainer.validation_rows=3", "optimizer.warmup_steps=4"),
    *("trainer.accelerator=cpu", "tasks.multi30k_en_de.test_sets=[test]"),
)


class SmallRun:
    """The folders of one run, and its command."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data" / "translation" / "multi30k_en_de"
        if not self.data.exists():
            self._write_data()

    def _write_data(self) -> None:
        triples = list(itertools.product(SUBJECTS.items(), VERBS.items(), OBJECTS.items()))
        chosen = [triples[7 * index % 36] for index in range(36)]
        pairs = [
            {
                "en": " ".join(part[0] for part in triple) + ".",
                "de": " ".join(part[1] for part in triple) + ".",
            }
            for triple in chosen
        ]
        self.data.mkdir(parents=True)
        for name, part in (
            ("train", pairs[:26]),
            ("validation", pairs[26:30]),
            ("test", pairs[30:]),
        ):
            lines = [json.dumps({"translation": pair}, ensure_ascii=False) for pair in part]
            (self.data / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Any command of ours, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "mtnlg.cli.main", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def words(self, stage: str, *overrides: str) -> list[str]:
        roots = [f"{name}_root={self.root / name}" for name in ("artifacts", "runs", "reports")]
        roots += [f"data_root={self.root / 'data'}"]
        return [sys.executable, "-m", "mtnlg.cli.main", stage, *SETTINGS, *roots, *overrides]

    def here(self, stage: str, *overrides: str) -> int:
        """The exit status of the command in this process, which need not import everything anew."""
        return main(self.words(stage, *overrides)[3:])

    def start(self, stage: str, *overrides: str, **options: Any) -> subprocess.Popen[str]:
        """The command in a process of its own, whose messages go to a pipe."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            self.words(stage, *overrides),
            **{"stderr": subprocess.PIPE, "env": environment, "text": True, **options},
        )

    def run(self, stage: str, *overrides: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The command, to its end."""
        child = self.start(stage, *overrides, stdout=subprocess.PIPE, **options)
        output, messages = child.communicate(timeout=400)
        return subprocess.CompletedProcess(child.args, child.returncode, output, messages)

    def run_until(
        self,
        is_time: Callable[[], bool],
        stage: str,
        *overrides: str,
        number: signal.Signals,
        **options: Any,
    ) -> tuple[int, str]:
        """Send a signal to the command at a moment; the exit status, and what it said."""
        child = self.start(stage, *overrides, **options)
        end = time.monotonic() + 400
        while not is_time() and child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert child.poll() is None, f"ended with {child.returncode}: {child.communicate()[1]}"
        child.send_signal(number)
        _, messages = child.communicate(timeout=400)
        return child.returncode, messages

    def one(self, pattern: str) -> Path:
        """The only file of a pattern."""
        (path,) = self.root.glob(pattern)
        return path

    def steps(self) -> int:
        """Rows of the training in progress; 0 before it."""
        return sum(
            path.read_text(encoding="utf-8").count("\n") - 1
            for path in self.root.glob("artifacts/model/*/metrics.csv")
        )

    def record(self) -> dict[str, Any]:
        """run.json."""
        record: dict[str, Any] = json.loads(self.one("runs/small/*/run.json").read_text("utf-8"))
        return record
