"""Launches with outputs that are scored as the stages score them, without any training."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtnlg.artifacts.store import make_folder
from mtnlg.cli.main import main
from mtnlg.config import EvaluationConfig
from mtnlg.evaluation.score import make_scores
from mtnlg.records.files import write_jsonl, write_text
from mtnlg.records.launches import register, write_launch
from mtnlg.records.rows import Prediction
from mtnlg.records.runs import (
    Cost,
    RunArtifacts,
    RunRecord,
    ScoreRecord,
    TaskRecord,
    write_run,
)

TASK = "translation/tiny_en_de"
WORDS = [f"w{number}" for number in range(60)]
EVALUATION = EvaluationConfig(metrics=["bleu", "rouge1", "ter", "distinct1"], num_resamples=100)


def made_references(count: int = 200, *, seed: int = 0) -> list[str]:
    """Sentences of 12 to 20 words."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(12, 20))) for _ in range(count)]


def made_outputs(references: Sequence[str], *, wrong: float, seed: int) -> list[str]:
    """The references with a share of their words wrong, as a model of that quality would have."""
    draw = random.Random(seed)
    return [
        " ".join("x" if draw.random() < wrong else word for word in text.split())
        for text in references
    ]


class MadeRuns:
    """The folders of experiments."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.references = made_references()

    def add(
        self,
        name: str,
        outputs: Sequence[str] | None,
        *,
        references: Sequence[str] | None = None,
        seed: int = 1,
        system: str = "nano",
        decoding: str = "greedy",
        language: str = "de",
        config: str = "",
        overrides: Sequence[str] = (),
        model: str | None = None,
        **fields: Any,
    ) -> RunRecord:
        """A run `experiment/run id` that the experiment's launch has; a failed one without outputs,
        unless its fields say more.
        """
        experiment, run_id = name.split("/")
        task = TaskRecord(TASK, "de", ("test",), "bleu")
        status = "finished" if outputs is not None else "failed"
        run = RunRecord(
            *(run_id, status, None if outputs else "out of memory", system, experiment),
            **{"seed": seed, "decoding": decoding, "tasks": (task,), **fields},
        )
        if outputs is not None:
            texts = list(references or self.references)
            score = self._score(texts, outputs, language, system, decoding)
            artifacts = RunArtifacts(model=model)
            run = RunRecord(**{field: getattr(run, field) for field in run.__slots__} |
                            {"scores": (score,), "artifacts": artifacts})  # fmt: skip
        folder = self.root / "runs" / experiment
        write_run(folder / run_id, run)
        text = f"seed: {seed}\nmodel:\n  name: {system}\ndecoding:\n  num_beams: 1\n"
        write_text(folder / run_id / "config.yaml", config or text)
        self.launch(experiment, {run_id: list(overrides or [f"seed={seed}"])})
        return run

    def launch(self, experiment: str, runs: dict[str, list[str]]) -> None:
        """Register runs, whether they have anything else in their folders or not."""
        command = ["mtnlg", "run", "-m", f"name={experiment}", f"job={','.join(runs)}"]
        register(self.root / "runs" / experiment, runs, command=command, code={})

    def forget(self, experiment: str, *run_ids: str) -> None:
        """Take runs off the board of their experiment."""
        folder = self.root / "runs" / experiment
        for run_id in run_ids:
            (folder / run_id / "launched.json").unlink()
        write_launch(folder)

    def _score(
        self,
        references: Sequence[str],
        outputs: Sequence[str],
        language: str,
        system: str,
        decoding: str,
    ) -> ScoreRecord:
        rows = [
            Prediction(f"row-{place}", f"source {place}", (reference,), output)
            for place, (reference, output) in enumerate(zip(references, outputs, strict=True))
        ]
        artifacts = self.root / "artifacts"
        predictions = make_folder(
            artifacts,
            "predictions",
            {"outputs": list(outputs), "references": list(references)},
            lambda folder: write_rows(folder / "predictions.jsonl", rows),
        )
        scores = make_scores(artifacts, predictions, language=language, settings=EVALUATION)
        return ScoreRecord(
            *(TASK, "test", "de", "trained", system, decoding, predictions.key, scores.key),
            cost=Cost(parameters=1_000, training_seconds=3.0),
            scored_rows=hashlib.sha256(json.dumps(references).encode()).hexdigest(),
        )

    def run(self, *words: str) -> int:
        """A command's exit status."""
        roots = [f"--{name}-root={self.root / name}" for name in ("runs", "artifacts", "reports")]
        return main([*words, *roots])


def write_rows(path: Path, rows: Sequence[Prediction]) -> None:
    write_jsonl(path, (row.to_json() for row in rows))
