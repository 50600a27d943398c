"""A small finished run on files of its own, for tests that make it again."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mtnlg.provenance.manifest import Run, find_run

TASK = "translation/multi30k_en_de"
NUM_STEPS = 24
SMALL = (
    *(f"task={TASK}", "model=mt_nlg_nano", "name=small", "evaluation=fast"),
    *("model.num_layers=1", "model.hidden_size=32", "model.num_heads=2", "model.dropout=0.1"),
    *(
        "model.context_length=64",
        "tokenizer.vocabulary_size=360",
        "tasks.multi30k_en_de.test_sets=[test]",
    ),
    *(
        f"trainer.max_steps={NUM_STEPS}",
        "trainer.validate_every_steps=6",
        "trainer.log_every_steps=1",
    ),
    *("trainer.batch_tokens=256", "trainer.validation_rows=2", "optimizer.warmup_steps=4"),
    *("decoding.max_new_tokens=6", "evaluation.num_resamples=100"),
)
SUBJECTS = {"the red fox": "der rote Fuchs", "a dog": "ein Hund", "my friend": "mein Freund"}
VERBS = {"sees": "sieht", "likes": "mag", "finds": "findet", "paints": "malt"}
OBJECTS = {"a house": "ein Haus", "the river": "den Fluss", "two apples": "zwei Äpfel"}


@dataclass
class MadeRun:
    """The run, with everything below one folder, in which its commands work."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data" / TASK

    @property
    def run(self) -> Run:
        (folder,) = (path.parent for path in self.root.glob("runs/small/*/run.json"))
        return find_run(str(folder), runs_root=self.root / "runs")

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    def file(self, stage: str, name: str, *, system: str = "mt_nlg_nano") -> Path:
        """A file of one of its artifacts; of predictions and scores, those of this system."""
        made, record = self.run.record.artifacts, self.run.record
        if stage in ("predictions", "scores"):
            (key,) = (getattr(row, stage) for row in record.scores if row.system == system)
        else:
            key = getattr(made, stage)
        key = key if isinstance(key, str) else key["multi30k_en_de"]
        return self.artifacts / stage / key / name

    def copy(self, root: Path) -> MadeRun:
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return MadeRun(root)

    def command(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`mtnlg` in a process of its own, in the folder of the run."""
        return subprocess.run(
            [sys.executable, "-m", "mtnlg.cli.main", *words],
            cwd=self.root,
            env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
        )


def write_data(folder: Path) -> None:
    """36 pairs of sentences, 24 of them for training, shuffled by a stride."""
    triples = list(itertools.product(SUBJECTS.items(), VERBS.items(), OBJECTS.items()))
    pairs = [
        [" ".join(part[side] for part in triples[7 * place % 36]) + "." for side in (0, 1)]
        for place in range(36)
    ]
    folder.mkdir(parents=True)
    for name, part in (("train", pairs[:24]), ("validation", pairs[24:28]), ("test", pairs[28:])):
        records = ({"translation": {"en": source, "de": target}} for source, target in part)
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_run(root: Path) -> MadeRun:
    made = MadeRun(root)
    write_data(made.data)
    result = made.command("run", *SMALL, "data_root=data")
    assert result.returncode == 0, result.stderr
    return made
