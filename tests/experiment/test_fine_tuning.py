"""A fine-tuning that callbacks watch by the quality of what the model says."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.records.rows import read_rows
from small_run import SmallRun

TASK = "translation/multi30k_en_de"


def test_early_stopping_watches_the_rouge_of_generations(tmp_path: Path) -> None:
    """Oracle: rouge_score on what the model folder answers to the validation rows; with a learning
    rate of almost nothing no validation after the first is better.
    """
    run = SmallRun(tmp_path)
    steps = ("trainer.max_steps=80", "trainer.validate_every_steps=80")
    assert run.here("train", *steps, "optimizer.learning_rate=1e-2") == 0
    model = run.one("artifacts/model/[!.]*")
    monitor = "callbacks.early_stopping.arguments"

    status = run.here(
        *("train", "name=tuned", f"initial_model={model}", "lora.rank=2", "trainer.max_steps=90"),
        *("optimizer.learning_rate=1e-9", "trainer.validate_every_steps=3"),
        *("tasks.multi30k_en_de.main_metric=rougeL", "evaluation.metrics=[rougeL]"),
        *(
            "callbacks=early_stopping",
            f"{monitor}.monitor=val/{TASK}/rougeL",
            f"{monitor}.mode=max",
        ),
        *(f"{monitor}.patience=4", "trainer.validation_rows=4"),
    )

    assert status == 0
    record = json.loads(run.one("runs/tuned/*/run.json").read_text())
    folder = run.root / "artifacts" / "model" / record["artifacts"]["model"]
    training = json.loads((folder / "training.json").read_text())
    assert (training["steps"], training["ended_by"]) == (15, "callbacks.early_stopping")
    rows = list(read_rows(run.one("artifacts/rows/[!.]*") / "validation.jsonl"))
    tuned = MegatronTuringForConditionalGeneration.from_pretrained(folder)
    outputs = [tuned.generate(row.source) for row in rows]
    scorer = RougeScorer(["rougeL"])
    scores = [
        scorer.score(row.references[0], output)["rougeL"].fmeasure
        for row, output in zip(rows, outputs, strict=True)
    ]
    with (folder / "metrics.csv").open() as stream:
        logged = [row["validation_metric"] for row in csv.DictReader(stream)]
    expected = 100 * sum(scores) / len(scores)
    assert expected > 5.0
    assert {round(float(value), 2) for value in logged if value} == {round(expected, 2)}
